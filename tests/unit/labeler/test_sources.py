"""CodeCarbon's files, as its versions wrote them and as people and disks spoil them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from gramwatt_labeler.errors import InputError
from gramwatt_labeler.sources.emissions_csv import Options, read_emissions

UTC = Options(zone=ZoneInfo("UTC"))
NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z
COLUMNS_12 = (
    "timestamp,experiment_id,project_name,duration,emissions,energy_consumed,country_name,country_iso_code,region,"
    "on_cloud,cloud_provider,cloud_region"
)
COLUMNS_20 = (
    "timestamp,project_name,run_id,duration,emissions,emissions_rate,cpu_power,gpu_power,ram_power,cpu_energy,"
    "gpu_energy,ram_energy,energy_consumed,country_name,country_iso_code,region,cloud_provider,cloud_region,os,"
    "python_version,cpu_count,cpu_model,gpu_count,gpu_model,longitude,latitude,ram_total_size,tracking_mode,on_cloud"
)
COLUMNS = (
    "timestamp,project_name,run_id,duration,emissions,cpu_energy,gpu_energy,ram_energy,energy_consumed,"
    "codecarbon_version,tracking_mode"
)
ROW = "2026-01-01T12:00:00,train,run-1,60,0.002,0.006,0.003,0.001,0.01,3.3.2,machine"


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def write(*lines: str, end: str = "\n", encoding: str = "utf-8") -> Path:
        path = tmp_path / "emissions.csv"
        path.write_bytes(("\n".join(lines) + end).encode(encoding))
        return path

    return write


def row(**changes: str) -> str:
    cells = dict(zip(COLUMNS.split(","), ROW.split(","), strict=True)) | changes
    return ",".join(cells.values())


def test_units_and_provenance(file: Any) -> None:
    (one,) = read_emissions(file(COLUMNS, ROW), UTC)
    assert (one.window.id, one.window.name, one.window.phase) == ("run-1", "train", "")
    assert (one.window.start, one.window.end) == (NOON - 60, NOON)
    measured = one.measurement
    assert measured.energy_joules == pytest.approx(36_000)  # 0.01 kWh
    assert measured.components == pytest.approx({"cpu": 21_600, "gpu": 10_800, "dram": 3_600})
    assert measured.emissions_grams == pytest.approx(2)
    assert measured.sources == ("codecarbon",)
    assert measured.imported is not None
    assert measured.imported.text == "imported from CodeCarbon 3.3.2, machine mode"
    assert (measured.imported.file, measured.imported.line, measured.imported.run) == (
        "emissions.csv",
        2,
        "run-1",
    )
    assert any("whole machine" in note for note in measured.notes)
    assert (measured.samples, measured.coverage_ratio, measured.uncertainty_ratio) == (None, None, None)


def test_files_of_version_1_2(file: Any) -> None:
    """No run_id, no components, no version; every row is a run, and the same row again is the same run."""
    first = "2021-05-01T10:00:00,0f0f,old,10.5,0.001,0.002,France,FRA,ile-de-france,N,,"
    second = first.replace("10:00:00,0f0f", "11:00:00,1e1e")
    runs = read_emissions(file(COLUMNS_12, first, second, first), UTC)
    assert len({one.window.id for one in runs}) == len(runs) == 2
    assert read_emissions(file(COLUMNS_12, first), UTC)[0].window == runs[0].window
    assert runs[0].measurement.components == {}
    assert runs[0].measurement.energy_joules == pytest.approx(7200)
    imported = runs[0].measurement.imported
    assert imported is not None
    assert imported.text == "imported from CodeCarbon (version not stated), France, ile-de-france"


def test_files_of_version_2_0(file: Any) -> None:
    cells = (
        "2022-01-01T10:00:00,old,r,2.5,0.001,0.0004,42.5,0.0,3.0,0.001,0,0.001,0.002,Canada,CAN,quebec,aws,ca-1,"
        "Linux,3.8,4,Intel,,,,,16,process,Y"
    )
    (one,) = read_emissions(file(COLUMNS_20, cells), UTC)
    assert one.measurement.components == pytest.approx(
        {"cpu": 3600, "dram": 3600}
    )  # 0 is how it writes "no GPU"
    assert one.measurement.imported is not None
    assert (
        one.measurement.imported.text
        == "imported from CodeCarbon (version not stated), process mode, Canada, quebec, aws ca-1"
    )
    assert one.measurement.notes == ()


def test_rows_of_a_run_are_totals_not_parts(file: Any) -> None:
    rows = [
        row(timestamp=f"2026-01-01T12:00:{s}", duration=s, energy_consumed=e)
        for s, e in (("10", "0.01"), ("20", "0.02"), ("25", "0.025"))
    ]
    (one,) = read_emissions(file(COLUMNS, *rows), UTC)
    assert one.measurement.energy_joules == pytest.approx(90_000)
    assert (one.window.start, one.window.end) == (NOON, NOON + 25)
    assert one.measurement.imported is not None
    assert one.measurement.imported.line == 4


def test_a_run_that_was_started_again_goes_on(file: Any) -> None:
    """Since 3.0 the duration begins anew and the energy does not."""
    rows = [
        row(timestamp=f"2026-01-01T12:00:{at}", duration=d, energy_consumed=e)
        for at, d, e in (("10", "10", "0.01"), ("20", "20", "0.02"), ("35", "5", "0.03"))
    ]
    (one,) = read_emissions(file(COLUMNS, *rows), UTC)
    assert one.measurement.energy_joules == pytest.approx(108_000)
    assert one.window.seconds == pytest.approx(25)


def test_rows_in_another_order_are_put_in_the_order_of_time(file: Any) -> None:
    later = row(timestamp="2026-01-01T12:00:30", duration="90", energy_consumed="0.02")
    (one,) = read_emissions(file(COLUMNS, later, ROW), UTC)
    assert one.measurement.energy_joules == pytest.approx(72_000)
    assert one.window.end == NOON + 30


def test_rows_of_one_run_that_are_no_totals_are_refused(file: Any) -> None:
    later = row(timestamp="2026-01-01T12:00:30", energy_consumed="0.004")
    with pytest.raises(
        InputError, match=r"line 3: column 'energy_consumed': less than in line 2 .*run_id 'run-1'"
    ):
        read_emissions(file(COLUMNS, ROW, later), UTC)


def test_tasks_are_windows_within_their_run(file: Any) -> None:
    tasks = [f"{task},{row(run_id='r')}" for task in ("load", "fit, then <b>")]
    quoted = tasks[1].replace("fit, then <b>", '"fit, then <b>"')
    load, fit = read_emissions(file("task_name," + COLUMNS, tasks[0], quoted), UTC)
    assert (load.window.name, fit.window.name) == ("load", "fit, then <b>")
    assert load.window.parent == fit.window.parent == "r"
    assert load.window.id != fit.window.id
    assert load.window.id.startswith("r-")


def test_a_file_that_names_no_tool_is_not_called_codecarbons(file: Any) -> None:
    """What `gramwatt run --emissions-csv` writes has CodeCarbon's columns and no version."""
    (one,) = read_emissions(
        file(COLUMNS, row(codecarbon_version="", tracking_mode="process", emissions="")), UTC
    )
    assert one.measurement.imported is not None
    assert one.measurement.imported.text == "imported from a file that names no tool, process mode"
    assert one.measurement.sources == ("emissions.csv",)
    assert one.measurement.emissions_grams is None


