"""`gramwatt-labeler import` on files that CodeCarbon did not write, and what commands rehearse with --dry-run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gramwatt_labeler.__main__ import main
from gramwatt_labeler.store import Filters, Store

OWN = 'model,energy (kWh),CO2 (g),images,acc\nme/a,1.5,300,60000,0.9\nme/b,"1,500",300,60000,0.9\n'
ECO2AI = (
    "project_name,experiment_description,duration(s),power_consumption(kWh),CO2_emissions(kg)\n"
    "mnist,MNIST,60,0.01,0.004\n"
)
OWID = "Entity,Code,Year,Carbon intensity of electricity - gCO2/kWh\nFrance,FRA,2023,56\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRAMWATT_LABELER_DATA_DIR", str(tmp_path / "data"))
    for name, text in (("own.csv", OWN), ("eco2ai.csv", ECO2AI), ("owid.csv", OWID)):
        (tmp_path / name).write_text(text)
    return tmp_path


def evaluations(folder: Path) -> dict[str, Any]:
    store = Store(f"sqlite:///{folder / 'data' / 'grades.db'}")
    rows = [store.evaluation(one.evaluation.id).evaluation for one in store.page(Filters()).rows]
    found = {one.window.model: one for one in rows}
    store.close()
    return found


def test_a_table_of_ones_own_line_by_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "import",
        str(folder / "own.csv"),
        "--tool",
        "table",
        "--phase",
        "training",
        "--value",
        "downloads=7",
    ]
    assert main([*words, "--column", "samples=images", "--json"]) == 1  # a line is wrong, the other is kept
    said = capsys.readouterr()
    right, wrong = json.loads(said.out)
    assert (right["line"], right["outcome"], wrong["outcome"], wrong["id"]) == (2, "added", "not added", None)
    assert "own.csv: line 3: column 'energy (kWh)': “1,500” can mean 1500 or 1.5" in said.err
    (one,) = evaluations(folder).values()
    assert (one.window.values["samples"], one.measures["downloads"].value) == (60_000, 7)
    assert main([*words, "--column", "samples=images"]) == 1
    assert "(already there)" in capsys.readouterr().out


def test_a_line_without_a_letter_has_its_reason_in_the_json(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", str(folder / "own.csv"), "--tool", "table", "--phase", "training", "--json"]) == 1
    added, wrong = json.loads(capsys.readouterr().out)
    assert (added["outcome"], added["letter"]) == ("added", None)
    assert added["message"].startswith("missing a task (--task TASK; known: ")
    assert added["message"] in added["text"]
    assert wrong["message"] == wrong["text"]
    assert "can mean 1500 or 1.5" in wrong["message"]
    file = folder / "whole.csv"
    file.write_text("model,CO2 (g),acc,size (MB),dataset_size (MB),downloads\nme/c,420,0.91,98,170,1200\n")
    assert main(["import", str(file), "--tool", "table", "--phase", "training", "--json"]) == 0
    (graded,) = json.loads(capsys.readouterr().out)
    assert graded["letter"]
    assert graded["message"] == ""


def test_a_file_is_recognised_by_its_columns_or_its_format(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", str(folder / "eco2ai.csv"), "--phase", "training"]) == 0
    (folder / "one.json").write_text('[{"model": "me/j", "energy_kwh": 1}]')
    assert main(["import", str(folder / "one.json"), "--phase", "training"]) == 0
    assert {name: one.measurement.energy_joules for name, one in evaluations(folder).items()} == {
        "mnist": pytest.approx(36_000), "me/j": pytest.approx(3.6e6),
    }  # fmt: skip
    capsys.readouterr()
    assert main(["import", str(folder / "own.csv")]) == 1
    assert "a table of your own needs --tool table" in capsys.readouterr().err


def test_a_tool_that_a_manager_defined_is_recognised(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tool = folder / "tool.yml"
    columns = "columns: [{column_name: what, field: model}, {column_name: total, field: energy, unit: Wh}]\n"
    tool.write_text("name: own-meter\ndescription: Our wall meter\n" + columns)
    assert main(["define", "tools", str(tool)]) == 0
    (folder / "meter.csv").write_text("what,total\nacme/m,1500\n")
    assert main(["import", str(folder / "meter.csv"), "--phase", "training"]) == 0
    (one,) = evaluations(folder).values()
    assert (one.measurement.energy_joules, one.detail["tool"]) == (1500 * 3600, "Our wall meter")
    tool.write_text(tool.read_text().replace("field: energy", "field: joy"))
    capsys.readouterr()
    assert main(["define", "tools", str(tool), "--dry-run"]) != 0  # what would be refused is refused
    assert "'joy' is no field" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tool", "nope"], "--tool: 'nope' is none of codecarbon, eco2ai"),
        (["--replace"], "--replace: is for CodeCarbon's files"),
        (["--value", "foo=1"], "--value: 'foo' is none of energy"),
        (["--column", "foo=1"], "--column: 'foo' is none of model"),
        (["--column", "samples=zz"], "--column: no file has the column 'zz'; there are project_name"),
    ],
)
def test_an_argument_that_does_not_fit(
    words: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", str(folder / "eco2ai.csv"), "--phase", "training", *words]) == 2
    assert said in capsys.readouterr().err
    assert not evaluations(folder)


@pytest.mark.parametrize(
    "words",
    [
        "import eco2ai.csv --phase training", "import codecarbon.csv --phase training", "intensities owid.csv",
        "user add bob", "user role alice viewer", "user token alice", "user disable alice", "study import hub.csv",
        "study grade", "roi --old 5 --new 2 --calls-per-day 1 --price 1 --keep title", "db upgrade",
    ],
)  # fmt: skip
def test_a_dry_run_says_what_it_would_do_and_keeps_nothing(
    words: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    row = "2026-01-01T12:00:00,one,r1,10,0.001,0.001,2.3.5,process\n"
    header = (
        "timestamp,project_name,run_id,duration,emissions,energy_consumed,codecarbon_version,tracking_mode\n"
    )
    (folder / "codecarbon.csv").write_text(header + row)
    (folder / "hub.csv").write_text(
        "modelId,co2_eq_emissions,downloads,created_at\norg/one,7.5,1,2022-01-05\n"
    )
    assert main(["user", "add", "alice", "--no-token"]) == 0
    database = folder / "data" / "grades.db"
    before = database.read_bytes()
    capsys.readouterr()
    assert main([*words.split(), "--dry-run"]) == 0
    assert capsys.readouterr().out
    assert database.read_bytes() == before
    assert not (folder / "data" / "labels").exists()
    assert main([*words.split(), "--dry-run", "--json"]) == 0
    json.loads(capsys.readouterr().out)
    database.unlink()
    if words.startswith(("import", "intensities", "user add", "study import")):
        assert main([*words.split(), "--dry-run"]) == 0
        assert not database.exists()  # nor is an empty one left behind


@pytest.mark.parametrize(
    "words",
    [
        "db upgrade --dry-run", "db check", "report --dry-run", "grade --again --dry-run", "study grade --dry-run",
        "user token alice --dry-run", "roi --baseline one --new 2 --dry-run",
        "roi --old 5 --new 2 --calls-per-day 1 --price 1 --keep title --dry-run",
    ],
)  # fmt: skip
def test_where_there_is_no_database_a_dry_run_makes_none(
    words: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GRAMWATT_LABELER_PROMETHEUS_URL", "http://127.0.0.1:9")
    main(words.split())
    assert "Traceback" not in capsys.readouterr().err
    assert not (folder / "data").exists()


def test_a_report_says_what_it_holds(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GRAMWATT_LABELER_PROMETHEUS_URL", "http://127.0.0.1:9")
    assert main(["import", "eco2ai.csv", "--phase", "training"]) == 0
    capsys.readouterr()
    assert main(["report", "--model", "mnist", "--dry-run", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["runs"], said["emissions_grams"], said["written"]) == (1, 4.0, False)
    assert not Path(said["file"]).exists()
    assert main(["report", "--model", "mnist", "--json"]) == 0
    assert Path(json.loads(capsys.readouterr().out)["file"]).stat().st_size == said["bytes"]
    assert main(["report", "--model", "mnist", "--output", "-", "--json"]) == 2
    assert main(["report", "--month", "2026-13"]) == 2
    assert "--month: '2026-13' is not a month" in capsys.readouterr().err
