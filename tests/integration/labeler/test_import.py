"""`gramwatt-labeler import` on files that the real CodeCarbon and our own client wrote, down to pages and metrics."""

from __future__ import annotations

import csv
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from gramwatt_labeler.__main__ import main
from gramwatt_labeler.codecarbon_import import Outcome, import_results
from gramwatt_labeler.model import Graded
from gramwatt_labeler.scale_files import load_scales, pick
from gramwatt_labeler.sources.emissions_csv import Options, read_emissions
from gramwatt_labeler.store import Store

pytestmark = pytest.mark.usefixtures("scales_dir")

KWH = 3_600_000.0
SCALES = str(Path(__file__).parents[2] / "fixtures" / "scales")
TRACKED = """
import sys, time
from codecarbon import OfflineEmissionsTracker
folder = sys.argv[1]
settings = dict(country_iso_code="FRA", log_level="critical", measure_power_secs=1, output_dir=folder,
                allow_multiple_runs=True)
def work():
    end = time.perf_counter() + 0.4
    while time.perf_counter() < end:
        sum(range(1000))
tracker = OfflineEmissionsTracker(project_name="flushed", tracking_mode="machine", **settings)
tracker.start(); work(); tracker.flush(); work(); tracker.flush(); work(); tracker.stop()
tracker.start(); work(); tracker.stop()
tracker = OfflineEmissionsTracker(project_name="tasks", output_file="tasks.csv", experiment_name="two",
                                  tracking_mode="process", **settings)
tracker.start_task("load"); work(); tracker.stop_task()
tracker.start_task("fit"); work(); tracker.stop_task()
tracker.stop()
"""
HAND = (
    "timestamp,project_name,run_id,duration,emissions,energy_consumed,codecarbon_version,tracking_mode\n"
    "2026-01-01T12:00:00,one,r1,10,0.001,0.001,2.3.5,process\n"
    "2026-01-01T12:10:00,two,r2,20,0.002,0.002,2.3.5,process\n"
)


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files that the installed CodeCarbon wrote: a run with flushes and a restart, and one of tasks."""
    pytest.importorskip("codecarbon", reason="needs codecarbon: pip install codecarbon")
    folder = tmp_path_factory.mktemp("codecarbon")
    done = subprocess.run(
        [sys.executable, "-c", TRACKED, str(folder)], capture_output=True, text=True, timeout=180, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRAMWATT_LABELER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("GRAMWATT_LABELER_LABELS_FORMATS", "svg")
    return tmp_path / "data"


@pytest.fixture
def hand(tmp_path: Path) -> Path:
    path = tmp_path / "emissions.csv"
    path.write_text(HAND)
    return path


def stored(data: Path) -> list[Graded]:
    store = Store(f"sqlite:///{data / 'grades.db'}")
    try:
        return store.recent(scale="gramwatt")
    finally:
        store.close()


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_of_the_real_codecarbon(tracked: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = rows_of(tracked / "emissions.csv")
    assert len(rows) == 4  # two flushes, a stop, and a stop after the second start
    assert len({row["run_id"] for row in rows}) == 1
    arguments = ["import", str(tracked / "emissions.csv"), "--phase", "training", "--task", "image-classification",
                 "--value", "samples=10"]  # fmt: skip
    assert main(arguments) == 0
    (one,) = stored(data)
    energy = float(rows[-1]["energy_consumed"])
    assert energy == max(float(row["energy_consumed"]) for row in rows)
    assert one.measurement is not None
    assert one.measurement.energy_joules == pytest.approx(energy * KWH)
    assert sum(one.measurement.components.values()) == pytest.approx(energy * KWH)
    assert one.measurement.emissions_grams == pytest.approx(float(rows[-1]["emissions"]) * 1000)
    assert one.window.id == rows[0]["run_id"]
    # Three stretches of work before the restart and one after it.
    durations = [float(row["duration"]) for row in rows]
    again = durations[3] < durations[2]
    assert one.window.seconds == pytest.approx(durations[2] + durations[3] if again else durations[3])
    imported = one.measurement.imported
    assert imported is not None
    assert imported.text == f"imported from CodeCarbon {rows[0]['codecarbon_version']}, machine mode, France"
    assert one.grade.letter is not None
    assert one.grade.energy_per_unit_joules == pytest.approx(energy * KWH / 10)
    label = (data / "labels" / f"{one.window.id}.svg").read_text()
    assert f"CodeCarbon {imported.version}, machine mode" in label
    capsys.readouterr()
    assert main(arguments) == 0
    assert "1 already there" in capsys.readouterr().out
    assert stored(data) == [one]


def test_tasks_of_the_real_codecarbon(tracked: Path, data: Path) -> None:
    (tasks,) = tracked.glob("emissions_two_*.csv")
    assert main(["import", str(tasks), str(tracked / "tasks.csv"), "--phase", "inference"]) == 0
    run = rows_of(tasks)[0]["run_id"]
    by_name = {one.window.name: one for one in stored(data)}
    assert set(by_name) == {"load", "fit", "tasks"}
    assert [by_name[name].window.parent for name in ("load", "fit")] == [run, run]
    assert by_name["tasks"].window.id == run
    parts = [by_name[name].measurement for name in ("load", "fit")]
    whole = by_name["tasks"].measurement
    assert whole is not None
    assert 0 < sum(part.energy_joules for part in parts if part) <= whole.energy_joules * 1.0001


def test_a_row_of_our_own_client(data: Path, tmp_path: Path) -> None:
    write = (
        "import pathlib, sys; from gramwatt import emissions_csv; from gramwatt.result import Result\n"
        "emissions_csv.append(pathlib.Path(sys.argv[1]), Result('mine', 'training', window='w-1', joules=7200.0,"
        " grams=0.5, seconds=60.0, end=1767268800.0, components={'cpu': 7000.0, 'dram': 200.0}))"
    )
    path = tmp_path / "emissions.csv"
    subprocess.run([sys.executable, "-c", write, str(path)], check=True, timeout=60)
    assert main(["import", str(path)]) == 0
    (one,) = stored(data)
    assert (one.window.id, one.window.name, one.window.end) == ("w-1", "mine", 1767268800.0)
    assert one.measurement is not None
    assert one.measurement.energy_joules == pytest.approx(7200)
    assert one.measurement.components == pytest.approx({"cpu": 7000, "dram": 200})
    assert one.measurement.emissions_grams == pytest.approx(0.5)
    assert one.measurement.sources == ("emissions.csv",)


def test_without_phase_or_values_it_is_kept_and_says_what_is_missing(
    hand: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", str(hand), "--task", "image-classification"]) == 0
    assert "not graded: missing a phase (--phase training or inference)" in capsys.readouterr().out
    assert main(["import", str(hand), "--task", "image-classification", "--phase", "training"]) == 0
    assert "2 already there and different (--replace" in capsys.readouterr().out
    assert (
        main(["import", str(hand), "--task", "image-classification", "--phase", "training", "--replace"]) == 0
    )
    out = capsys.readouterr().out
    assert "value 'samples'; record it with --value samples=N" in out
    assert "2 replaced" in out
    assert {one.window.phase for one in stored(data)} == {"training"}
    assert main(["import", str(hand), "--phase", "training", "--replace"]) == 0
    out = capsys.readouterr().out
    assert "not graded: missing a task (--task TASK; known: " in out
    assert "gramwatt run" not in out


def test_a_run_of_other_options_gets_no_letter_until_it_is_replaced(hand: Path, data: Path) -> None:
    """Its letters are all of the same numbers."""

    def letters() -> dict[str, str | None]:
        store = Store(f"sqlite:///{data / 'grades.db'}")
        try:
            return {name: one.grade.letter for name, one in store.evaluation("r1").grades.items()}
        finally:
            store.close()

    assert main(["import", str(hand), "--phase", "training"]) == 0
    first = letters()
    assert set(first) == {"gramwatt", "gaissa", "gaissa-fixed", "gaissalabel"}
    assert main(["import", str(hand), "--phase", "inference"]) == 0
    assert letters() == first
    assert main(["import", str(hand), "--phase", "inference", "--replace"]) == 0
    assert set(letters()) == {"gramwatt"}  # the others are for trainings


def test_a_run_that_went_on_is_taken_anew(hand: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(hand)]) == 0
    before = hand.read_text()
    hand.write_text(before + "2026-01-01T12:20:00,two,r2,620,0.004,0.004,2.3.5,process\n")
    capsys.readouterr()
    assert main(["import", str(hand)]) == 0
    assert "1 already there, 1 went on" in capsys.readouterr().out
    energies = {one.window.id: one.measurement.energy_joules for one in stored(data) if one.measurement}
    assert energies == pytest.approx({"r1": 0.001 * KWH, "r2": 0.004 * KWH})
    hand.write_text(before)  # an older copy does not take it back
    assert main(["import", str(hand)]) == 0
    assert {
        one.window.id: one.measurement.energy_joules for one in stored(data) if one.measurement
    } == energies


def test_a_file_that_is_wrong_adds_nothing_and_keeps_no_other_out(
    hand: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = hand.with_name("wrong.csv")
    wrong.write_text(HAND.replace("r1", "r3").replace("0.002,0.002", "0.002,nan"))
    assert main(["import", str(wrong), str(hand)]) == 1
    said = capsys.readouterr()
    assert f"{wrong}: line 3: column 'energy_consumed': 'nan' is not a number" in said.err
    assert "nothing of it was imported" in said.err
    assert "Traceback" not in said.err
    assert {one.window.id for one in stored(data)} == {"r1", "r2"}  # not r3, whose own line is right


def test_what_was_not_measured_is_named_and_left_out(
    hand: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hand.write_text(HAND.replace("0.002,0.002", "0.002,"))
    assert main(["import", str(hand)]) == 0
    said = capsys.readouterr()
    assert f"{hand}: line 3: column 'energy_consumed' is empty: it was not measured; left out" in said.err
    assert said.out.count("(new)") == 1
    assert {one.window.id for one in stored(data)} == {"r1"}


def test_all_of_a_file_or_nothing(hand: Path, tmp_path: Path) -> None:
    """Somebody else writes the second window between our look and our write: the first is not kept either."""
    results = read_emissions(hand, Options())
    scales = pick(load_scales(SCALES), ["gramwatt"])
    store = Store(f"sqlite:///{tmp_path / 'x.db'}")

    class Late(Store):
        def get(self, window: str, scale: str = "") -> list[Graded]:
            return []  # as it was before the other's write

    import_results(results[1:], store, lambda _: scales, 0.0)
    late = Late(f"sqlite:///{tmp_path / 'x.db'}")
    with pytest.raises(Exception, match="none was written"):
        import_results(results, late, lambda _: scales, 0.0)
    assert [one.window.id for one in store.recent()] == ["r2"]
    late.close()
    store.close()


def test_what_gramwatt_recorded_is_never_replaced(hand: Path, tmp_path: Path) -> None:
    results = read_emissions(hand, Options())
    store = Store(f"sqlite:///{tmp_path / 'x.db'}")
    scales = pick(load_scales(SCALES), ["gramwatt"])
    (_, other) = import_results(results, store, lambda _: scales, 0.0)
    measured = other.graded
    recorded = Graded(measured.window, None, measured.grade, 1.0)
    store.add_all([], [recorded])
    done = import_results(results, store, lambda _: scales, 2.0, replacing=True)
    assert [one.outcome for one in done] == [Outcome.SAME, Outcome.RECORDED]
    assert store.get("r2") == [recorded]
    store.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--value", "samples"], "expected KEY=NUMBER"),
        (["--value", "samples=nan"], "expected KEY=NUMBER"),
        (["--value", "samples=60.000"], "can mean 60000 or 60; write one of them"),
        (["--column", "samples="], "expected FIELD=COLUMN"),
        (["--phase", "both"], "--phase"),
        (["--timezone", "Mars/Olympus"], "no time zone 'Mars/Olympus'"),
        (["--timezone", "../x"], "no time zone"),
    ],
)
def test_wrong_options_name_the_option(
    hand: Path, data: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["import", str(hand), *arguments])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


@pytest.fixture
def site(data: Path) -> Iterator[str]:
    """`gramwatt-labeler serve` as a process of its own, started before anything is imported."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "gramwatt_labeler", "serve", f"--web.listen-address=127.0.0.1:{port}",
         "--watch.interval=1s"],
        stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        until(lambda: get(f"{url}/-/ready") == "ok\n", process)
        yield url
    finally:
        process.terminate()
        process.communicate(timeout=30)