def test_values_and_facts_from_options_and_columns(file: Any) -> None:
    path = file(
        COLUMNS + ",samples,n_tokens,what,phase",
        ROW + ",100,7,vision,inference",
        row(run_id="run-2") + ",,8,,",
    )
    options = Options(
        columns={"tokens": "n_tokens", "task": "what"},
        facts={"phase": "training", "task": "text", "model": "m"},
        values={"samples": 5.0, "accuracy": 0.9},
        zone=ZoneInfo("UTC"),
    )
    one, two = read_emissions(path, options)
    assert one.window.values == {"samples": 100, "tokens": 7, "accuracy": 0.9}
    assert two.window.values == {"samples": 5, "tokens": 8, "accuracy": 0.9}
    assert (one.window.phase, one.window.task, one.window.model) == ("inference", "vision", "m")
    assert (two.window.phase, two.window.task) == ("training", "text")


def test_renamed_columns(file: Any) -> None:
    path = file(COLUMNS.replace("energy_consumed", "kwh"), ROW)
    (one,) = read_emissions(path, Options(columns={"energy_consumed": "kwh"}))
    assert one.measurement.energy_joules == pytest.approx(36_000)


def test_only_some_runs(file: Any) -> None:
    path = file(COLUMNS, ROW, row(run_id="run-2"))
    assert [one.window.id for one in read_emissions(path, Options(runs=["run-2"]))] == ["run-2"]
    with pytest.raises(InputError, match=r"no row with run_id 'run-3' \(--run\)"):
        read_emissions(path, Options(runs=["run-3"]))


def test_times_are_of_the_zone_that_is_said(file: Any) -> None:
    (one,) = read_emissions(file(COLUMNS, ROW), Options(zone=ZoneInfo("Asia/Tokyo")))
    assert one.window.end == NOON - 9 * 3600
    (one,) = read_emissions(file(COLUMNS, row(timestamp="2026-01-01T12:00:00+02:00")), UTC)
    assert one.window.end == NOON - 2 * 3600


