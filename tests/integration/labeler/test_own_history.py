"""Scales made of one's own runs, and results graded again when a scale changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from gramwatt_labeler.__main__ import main
from gramwatt_labeler.model import Graded, Measurement, Window
from gramwatt_labeler.scale_book.content import read_scale
from gramwatt_labeler.scale_book.rows import ScaleRows
from gramwatt_labeler.scale_files import grade, load_scales
from gramwatt_labeler.store import Store
from known import known

NOW = 1_700_000_000.0
SCALE = Path(__file__).parents[2] / "fixtures" / "scales" / "gramwatt.yml"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings in the environment, a folder for scales, and a database with runs."""
    (tmp_path / "scales").mkdir()
    (tmp_path / "scales" / "gramwatt.yml").write_text(SCALE.read_text())
    monkeypatch.setenv("GRAMWATT_LABELER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("GRAMWATT_LABELER_GRADING_SCALES_DIR", str(tmp_path / "scales"))
    return tmp_path


def keep(home: Path, runs: list[tuple[Window, Measurement]]) -> None:
    loaded = load_scales(str(home / "scales"))["gramwatt"]
    (home / "data").mkdir(exist_ok=True)
    store = Store(f"sqlite:///{home / 'data' / 'grades.db'}")
    for window, measurement in runs:
        assert store.add(Graded(window, measurement, grade(loaded, window, measurement), NOW))
    store.close()


def run(name: str, joules: float, **changes: Any) -> tuple[Window, Measurement]:
    facts = {"phase": "training", "task": "image-classification", "values": {"samples": 100.0}} | changes
    window = Window(id=name, name=name, start=NOW - 60, end=facts.pop("end", NOW), **facts)
    return window, Measurement(joules, {"cpu": joules}, samples=12, coverage_ratio=1.0)


def test_a_scale_of_ones_own_runs(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [run(f"r{n}", 100.0 * n) for n in range(1, 8)]
    runs += [
        run("other", 1.0, task="poetry"),
        run("failed", 1.0, failure="exit code 1"),
        run("old", 1.0, end=NOW - 1e7),
    ]
    keep(home, runs)
    words = ["scale", "new", "--from", "task=image classification", "--since", "2023-11-01", "--name", "mine"]
    assert main(words) == 0
    assert capsys.readouterr().out.strip() == str(home / "scales" / "mine.yml")
    (reference,) = yaml.safe_load((home / "scales" / "mine.yml").read_text())["references"]
    assert (reference["joules"], reference["n"], reference["unit"]) == (4.0, 7, "sample")
    assert (reference["low"], reference["high"]) == (2.2, 5.8)
    assert (reference["boundary"], reference["hardware"]) == ("process", "cpu")
    loaded = load_scales(str(home / "scales"))["mine"]
    half = grade(loaded, *run("half", 200.0))
    assert (half.scale.name, half.text) == ("mine", "B (B-C)")
    assert known(half.reference).n == 7
    assert main(["scale", "check", str(home / "scales" / "mine.yml")]) == 0
    assert "mine" in capsys.readouterr().out
    assert main(["scale", "list"]) == 0
    assert "Own history: task=image classification" in capsys.readouterr().out


def test_too_few_runs_make_no_scale(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(home, [run(f"r{n}", 100.0 * n) for n in range(1, 5)])
    assert main(["scale", "new", "--from", "task=image-classification"]) == 1
    assert "no 5 stored runs that are alike" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["scale", "new", "--from", "colour=red"])
    assert "expected FACT=TEXT with FACT one of task" in capsys.readouterr().err


def test_grading_again_keeps_both_results(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(home, [run("r1", 400.0), run("r2", 4000.0)])
    words = ["grade", "--again"]
    assert main(words) == 0
    assert "0 result(s) were graded again" in capsys.readouterr().out
    file = home / "scales" / "gramwatt.yml"
    file.write_text(
        file.read_text().replace('version: "1"', 'version: "2"').replace("joules: 8.67", "joules: 4")
    )
    assert main([*words, "--dry-run"]) == 0
    assert "2 result(s) would be graded again, 1 with another letter" in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    rows = {row["window"]: row for row in json.loads(capsys.readouterr().out)}
    assert [rows["r1"][side]["grade"] for side in ("before", "after")] == ["B", "C"]
    assert [rows["r1"][side]["version"] for side in ("before", "after")] == ["1", "2"]
    store = Store(f"sqlite:///{home / 'data' / 'grades.db'}")
    assert {one.window.id: one.grade.scale.version for one in store.recent()} == {"r1": "2", "r2": "2"}
    store.close()
    assert main(words) == 0
    assert "0 result(s)" in capsys.readouterr().out


def test_show_diff_and_what_is_wrong(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scale", "show", "gaissa"]) == 0
    assert "kind: rated" in capsys.readouterr().out
    assert main(["scale", "show", "gaisa"]) == 1
    assert "did you mean 'gaissa'?" in capsys.readouterr().err
    assert main(["scale", "diff", "gaissa", "gaissa-fixed"]) == 0
    assert "+    cuts: [0.292" in capsys.readouterr().out
    (home / "bad.yml").write_text("kind: eei\nname: x\n")
    assert main(["scale", "check", str(home / "bad.yml")]) == 1
    assert "bad.yml: $: " in capsys.readouterr().err
    assert main(["scale", "check", str(home / "none.yml")]) == 1


def test_a_retired_scale_is_read_and_grades_nothing_new(home: Path) -> None:
    file = home / "scales" / "gramwatt.yml"
    file.write_text(file.read_text() + "retired: true\n")
    loaded = load_scales(str(home / "scales"))["gramwatt"]
    result = grade(loaded, *run("r1", 400.0))
    assert (result.letter, "is retired" in result.reason) == (None, True)


def test_commands_grade_on_the_scales_that_managers_made(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the pages do; a letter by them is not put back to that of the file."""
    keep(home, [run("one", 100.0)])
    tree = yaml.safe_load((home / "scales" / "gramwatt.yml").read_text()) | {"version": "7"}
    content = json.dumps(tree, default=str)  # JSON is YAML, without aliases
    loaded = read_scale(content)
    store = Store(f"sqlite:///{home / 'data' / 'grades.db'}")
    ScaleRows(store.database).put(loaded, content, "bob", NOW)
    store.close()
    assert main(["grade", "--again", "--json"]) == 0
    (changed,) = json.loads(capsys.readouterr().out)
    assert (changed["before"]["version"], changed["after"]["version"]) == ("1", "7")
    assert main(["grade", "--again"]) == 0
    assert "0 result(s)" in capsys.readouterr().out
    assert main(["scale", "show", "gramwatt"]) == 0
    assert capsys.readouterr().out == content
    assert main(["scale", "list", "--json"]) == 0
    assert {"gramwatt": "7", "gaissa": "2023"}.items() <= {
        one["name"]: one["version"] for one in json.loads(capsys.readouterr().out)
    }.items()
    assert main(["scale", "diff", str(home / "scales" / "gramwatt.yml"), "gramwatt", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changes"] == [{"path": "$.version", "old": "1", "new": "7"}]
    facts = home / "facts.json"
    facts.write_text(
        '{"phase": "training", "task": "image-classification", "metrics": {"energy": 100, "samples": 9}}'
    )
    main(["grade", "--scheme", "gramwatt", "--input", str(facts)])
    tree = json.loads(capsys.readouterr().out)
    assert tree["scale"]["version"] == "7"
    assert any("this installation's own" in note for note in tree["notes"]) == (tree["grade"] is not None)