def get(url: str) -> str:
    try:
        return requests.get(url, timeout=10).text
    except requests.ConnectionError:
        return ""


def until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()[1].decode()
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_pages_rest_and_metrics_say_where_it_came_from(site: str, hand: Path, data: Path) -> None:
    spoiled = HAND.replace("process", "<b>mode</b>", 1)
    hand.write_text(spoiled)
    arguments = ["--phase", "training", "--task", "image-classification", "--run", "r1"]
    assert main(["import", str(hand), "--value", "samples=100", *arguments]) == 0
    origin = "imported from CodeCarbon 2.3.5, &lt;b&gt;mode&lt;/b&gt; mode"
    assert origin in get(f"{site}/labels/")
    page = get(f"{site}/labels/r1")
    assert origin in page
    assert "emissions.csv, line 2, run r1" in page
    assert "coverage" not in page
    assert "Imported from CodeCarbon 2.3.5" in get(f"{site}/labels/r1.svg")
    assert requests.get(f"{site}/labels/r1.pdf", timeout=30).content.startswith(b"%PDF")
    (one,) = json.loads(get(f"{site}/api/v1/grades/r1?scale=gramwatt"))["grades"]
    assert one["measurement"]["imported"]["version"] == "2.3.5"
    metrics = f"{site}/metrics"
    deadline = time.monotonic() + 60
    while 'window="r1"' not in get(metrics):  # refused: what its energy counts is not known
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert 'origin="imported from CodeCarbon 2.3.5, <b>mode</b> mode"' in get(metrics)


def test_json_for_programs(hand: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(hand), "--json", "--run", "r1"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert one["outcome"] == "new"
    assert one["measurement"]["imported"]["tool"] == "CodeCarbon"
    assert one["measurement"]["coverage_ratio"] is None
