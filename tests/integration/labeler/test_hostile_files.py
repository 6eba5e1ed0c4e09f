"""Ways to a better letter by how numbers are written: JSON, tables, reports of others, stretches of series."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from gramwatt_labeler.__main__ import main
from gramwatt_labeler.errors import FactsError
from gramwatt_labeler.evaluate.results import evaluate
from gramwatt_labeler.grading.facts import Facts, grade_facts
from gramwatt_labeler.grading.hardware import group_of
from gramwatt_labeler.prometheus import Prometheus
from gramwatt_labeler.ranges import measure_range, of_whole, read_selector
from gramwatt_labeler.scale_files import load_scales
from gramwatt_labeler.uploads.mapping import ColumnMapping, apply, propose
from gramwatt_labeler.uploads.reading import read_upload
from gramwatt_labeler.uploads.rows import Row, read_rows
from gramwatt_labeler.uploads.tools import recognise

SCALES = load_scales()
GRAMWATT = SCALES["gramwatt"]
T = 1_700_000_000.0
WORK = {"phase": "inference", "task": "text-generation", "hardware": "H100", "boundary": "gpu"}
TRUE = {"energy": 1000, "output_tokens": 1000}

# --- what the command grades


def graded(folder: Path, capsys: Any, text: str, name: str = "numbers.json") -> str | None:
    """The letter, or None where the input was refused."""
    (folder / name).write_text(text)
    words = ["grade", "--scheme", "gramwatt", "--input", str(folder / name), "--format", "json"]
    code = main([*words, "--data.dir", str(folder)])
    said = capsys.readouterr()
    assert code in (0, 2, 3)
    if code == 2:
        assert str(folder / name) in said.err or "$." in said.err
        return None
    letter: str | None = json.loads(said.out)["grade"]
    return letter


def as_json(**metrics: Any) -> str:
    return json.dumps(WORK | {"metrics": TRUE | metrics})


@pytest.mark.parametrize(
    "text",
    [
        as_json()[:-2] + ', "energy": 30}}',  # the same key once more
        as_json()[:-1] + ', "metrics": {"energy": 30, "output_tokens": 1000}}',
        as_json(energy=True),
        as_json(energy="30"),
        as_json(energy=[30]),
        as_json(energy={"value": 30, "unit": "TJ"}),
        as_json(output_tokens={"value": 1000, "unit": "k"}),
        as_json(energy=None, energy_kwh={"value": 30, "unit": "J"}),  # the name says kWh
        as_json(energy=None, energy_wh={"value": 30, "unit": "kWh"}),
        as_json(energy_per_token=None),
        as_json(energy_per_token=0.03),
        json.dumps(WORK | {"task": "text\u2011generation", "metrics": TRUE}),  # another hyphen
        json.dumps(WORK | {"task": "text-generation\u200b", "metrics": TRUE}),  # and a space of no width
        json.dumps(WORK | {"hardware": "A100 and T4", "metrics": TRUE}),
    ],
)
def test_numbers_of_ones_own(tmp_path: Path, capsys: Any, text: str) -> None:
    assert graded(tmp_path, capsys, as_json()) == "E"
    assert graded(tmp_path, capsys, text) in (None, "E")


@pytest.mark.parametrize("again", ["energy", "Energy", "energy "])
def test_a_column_that_is_there_twice(tmp_path: Path, capsys: Any, again: str) -> None:
    head = f"phase,task,hardware,boundary,energy,output_tokens,{again}"
    row = "inference,text-generation,H100,gpu,1000,1000,30"
    assert graded(tmp_path, capsys, f"{head}\n{row}\n", "numbers.csv") in (None, "E")


def test_a_name_that_says_its_unit_has_no_other(capsys: Any) -> None:
    facts = Facts(**WORK, metrics={"energy_kwh": (30.0, "J"), "output_tokens": (1000.0, "")})  # type: ignore[arg-type]
    with pytest.raises(FactsError, match="the name says"):
        grade_facts(GRAMWATT.scale, facts)


def test_of_several_cards_in_a_text_none_is_chosen() -> None:
    assert group_of("NVIDIA A100, NVIDIA T4") == "gpu"
    assert group_of("2 x A100 SXM4 (A100-80GB)") == "2xA100"


def test_the_study_says_what_its_letter_leaves_open() -> None:
    """Its rule is reproduced: the mean of what is there. What leaving a metric out may have done is said with it."""
    study = SCALES["gaissa"].scale
    alone = grade_facts(study, Facts("training", metrics={"co2_eq_emissions": (100.0, "g")}))
    assert alone.letter == "A"
    assert alone.span == ("A", "D")
    assert "it may be anything from A to D" in alone.notes[0]
    whole = {
        "co2_eq_emissions": (100.0, "g"), "size_efficency": (1e9, ""), "datasets_size_efficency": (1e9, ""),
        "downloads": (1e9, ""), "performance_score": (2.0, ""),
    }  # fmt: skip
    assert grade_facts(study, Facts("training", metrics=whole)).span is None


# --- what is uploaded


def uploaded(content: Any) -> Row:
    sheet = read_upload("report.json", json.dumps(content).encode())
    tool = recognise(sheet.columns)
    mapping = ColumnMapping(propose(sheet, tool), tool.group, tool.reduce, tool.fixed)
    (row,) = read_rows(
        apply(sheet, mapping, {"task": "image-classification", "boundary": "machine", "model": "m"})
    )
    return row


def letter_of(row: Row) -> str | None:
    if row.entry is None:
        return None
    return evaluate(row.entry, [GRAMWATT], T, "a file", 2).grades["gramwatt"].letter


def boamps(*measures: dict[str, Any]) -> dict[str, Any]:
    return {
        "header": {"reportId": "r1"},
        "task": {
            "taskStage": "inference", "taskFamily": "image-classification", "nbRequest": 5000,
            "algorithms": [{"foundationModelName": "m"}],
            "dataset": [{"dataUsage": "input", "dataType": "image", "dataQuantity": 5000, "sourceUri": "imagenet"}],
        },
        "measures": [{"measurementMethod": "x", "measurementDuration": 60} | one for one in measures],
    }  # fmt: skip


@pytest.mark.parametrize(
    "measures",
    [
        [{"powerConsumption": 1e-4}, {"powerConsumption": "0.001"}],  # the first alone would be taken
        [{"powerConsumption": 1e-3}, {"powerConsumption": -9e-4}],
        [{"powerConsumption": 1e-4}, {"powerConsumption": None}],
        [{"powerConsumption": 1e-4}, {"powerConsumption": True}],
        [{"powerConsumption": 1e-6}] * 100 + [{"powerConsumption": 1.0}],  # more than are read
        [{"powerConsumption": 1e-4, "unit": "MWh"}],
        [{"powerConsumption": 1e-4, "unit": "kWh"}, {"powerConsumption": 1e-4, "unit": "GWh"}],
    ],
)
def test_a_report_whose_measures_hide_one(measures: list[dict[str, Any]]) -> None:
    assert letter_of(uploaded(boamps({"powerConsumption": 1e-3, "unit": "kWh"}))) == "E"
    assert letter_of(uploaded(boamps({"powerConsumption": 5e-4}, {"powerConsumption": 5e-4}))) == "E"
    row = uploaded(boamps(*measures))
    assert row.entry is None
    assert row.wrong


@pytest.mark.parametrize(
    "changes",
    [
        {"exit_code": 0, "outcome": {"exception": "MemoryError"}},
        {"exit_code": 1, "outcome": {"exit_code": 0}},
        {"missed_seconds": -100.0},
        {"missed_seconds": 30.0, "duration_seconds": None},  # a share of no time
        {"floor_joules": -1},
    ],
)
def test_a_summary_that_says_two_things(changes: dict[str, Any]) -> None:
    told = {
        "window": "w9", "name": "n", "phase": "inference", "energy_joules": 3600.0, "duration_seconds": 60.0,
        "model": "m", "task": "image-classification", "dataset": "imagenet", "boundary": "machine", "exit_code": 0,
        "missed_seconds": 0.0, "floor_joules": 1.0, "outcome": {"exit_code": 0}, "values": {"samples": 5000.0},
    }  # fmt: skip
    assert letter_of(uploaded(told)) == "E"
    assert letter_of(uploaded(told | changes)) in (None, "E")
    if "missed_seconds" in changes or changes.get("exit_code") == 1:
        assert letter_of(uploaded(told | changes)) is None


# --- what is measured


def server(**watts: float) -> Prometheus:
    """A workload with these components, scraped every ten seconds for a hundred."""

    def answer(request: httpx.Request) -> httpx.Response:
        query = dict(httpx.QueryParams(request.content.decode()))["query"]
        found = [
            {
                "metric": {"component": name, "instance": "a:1", "workload": "x"},
                "values": [[T + 10 * n, str(power * 10 * n)] for n in range(11)],
            }
            for name, power in watts.items()
            if query.startswith("gramwatt_workload_energy")
            and ('component="gpu"' not in query or name == "gpu")
        ]
        kind = "matrix" if query.endswith("ms]") else "vector"
        found = found if kind == "matrix" else []
        return httpx.Response(200, json={"data": {"resultType": kind, "result": found}})

    return Prometheus("http://p", httpx.Client(transport=httpx.MockTransport(answer)))


def test_a_gpus_energy_alone_of_work_that_the_cpu_does() -> None:
    selector = read_selector('{workload="x", component="gpu"}')
    assert measure_range(server(gpu=90, cpu=10), selector, T, T + 100).boundary == "gpu"
    assert measure_range(server(gpu=10, cpu=90), selector, T, T + 100).boundary == "part"


def test_a_time_that_is_longer_than_its_samples() -> None:
    """Requests of an hour, and the energy of the minutes in which somebody looked."""
    found = measure_range(server(cpu=10), read_selector('{workload="x"}'), T - 3500, T + 100)
    assert found.measurement.coverage_ratio == 1.0
    assert of_whole(found, T - 3500, T + 100).measurement.coverage_ratio == pytest.approx(100 / 3600)
    assert of_whole(found, T, T + 100).measurement.coverage_ratio == 1.0
