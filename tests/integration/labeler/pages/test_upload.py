"""Files: read, mapped, merged, graded before anything is added, and reported line by line."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient
from gramwatt_labeler.store import Store
from labeler_pages import WRITER
from xlsx import workbook

TABLE = b"""model,emissions (kg),downloads,note of mine
org/a,0.001,1000,x
org/b,"0,002",1000,y
org/c,"1,500",1000,z
"""
CODECARBON = b"""timestamp,project_name,run_id,duration,emissions,energy_consumed,tracking_mode
2026-01-01T00:00:00,resnet,r1,10,0.001,0.01,machine
2026-01-01T00:10:00,resnet,r1,20,0.002,0.02,machine
"""


def upload(client: TestClient, *files: tuple[str, bytes], **fields: str) -> str:
    answer = client.post(
        "/upload",
        files=[("files", (name, content)) for name, content in files],
        data={"phase": "training", "task": "fill-mask"} | fields,
    )
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def chosen(page: str) -> dict[str, str]:
    """What a browser would send back: the selected options, the hidden and the text fields."""
    found = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL):
        picked = re.search(r'<option value="([^"]*)" selected', options) or re.search(
            r"<option() selected>", options
        )
        found[name] = picked[1] if picked else ""
    found |= {"phase": "training", "task": "fill-mask"}
    return found


def where(page: str) -> str:
    return str(re.findall(r'action="(/upload/[\w-]+)"', page)[0])


def test_a_file_is_shown_with_its_letters_before_anything_is_added(reader: TestClient, store: Store) -> None:
    page = upload(reader, ("runs.csv", TABLE))
    assert "3 runs read" in page
    assert "1 of them cannot be used" in page
    assert "1500 or 1.5" in page
    assert "Read as a table of your own" in page
    assert "the letter may be anything from" in page
    assert "1 column is left out: note of mine" in page
    assert store.page().total == 5


def test_adding_reports_every_line_and_twice_is_once(writer: TestClient, store: Store) -> None:
    page = upload(writer, ("runs.csv", TABLE))
    report = writer.post(where(page), data=chosen(page) | {"do": "add", "csrf": WRITER.csrf}).text
    assert "2 added, 1 not added" in report
    assert store.page().total == 7
    page = upload(writer, ("runs.csv", TABLE))
    report = writer.post(where(page), data=chosen(page) | {"do": "add", "csrf": WRITER.csrf}).text
    assert "2 already there, 1 not added" in report
    assert store.page().total == 7


def test_a_report_that_is_loaded_again_adds_nothing_and_says_what_was_added(
    writer: TestClient, store: Store
) -> None:
    page = upload(writer, ("runs.csv", TABLE))
    fields = chosen(page) | {"do": "add", "csrf": WRITER.csrf}
    first = writer.post(where(page), data=fields)
    again = writer.post(where(page), data=fields)  # a reload, or the second click of two
    assert (first.status_code, again.status_code) == (200, 200)
    assert "already" not in first.text
    assert "nothing was added again" in again.text
    for report in (first.text, again.text):
        assert "2 added, 1 not added" in report
    assert store.page().total == 7
    # The back button leads to the preview, whose button leads to the report.
    assert "2 added, 1 not added" in writer.post(where(page), data=fields | {"do": "preview"}).text


def test_a_reader_sees_letters_and_adds_nothing(reader: TestClient, store: Store) -> None:
    page = upload(reader, ("runs.csv", TABLE))
    assert reader.post(where(page), data=chosen(page) | {"do": "add"}).status_code == 403
    assert store.page().total == 5


def test_a_column_is_mapped_by_hand(reader: TestClient) -> None:
    page = upload(reader, ("odd.csv", b"wer,was\norg/a,7200\n"))
    assert "is needed" in page
    fields = chosen(page) | {"column-0-0": "model", "column-0-1": "energy", "unit-0-1": "J", "do": "preview"}
    page = reader.post(where(page), data=fields).text
    assert "org/a" in page
    assert "2 Wh" in page


def test_codecarbon_and_a_workbook_become_one_run(writer: TestClient, store: Store) -> None:
    scores = workbook([["accuracy", "samples"], [0.91, 60000]])
    page = upload(writer, ("emissions.csv", CODECARBON), ("scores.xlsx", scores), phase="training")
    assert "1 run read" in page
    assert "merged" in page
    fields = chosen(page) | {"phase": "training", "do": "add", "csrf": WRITER.csrf}
    assert "1 added" in writer.post(where(page), data=fields).text
    stored = store.evaluation("r1").evaluation
    assert stored.origin == "codecarbon"
    assert stored.window.values == {"samples": 60000.0, "accuracy": 0.91}
    assert stored.boundary == "machine"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "empty"),
        ("a.exe", b"MZ", "not read"),
        ("a.xlsx", workbook([["a"]], {"xl/media/x": b"\0" * 20_000_000}), "times its size"),
        ("a.json", b"[" * 9999, "deep"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    reader: TestClient, name: str, content: bytes, words: str
) -> None:
    answer = reader.post("/upload", files=[("files", (name, content))], data={"phase": "training"})
    assert answer.status_code == 422
    assert words in answer.text


@pytest.mark.slow
def test_a_large_file_with_many_columns_is_previewed(reader: TestClient) -> None:
    names = ",".join(f"c{number}" for number in range(290))
    wide = f"model,emissions,{names}\norg/a,1,{',' * 289}\n".encode()
    page = upload(reader, *((f"{number}.csv", wide) for number in range(3)))
    assert reader.post(where(page), data=chosen(page) | {"do": "preview"}).status_code == 200
    rows = "\n".join(f"org/{number},{number + 1}" for number in range(3000))
    page = upload(reader, ("long.csv", f"model,emissions\n{rows}\n".encode()))
    assert "3,000 runs read" in page
    assert "Letters of the first 2,000" in page


@pytest.mark.slow
def test_more_rows_than_are_added_at_once_are_counted_and_not_read(writer: TestClient, store: Store) -> None:
    before = store.count()
    rows = "\n".join(f"org/{number},{number + 1}" for number in range(60_000))
    page = upload(writer, ("long.csv", f"model,emissions\n{rows}\n".encode()))
    assert "60,000 runs found" in page
    assert "60,000 rows; at most 5,000 are added at once here" in page
    assert 'value="add" disabled' in page
    answer = writer.post(where(page), data=chosen(page) | {"do": "add"})
    assert (answer.status_code, store.count()) == (422, before)


def test_no_file_eleven_files_and_an_old_preview(reader: TestClient) -> None:
    assert reader.post("/upload", files=[("x", ("x", b""))]).status_code == 422
    many = [("files", (f"{number}.csv", TABLE)) for number in range(11)]
    assert reader.post("/upload", files=many).status_code == 400
    assert reader.post("/upload/nothing", data={"do": "add"}).status_code == 410


def test_a_file_without_a_model_says_what_to_choose(writer: TestClient) -> None:
    page = upload(writer, ("runs.csv", b"Modell;energy (kWh)\nnetz/a;1,35\n"))
    assert "No column is taken as the model" in page
    assert '<details class="help" open><summary>1 column is left out' in page
    assert 'value="add" disabled>Add 0' in page
    form = chosen(page) | {"model": "netz/a"}
    again = writer.post(where(page), data=form).text
    assert "No column is taken as the model" not in again
    assert 'value="add">Add 1' in again


def test_what_is_missing_names_the_field_of_the_page(reader: TestClient) -> None:
    table = b"model,energy (kWh)\norg/a,1\n"
    page = upload(reader, ("runs.csv", table), task="")
    assert "missing: a task (the field Task, or gramwatt run --task TASK; known: " in page
    assert ">Task</label>" in page
    page = upload(reader, ("runs.csv", table), phase="inference", task="text-generation", boundary="gpu")
    assert "missing: value &#39;tokens&#39;; fill in the field Output tokens, or record it with" in page
    assert ">Output tokens</option>" in page


def test_a_metric_that_is_missing_has_its_title(reader: TestClient) -> None:
    table = b"modelId,co2_eq_emissions,size,datasets_size\norg/a,30,100,\n"
    page = upload(reader, ("models.csv", table), task="")
    assert "missing: downloads, performance, data bytes per g CO2 (without it the letter may be" in page
    form = {"phase": "training", "model": "org/a", "size": "100", "size_unit": "MB"}
    page = reader.post("/evaluate", data=form).text
    assert "missing: CO2 of the training<" in page
    assert "missing: co2_eq_emissions" not in page
