"""The form: a label at once, mistakes beside their fields, and into the data set only with the right to write."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient
from gramwatt_labeler.store import Store
from labeler_pages import HOSTILE, WRITER

TRAINING = {
    "phase": "training", "model": "org/bert", "task": "fill-mask", "emissions": "0,42", "emissions_unit": "kg",
    "size": "438", "size_unit": "MB", "accuracy": "91", "accuracy_unit": "%", "downloads": "1200",
    "boundary": "process", "dataset_size": "20", "dataset_size_unit": "GB",
}  # fmt: skip
INFERENCE = {
    "phase": "inference", "model": "org/bert", "task": "text-generation", "energy": "60", "energy_unit": "kJ",
    "tokens": "250 000", "boundary": "gpu", "hardware": "NVIDIA H100 80GB HBM3",
}  # fmt: skip


def letters(page: str) -> list[str]:
    return re.findall(r'aria-label="grade ([A-E])"', page)


@pytest.mark.parametrize("form", [TRAINING, INFERENCE])
def test_numbers_become_a_label_at_once_and_nothing_is_kept(
    reader: TestClient, store: Store, form: dict[str, str]
) -> None:
    before = store.page(counted=True).total
    page = reader.post("/evaluate", data=form)
    assert page.status_code == 200
    assert "Energy label of org/bert" in page.text
    assert "Metric by metric" in page.text
    assert letters(page.text)
    assert store.page(counted=True).total == before


def test_a_label_of_typed_numbers_misses_no_grid_zone(reader: TestClient) -> None:
    page = reader.post("/evaluate", data=INFERENCE).text  # it has no CO2, and the form asks for no zone
    assert "CO2: not given" in page
    assert "no grid zone" not in page


def test_what_a_letter_misses_leads_to_the_fields_that_give_it(reader: TestClient) -> None:
    form = {"phase": "training", "model": "org/bert", "emissions": "3", "accuracy": "0.9"}
    page = reader.post("/evaluate", data=form).text
    (line,) = re.findall(r"Not filled in: (.*)</p>", page)
    fields = ["size", "dataset_size", "downloads"]
    assert re.findall(r'href="#(\w+)"', line) == fields
    assert all(f' id="{name}"' in page for name in fields)
    assert "Not filled in" not in reader.post("/evaluate", data=TRAINING).text


def test_the_label_is_a_picture_and_a_pdf(reader: TestClient) -> None:
    for form, first in (("pdf", b"%PDF"), ("png", b"\x89PNG"), ("svg", b"<svg")):
        answer = reader.post(f"/evaluate/label.{form}", data=TRAINING)
        assert answer.status_code == 200
        assert answer.content.startswith(first)
        assert f'filename="label-org-bert.{form}"' in answer.headers["content-disposition"]
    assert reader.post("/evaluate/label.gif", data=TRAINING).status_code == 404
    assert reader.post("/evaluate/label.pdf", data={}).status_code == 422


def test_the_label_is_shown_on_the_scale_that_is_asked_for(reader: TestClient) -> None:
    page = reader.post("/evaluate", data=TRAINING | {"scale": "gaissa"}).text
    assert "Scale gaissa " in page
    assert 'name="scale" value="gaissa-fixed"' in page  # a button to another one


def test_mistakes_stand_beside_their_fields_and_the_values_are_kept(reader: TestClient) -> None:
    page = reader.post(
        "/evaluate", data=TRAINING | {"emissions": "1,500", "accuracy": "-3", "note": "keep me"}
    )
    assert page.status_code == 422
    assert "1500 or 1.5" in page.text
    assert 'id="emissions-mistake"' in page.text
    assert 'value="keep me"' in page.text
    focused = re.findall(r'name="(\w+)"[^>]*autofocus', page.text)
    assert focused == ["emissions"]  # the first of them


def test_every_field_has_a_label_and_says_how_its_value_is_got(reader: TestClient) -> None:
    for phase in ("training", "inference"):
        page = reader.get(f"/evaluate?phase={phase}").text
        fields = set(re.findall(r'<(?:input type="text"|select)[^>]* id="([\w-]+)"', page))
        assert fields
        assert fields == set(re.findall(r'<label for="([\w-]+)"', page)) & fields
        numbers = page.count('inputmode="decimal"')
        assert page.count("How to get it") == numbers > 8


def test_a_reader_cannot_add(reader: TestClient, store: Store) -> None:
    page = reader.post("/evaluate", data=TRAINING | {"add": "1"})
    assert page.status_code == 403
    assert "Log in" in page.text
    assert store.page().total == 5


def test_a_writer_adds_once_and_the_second_time_is_led_to_the_first(writer: TestClient, store: Store) -> None:
    form = TRAINING | {"add": "1", "csrf": WRITER.csrf}
    added = writer.post("/evaluate", data=form)
    assert added.status_code == 303
    where = added.headers["location"].split("?")[0]
    page = writer.get(where)
    assert page.status_code == 200
    assert "org/bert" in page.text
    again = writer.post("/evaluate", data=form)
    assert again.status_code == 409
    assert where in again.text
    stored = store.evaluation(where.rsplit("/", 1)[1])
    assert stored.evaluation.grams == 420.0
    assert stored.evaluation.created_by == "alice"
    assert stored.evaluation.measures["downloads"].value == 1200
    assert stored.grades["gaissa-fixed"].grade.letter
    assert store.page().total == 6


def test_a_form_from_another_site_adds_nothing(writer: TestClient, store: Store) -> None:
    for csrf in ("", "wrong", "the-token\0"):
        assert writer.post("/evaluate", data=TRAINING | {"add": "1", "csrf": csrf}).status_code == 403
    assert store.page().total == 5


def test_hostile_names_are_text(reader: TestClient) -> None:
    page = reader.post("/evaluate", data=TRAINING | {"model": HOSTILE, "task": HOSTILE})
    assert page.status_code == 200
    assert "<script>" not in page.text
    assert "{{7*7}}" in page.text
    assert "script" not in page.headers["content-security-policy"].replace("script-src", "script")
    assert reader.get("/evaluate", params={"model": '"><script>', "phase": "x"}).text.count("<script>") == 0


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/x-www-form-urlencoded"),
        (b"phase=training&model=%00%ff", "application/x-www-form-urlencoded"),
        (b"&".join(b"a=1" for _ in range(2000)), "application/x-www-form-urlencoded"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"x", "multipart/form-data"),
        (b"{}", "application/json"),
    ],
)
def test_a_body_that_is_no_form_is_refused_in_words(reader: TestClient, body: bytes, kind: str) -> None:
    answer = reader.post("/evaluate", content=body, headers={"content-type": kind})
    assert answer.status_code in (400, 413, 422)


@pytest.mark.parametrize(("left_out", "field"), [("task", "Task"), ("tokens", "Output tokens")])
def test_what_is_missing_names_the_field_of_the_form(reader: TestClient, left_out: str, field: str) -> None:
    form = {name: value for name, value in INFERENCE.items() if name != left_out}
    page = reader.post("/evaluate", data=form).text
    missing = re.findall(r'<p class="notice">(missing: [^<]+)</p>', page)
    assert len(missing) == 1
    assert f"the field {field}, or " in missing[0]
    assert re.search(f"<label [^>]*>{field}\\b", page)
