"""Ways to a better letter without using less energy, through every door. None of them works."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from gramwatt_labeler.__main__ import main
from gramwatt_labeler.evaluate.results import evaluate, evaluation_of
from gramwatt_labeler.evaluate.runs import grade_run
from gramwatt_labeler.forms.entry import Entry
from gramwatt_labeler.grading.facts import Facts, grade_facts
from gramwatt_labeler.metrics import Health
from gramwatt_labeler.model import Grade, Graded, Hardware, Imported, Measurement, Window
from gramwatt_labeler.output import Output
from gramwatt_labeler.prometheus import Prometheus
from gramwatt_labeler.published import Published
from gramwatt_labeler.scale_book.regrading import regrade
from gramwatt_labeler.scale_files import LoadedScale, grade, load_scales
from gramwatt_labeler.sources.emissions_csv import Options, read_emissions
from gramwatt_labeler.store import Store
from gramwatt_labeler.store.nouns import Origin
from gramwatt_labeler.uploads.mapping import ColumnMapping, apply, propose
from gramwatt_labeler.uploads.reading import read_upload
from gramwatt_labeler.uploads.rows import Row, read_rows
from gramwatt_labeler.uploads.tools import recognise
from gramwatt_labeler.watch import Watch
from prometheus_client import CollectorRegistry

SCALES = load_scales()
GRAMWATT, COMPARIA = SCALES["gramwatt"], SCALES["comparia"]
NOW = 1_700_000_000.0

# --- given numbers

CHAT = Facts(
    "inference",
    "text-generation",
    "",
    "H100",
    "gpu",
    {"energy": (1000.0, "J"), "output_tokens": (1000.0, "")},
)
WAYS: dict[str, dict[str, Any]] = {
    "another name of the energy, first": {"metrics": {"energy_j": (30.0, "")} | dict(CHAT.metrics)},
    "another name of the energy, last": {"metrics": dict(CHAT.metrics) | {"energy_kwh": (1e-6, "")}},
    "a small GPU energy beside the energy": {
        "boundary": "process", "metrics": dict(CHAT.metrics) | {"gpu_energy": (30.0, "J")}
    },
    "a figure per token beside energy and tokens": {"metrics": dict(CHAT.metrics) | {"energy_per_token": (0.03, "J")}},
    "a unit that is none": {"metrics": dict(CHAT.metrics) | {"energy": (1000.0, "mJ")}},
    "no phase": {"phase": ""},
    "the other phase": {"phase": "training"},
    "no task": {"task": ""},
    "another spelling of the task": {"task": "Text_Generation"},
    "no hardware": {"hardware": ""},
    "hardware of a worse reference, unknown": {"hardware": "gpu"},
    "many of the hardware": {"hardware": "64xH100"},
    "no boundary": {"boundary": ""},
    "the machine's boundary": {"boundary": "machine"},
    "samples beside the tokens": {"metrics": dict(CHAT.metrics) | {"samples": (1e6, ""), "requests": (1e6, "")}},
    "tokens with the prompt beside output tokens": {"metrics": dict(CHAT.metrics) | {"tokens": (1e5, "")}},
    "no output tokens at all": {"metrics": {"energy": (1000.0, "J")}},
    "an absurd count": {"metrics": dict(CHAT.metrics) | {"output_tokens": (1e9, "")}},
    "a count beyond all counts": {"metrics": dict(CHAT.metrics) | {"output_tokens": (1e300, "")}},
    "a huge uncertainty": {"metrics": dict(CHAT.metrics) | {"uncertainty_ratio": (1e9, "")}},
    "below what the sensors resolve": {
        "metrics": {"energy": (30.0, "J"), "output_tokens": (1000.0, ""), "floor_energy": (50.0, "J")}
    },
    "less than nothing": {"metrics": dict(CHAT.metrics) | {"energy": (-1000.0, "J")}},
    "infinitely many tokens": {"metrics": dict(CHAT.metrics) | {"output_tokens": (float("inf"), "")}},
    "a cleaner grid": {"metrics": dict(CHAT.metrics) | {"emissions": (1e-9, "g")}},
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_given_numbers(way: str) -> None:
    assert grade_facts(GRAMWATT.scale, CHAT).letter == "E"
    found = grade_facts(GRAMWATT.scale, replace(CHAT, **WAYS[way]))
    if way == "a unit that is none":  # a thousandth of a joule is what it says; only it is not plausible
        assert "plausible" in found.reasons[0]
    assert found.letter in (None, "E"), found


@pytest.mark.parametrize("figure", ["wh_per_million_output_tokens", "energy_per_token"])
def test_a_small_figure_beside_energy_and_count_on_a_published_scale(figure: str) -> None:
    facts = replace(CHAT, metrics={"energy_kwh": (1.0, ""), "output_tokens": (1e6, ""), figure: (1e-3, "")})
    assert grade_facts(COMPARIA.scale, facts).letter == "D"


@pytest.mark.parametrize("dataset", ["", "photos", "my digits", "cifar-10", "imagenet_of_mine"])
def test_images_under_another_name_of_their_data_set(dataset: str) -> None:
    digits = {
        "energy": (1.0, "J"),
        "samples": (1000.0, ""),
    }  # a millijoule an image: a dozen times the reference
    named = Facts("inference", "image-classification", "digits", "consumer-gpu", "process", digits)
    assert grade_facts(GRAMWATT.scale, named).letter == "E"
    assert grade_facts(GRAMWATT.scale, replace(named, dataset=dataset)).letter is None


def test_another_task_with_a_larger_reference_is_not_plausible() -> None:
    images = replace(
        CHAT, task="image-generation", metrics={"energy": (1000.0, "J"), "samples": (1000.0, "")}
    )
    assert "plausible" in grade_facts(GRAMWATT.scale, images).reasons[0]


# --- recorded windows


def window(**changes: Any) -> Window:
    facts: dict[str, Any] = {
        "id": "w1", "name": "chat", "phase": "inference", "start": NOW - 60, "end": NOW, "task": "text-generation",
        "values": {"output_tokens": 1000.0}, "hardware": Hardware((("NVIDIA H100 80GB HBM3", 1),), ()),
    }  # fmt: skip
    return Window(**(facts | changes))


def measured(joules: float = 1000.0, **changes: Any) -> Measurement:
    facts: dict[str, Any] = {"components": {"gpu": joules}, "samples": 12, "coverage_ratio": 1.0}
    return Measurement(joules, **(facts | changes))


@pytest.mark.parametrize(
    ("changes", "measurement"),
    [
        (
            {"values": {"output_tokens": 1000.0, "energy": 1.0, "gpu_energy": 1.0, "energy_per_token": 1e-3}},
            {},
        ),
        ({"values": {"output_tokens": 1000.0, "floor_energy": 0.0, "uncertainty_ratio": 9.0}}, {}),
        ({"values": {"output_tokens": 1000.0, "wh_per_million_output_tokens": 1.0}}, {}),
        ({"hardware": Hardware((("Quadro of mine", 1),), ())}, {}),
        ({"hardware": Hardware()}, {}),
        ({}, {"components": {"gpu": 700.0, "cpu": 300.0}}),
        ({}, {"components": {"cpu": 1000.0}}),
        ({"failure": "exit code 1"}, {}),
        ({}, {"samples": 2}),
        ({}, {"coverage_ratio": 0.5}),
        ({}, {"floor_joules": 2000.0}),
        ({}, {"unknown": {"gpu": 900.0}}),
        ({"parent": "other"}, {}),
        ({"boundary": "gpu"}, {"components": {"gpu": 10.0, "cpu": 990.0}}),
        ({"boundary": "part"}, {}),
        ({"boundary": "window"}, {}),
        ({"boundary": "cheap"}, {}),
    ],
)
def test_a_recorded_window(changes: dict[str, Any], measurement: dict[str, Any]) -> None:
    assert grade(GRAMWATT, window(), measured()).letter == "E"
    assert grade(GRAMWATT, window(**changes), measured(**measurement)).letter in (None, "E")


# --- files of CodeCarbon's

HEAD = (
    "timestamp,project_name,run_id,duration,emissions,cpu_energy,gpu_energy,ram_energy,energy_consumed,"
    "tracking_mode,pue"
)
ROW = "2026-11-28T12:00:00,resnet,r1,60,0.001,0.0001,0.0008,0.0001,0.001,machine,1"


def imported(folder: Path, head: str, *rows: str) -> str | None:
    file = folder / "emissions.csv"
    file.write_text("\n".join([head, *rows, ""]))
    facts = {
        "phase": "inference",
        "task": "image-classification",
        "dataset": "imagenet",
        "model": "",
        "user": "",
    }
    (one,) = read_emissions(file, Options(facts=facts, values={"samples": 5000.0}))
    return grade(GRAMWATT, one.window, one.measurement).letter


@pytest.mark.parametrize(
    ("head", "rows"),
    [
        (HEAD + ",exit_code", [ROW + ",1"]),
        (HEAD + ",status", [ROW + ",KILLED"]),
        (HEAD + ",outcome", [ROW + ",still running"]),
        (HEAD, [ROW.replace(",0.001,machine", ",0.0001,machine")]),  # less than its parts
        (HEAD, [ROW.replace(",machine,", ",,")]),
        (HEAD, [ROW.replace(",machine,", ",laptop,")]),
    ],
)  # fmt: skip
def test_a_file_of_ones_own(tmp_path: Path, head: str, rows: list[str]) -> None:
    assert imported(tmp_path, HEAD, ROW) == "E"
    assert imported(tmp_path, head, *rows) is None


@pytest.mark.parametrize(
    "rows",
    [
        [ROW.replace(",machine,1", ",machine,0.01")],
        [
            ROW,
            ROW.replace("12:00:00", "12:10:00").replace(",0.001,machine", ",0.0001,machine"),
        ],  # totals that fall
        [ROW.replace(",0.001,machine", ",-0.001,machine")],
    ],
)
def test_a_file_that_is_refused_as_a_whole(tmp_path: Path, rows: list[str], capsys: Any) -> None:
    file = tmp_path / "emissions.csv"
    file.write_text("\n".join([HEAD, *rows, ""]))
    words = ["import", str(file), "--data.dir", str(tmp_path), "--phase", "inference"]
    assert main(words) == 1
    assert "nothing of it was imported" in capsys.readouterr().err


# --- uploads


def uploaded(name: str, content: str, **defaults: str) -> list[Row]:
    sheet = read_upload(name, content.encode())
    tool = recognise(sheet.columns)
    mapping = ColumnMapping(propose(sheet, tool), tool.group, tool.reduce, tool.fixed)
    facts = {"phase": "inference", "task": "image-classification", "dataset": "imagenet", "model": "m"}
    return read_rows(apply(sheet, mapping, facts | {"samples": "5000", "samples_unit": ""} | defaults))


def letter_of(row: Row) -> str | None:
    assert row.entry, row.wrong
    return evaluate(row.entry, [GRAMWATT], NOW, "a file", 2).grades["gramwatt"].letter


def summary(**changes: Any) -> str:
    found = {
        "window": "w9", "name": "n", "phase": "inference", "energy_joules": 3600.0, "duration_seconds": 60.0,
        "model": "m", "task": "image-classification", "dataset": "imagenet", "boundary": "machine", "exit_code": 0,
        "missed_seconds": 0.0, "floor_joules": 1.0, "outcome": {"exit_code": 0}, "values": {"samples": 5000.0},
    }  # fmt: skip
    return json.dumps(found | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"exit_code": 3},
        {"exit_code": None, "outcome": {"exception": "MemoryError"}},
        {"exit_code": None, "outcome": {"signal": "SIGKILL"}},
        {"missed_seconds": 30.0},
        {"floor_joules": 5000.0},
        {"boundary": None},
    ],
)
def test_the_summary_of_a_run_that_failed_or_was_not_seen(changes: dict[str, Any]) -> None:
    assert letter_of(uploaded("s.json", summary())[0]) == "E"
    assert letter_of(uploaded("s.json", summary(**changes))[0]) is None


def test_rows_of_a_run_are_totals_in_any_order() -> None:
    later = ROW.replace("12:00:00", "12:10:00").replace(",0.001,machine", ",0.00001,machine")
    for rows in ([ROW, later], [later, ROW]):
        (one,) = uploaded("emissions.csv", "\n".join([HEAD, *rows, ""]))
        assert letter_of(one) == "E"


def test_a_table_that_does_not_say_what_its_energy_covers() -> None:
    (one,) = uploaded("t.csv", "model,energy (J),samples\nm,3600,5000\n")
    assert one.entry
    assert (one.entry.boundary, letter_of(one)) == ("", None)
    (said,) = uploaded("t.csv", "model,energy (J),samples\nm,3600,5000\n", boundary="machine")
    assert letter_of(said) == "E"


def test_prompt_tokens_of_a_summary_do_not_count() -> None:
    text = summary(task="text-generation", values={"tokens": 1e6, "output_tokens": 1e3})
    (one,) = uploaded("s.json", text)
    assert one.entry
    assert one.entry.values["tokens"] == 1e3


# --- graded again, and in the place of a recorded window


def test_a_typed_result_graded_again_keeps_its_letter(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'grades.db'}")
    entry = Entry("inference", "m", "image-classification", "imagenet", "RTX 4090", "machine",
                  values={"energy": 3600.0, "samples": 5000.0})  # fmt: skip
    failed = replace(entry, failure="exit code 1", run="r2")
    for one, origin in ((entry, Origin.FORM), (failed, Origin.FILE)):
        result = evaluate(one, [GRAMWATT], NOW, "" if origin is Origin.FORM else "f.csv")
        store.add_evaluation(*evaluation_of(result, "alice", origin))
    newer = LoadedScale(GRAMWATT.scale, replace(GRAMWATT.id, version="3", sha256="0" * 64), GRAMWATT.file)
    found = {one.window.id: one for one in regrade(store, newer, NOW, dry=True)}
    assert sorted(str(one.after.letter) for one in found.values()) == ["E", "None"]
    assert "exit code 1" in found["r2"].after.reason
    for stored in (store.evaluation(name) for name in found):
        assert grade_run(newer, stored.evaluation).letter == found[stored.evaluation.id].after.letter
    store.close()


def test_grading_again_takes_co2_alone_and_leaves_a_window_that_was_refused(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'grades.db'}")
    result = evaluate(
        Entry("training", "m", "", "", "", "", values={"emissions": 1000.0}), [SCALES["gaissa"]], NOW
    )
    typed = store.add_evaluation(*evaluation_of(result, "alice"))
    refused = Window("w1", "train", "training", NOW - 60, NOW)
    store.add(Graded(refused, None, Grade(SCALES["gaissa"].id, None, "rejected: its counters fell"), NOW))
    newer = replace(SCALES["gaissa"], id=replace(SCALES["gaissa"].id, version="9", sha256="0" * 64))
    (again,) = regrade(store, newer, NOW, grades_new=True)
    assert (again.window.id, again.after.letter) == (typed, result.grades["gaissa"].letter)
    (kept,) = store.get("w1")
    assert kept.grade.reason == "rejected: its counters fell"
    store.close()


def test_a_file_does_not_stand_in_the_place_of_a_window_that_is_recorded(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'grades.db'}")
    entry = Entry("inference", "m", "image-classification", "imagenet", "", "machine", run="w7", outcome="0",
                  values={"energy": 500.0, "samples": 5000.0, "emissions": 1.0})  # fmt: skip
    result = evaluate(entry, [GRAMWATT, SCALES["gaissa"]], NOW, "f.csv", 2)
    assert result.grades["gramwatt"].letter == "B"
    store.add_evaluation(*evaluation_of(result, "mallory", Origin.FILE))
    pictures = Output(tmp_path / "labels", (), "")
    server = Prometheus("http://127.0.0.1:9", httpx.Client())
    shown = Health(CollectorRegistry()), Published()
    watch = Watch(server, store, [GRAMWATT], pictures, *shown)
    report = {
        "window": "w7", "name": "n", "phase": "inference", "task": "image-classification", "dataset": "imagenet",
        "start": NOW - 60, "end": NOW, "components": {"cpu": 3600.0}, "samples": 9, "duration_seconds": 60.0,
        "values": {"samples": 5000.0}, "boundary": "machine", "how_ended": "exit_code", "how_ended_detail": "0",
    }  # fmt: skip
    watch.report("node:1", report)
    assert [one.grade.letter for one in watch.grade_reported()] == ["E"]
    (one,) = store.get("w7")
    assert (one.grade.scale.name, one.grade.letter) == ("gramwatt", "E")
    assert one.measurement is not None
    assert (one.measurement.energy_joules, one.measurement.imported) == (3600.0, None)
    watch.report("node:1", report)
    assert watch.grade_reported() == []
    store.close()


# --- scales of one's own


def test_a_scale_with_the_name_of_a_shipped_one_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("GRAMWATT_LABELER_GRADING_SCALES_DIR", str(tmp_path))
    monkeypatch.setenv("GRAMWATT_LABELER_DATA_DIR", str(tmp_path))
    assert main(["scale", "new", "--name", "gramwatt"]) == 2
    assert "'gramwatt' is a shipped scale" in capsys.readouterr().err
    shipped = GRAMWATT.file.read_text()
    (tmp_path / "gramwatt.yml").write_text(shipped)
    assert load_scales(str(tmp_path))["gramwatt"].replaces == ""
    (tmp_path / "gramwatt.yml").write_text(
        shipped.replace("joules: 0.17\n", "joules: 170\n").replace("high: 0.724", "high: 724")
    )
    mine = load_scales(str(tmp_path))["gramwatt"]
    found = grade(mine, window(), measured())
    assert found.letter is not None
    assert any("not the one that Gramwatt ships" in note for note in found.notes)
    assert not any("ships" in note for note in grade(GRAMWATT, window(), measured()).notes)


def test_an_import_that_says_nothing_of_its_outcome_says_that() -> None:
    for outcome, is_said in (("", True), ("0", False)):
        from_file = measured(
            samples=None,
            coverage_ratio=None,
            imported=Imported("CodeCarbon", mode="process", outcome=outcome),
        )
        found = Graded(window(), from_file, grade(GRAMWATT, window(), from_file), NOW)
        assert found.grade.letter == "E"
        assert ("the file does not say whether the run succeeded" in found.grade.notes) == is_said