def test_ids_of_strangers_make_no_addresses(file: Any) -> None:
    (one,) = read_emissions(file(COLUMNS, row(run_id="../../etc <x>")), UTC)
    assert one.window.id.startswith("csv-")
    assert one.measurement.imported is not None
    assert one.measurement.imported.run == "../../etc <x>"


def test_a_pue_is_said(file: Any) -> None:
    (one,) = read_emissions(file(COLUMNS + ",pue", ROW + ",1.5"), UTC)
    assert "the energy includes a PUE of 1.5" in one.measurement.notes


def test_byte_order_mark_empty_lines_and_windows_line_ends(file: Any) -> None:
    path = file(COLUMNS + "\r", "\r", ROW + "\r", "", encoding="utf-8-sig")
    assert [one.window.id for one in read_emissions(path, UTC)] == ["run-1"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([COLUMNS, row(energy_consumed="nan")], r"line 2: column 'energy_consumed': 'nan' is not a number"),
        ([COLUMNS, row(energy_consumed="-0.1")], r"line 2: column 'energy_consumed': '-0.1' is not .*not negative"),
        ([COLUMNS, row(energy_consumed="1e308")], r"line 2: column 'energy_consumed': '1e308' is beyond every"),
        ([COLUMNS, row(duration="inf")], r"line 2: column 'duration': 'inf'"),
        ([COLUMNS, row(emissions="0,5".replace(",", ";"))], r"line 2: column 'emissions': '0;5'"),
        ([COLUMNS, row(gpu_energy="-1e-9")], r"line 2: column 'gpu_energy'"),
        ([COLUMNS, row(timestamp="yesterday")], r"line 2: column 'timestamp': “yesterday” is not a time such as"),
        ([COLUMNS + ",phase", ROW + ",train"], r"line 2: column 'phase': 'train' is not training or inference"),
        ([COLUMNS + ",samples", ROW + ",many"], r"line 2: column 'samples': 'many' is not a number"),
        ([COLUMNS.replace("energy_consumed", "kwh"), ROW], r"no column 'energy_consumed'.*energy_consumed=NAME"),
        ([COLUMNS, ROW, ROW[:50]], r"line 3 has \d+ of 11 fields .*cut off there: copy it again"),
        ([COLUMNS, ROW[:50], ROW], r"line 2 has \d+ of 11 fields .*a field for each column"),
        ([COLUMNS, ROW + ",1"], r"line 2 has 12 of 11 fields"),
        ([COLUMNS, ROW.replace("train", '"train')], r"line 2: .*a quotation mark is open"),
        ([COLUMNS.replace(",", ";"), ROW.replace(",", ";")], r"line 1: .*separated by semicolons; save .* commas"),
        ([COLUMNS.replace(",", "\t"), ROW.replace(",", "\t")], r"line 1: .*separated by tabs"),
        ([COLUMNS + ",duration", ROW + ",1"], r"line 1: column 'duration' is there twice"),
        ([COLUMNS], r"a header and no row"),
        ([""], r"the file is empty"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(file: Any, lines: list[str], message: str) -> None:
    path = file(*lines)
    with pytest.raises(InputError, match=message) as caught:
        read_emissions(path, UTC)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_number_that_may_have_lost_digits_is_refused(file: Any) -> None:
    with pytest.raises(
        InputError, match=r"line 2 does not end with a line break, so the file may be cut off"
    ):
        read_emissions(file(COLUMNS + ",samples", ROW + ",600", end=""), UTC)


@pytest.mark.parametrize(("encoding", "byte"), [("utf-16", "ff"), ("latin-1", "e9")])
def test_other_encodings(file: Any, encoding: str, byte: str) -> None:
    with pytest.raises(InputError, match=rf"line \d: byte 0x{byte} is not UTF-8; save the file as UTF-8"):
        read_emissions(file(COLUMNS, row(project_name="été"), encoding=encoding), UTC)


def test_no_such_file(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(InputError, match="cannot read the file"):
            read_emissions(path, UTC)


@pytest.mark.parametrize("column", ["energy_consumed", "duration"])
def test_a_row_that_was_not_measured_is_named_and_left_out(file: Any, column: str) -> None:
    said: list[str] = []
    path = file(COLUMNS, ROW, row(run_id="r9", **{column: ""}))
    assert [result.window.id for result in read_emissions(path, left_out=said.append)] == [
        result.window.id for result in read_emissions(file(COLUMNS, ROW))
    ]
    assert said == [f"{path}: line 3: column '{column}' is empty: it was not measured"]


def test_a_run_whose_rows_were_not_measured_is_no_unknown_run(file: Any) -> None:
    path = file(COLUMNS, row(run_id="r9", energy_consumed=""))
    assert read_emissions(path, Options(runs=["r9"])) == []


def test_a_header_that_several_programs_wrote_counts_once(file: Any) -> None:
    assert len(read_emissions(file(COLUMNS, COLUMNS, ROW, COLUMNS))) == 1
