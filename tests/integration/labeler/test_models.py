"""A model gets what its file says: by REST and by the form of its page, of writers alone, within a bound."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from api_site import Browser, Site, error
from gramwatt_labeler import bounded_program
from gramwatt_labeler.bounded_program import answer_of
from gramwatt_labeler.store.audit import entries
from model_files import safetensors, torch_zip

MODELS = Path(__file__).parents[2] / "fixtures" / "models"
FILE = safetensors({"a": (1000, 20)})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.post("models", {"author": "acme", "name": "net", "licence": "apache-2.0", "downloads": 7})
    yield made
    made.store.close()


def sent(
    site: Site, content: bytes, name: str = "m.safetensors", role: str = "contributor", model: str = "1"
) -> Any:
    files = {"file": (name, content, "application/octet-stream")}
    return site.client.post(f"/api/v1/models/{model}/file", files=files, headers=site.headers(role))


def test_a_model_gets_parameters_size_and_library_and_keeps_the_rest(site: Site) -> None:
    answer = sent(site, FILE)
    assert answer.status_code == 200
    body = answer.json()
    assert body["file"] == {
        "format": "safetensors", "file_bytes": len(FILE), "parameters": 20_000, "library": "PyTorch", "notes": [],
        "flops_per_unit": None,
    }  # fmt: skip
    model = site.get("models/1").json()
    assert body["model"] == model
    assert (model["parameters"], model["file_bytes"], model["library"]) == (20_000, len(FILE), "PyTorch")
    assert (model["licence"], model["downloads"]) == ("apache-2.0", 7)
    sent(site, b"x" * 100, "m.joblib")  # says no parameters: those known stay
    model = site.get("models/1").json()
    assert (model["parameters"], model["file_bytes"]) == (20_000, 100)


def test_what_is_wrong_is_said_and_nothing_changes(site: Site) -> None:
    assert error(sent(site, FILE, role="viewer"))[:2] == (403, "forbidden")
    assert error(sent(site, FILE, model="99"))[:2] == (404, "not_found")
    assert error(sent(site, b"hello", "m.txt"))[:2] == (422, "invalid")
    assert error(sent(site, b""))[:2] == (422, "invalid")
    assert error(sent(site, FILE[:20]))[:2] == (422, "invalid")
    assert error(site.post("models/1/file", {}))[:2] == (415, "unsupported_media_type")
    bare = site.client.post(
        "/api/v1/models/1/file", files={"other": ("m.onnx", b"x")}, headers=site.headers()
    )
    assert error(bare) == (422, "invalid", "other")
    assert bare.json()["error"]["allowed"] == ["file", "input_shape"]
    assert site.get("models/1").json()["file_bytes"] is None


def test_the_body_has_a_bound_of_its_own(site: Site) -> None:
    big = torch_zip({"0": 1_000_000})
    assert len(big) > 2 * 1024 * 1024
    assert sent(site, big, "m.pt").json()["file"]["parameters"] == 1_000_000
    headers = site.headers() | {
        "Content-Length": str(200 * 1024 * 1024),
        "Content-Type": "multipart/form-data; boundary=x",
    }
    assert site.client.post("/api/v1/models/1/file", content=b"", headers=headers).status_code == 413
    assert site.client.post("/api/v1/models/1/files", content=b"", headers=headers).status_code in (404, 413)


def test_the_page_of_a_model_reads_its_file(site: Site) -> None:
    assert "Read the file" not in site.client.get("/models/1").text
    browser = Browser(site, "contributor")
    page = browser.get("/models/1")
    assert "Read the file" in page
    csrf = page.partition('name="csrf" value="')[2].partition('"')[0]
    told = site.client.post("/models/1/file", data={"csrf": csrf}, files={"file": ("<b>.safetensors", FILE)})
    assert told.status_code == 200
    assert "&lt;b&gt;.safetensors is safetensors of" in told.text
    assert "with 20,000 parameters" in told.text
    for fields, name, content, status, words in (
        ({"csrf": csrf}, "m.txt", b"x", 422, "this format is not read"),
        ({"csrf": "x"}, "m.safetensors", FILE, 403, "open for too long"),
    ):
        answer = site.client.post("/models/1/file", data=fields, files={"file": (name, content)})
        assert (answer.status_code, words in answer.text) == (status, True)
    assert "choose the model&#39;s file first" in site.client.post("/models/1/file", data={"csrf": csrf}).text


def test_flops_are_kept_and_a_wrong_shape_is_named(site: Site) -> None:
    content = (MODELS / "row-keras3.keras").read_bytes()
    body = sent(site, content, "net.keras").json()
    assert (body["file"]["flops_per_unit"], body["model"]["flops_per_unit"]) == (5232, 5232)
    assert (body["model"]["parameters"], body["model"]["library"]) == (197, "Keras")
    files = {"file": ("net.keras", content)}
    answer = site.client.post(
        "/api/v1/models/1/file", files=files, data={"input_shape": "x=none"}, headers=site.headers()
    )
    assert error(answer) == (422, "invalid", "input_shape")
    slip = site.client.post(
        "/api/v1/models/1/file", files=files, data={"input_shap": "x=1"}, headers=site.headers()
    )
    assert error(slip) == (422, "invalid", "input_shap")
    other = site.client.post(
        "/api/v1/models/1/file",
        files=files,
        data={"input_shape": "input_layer=1x8x8x1"},
        headers=site.headers(),
    )
    assert other.json()["file"]["flops_per_unit"] is None
    assert "does not fit" in other.json()["file"]["notes"][0]
    assert site.get("models/1").json()["flops_per_unit"] == 5232  # what a file does not say stays
    written = [one for _, one in entries(site.store.database) if one.action == "model"]
    assert {one.user for one in written} == {"contributor"}
    assert any(one.object == "acme/net" and one.after["flops_per_unit"] == 5232 for one in written)


def test_a_form_in_pieces_is_refused_by_its_name(site: Site) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"--x--\r\n"

    headers = site.headers() | {"Content-Type": "multipart/form-data; boundary=x"}
    answer = site.client.post("/api/v1/models/1/file", content=pieces(), headers=headers)
    assert error(answer)[:2] == (411, "length_required")


def test_a_file_does_not_wait_for_ever_for_two_others_that_are_read(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_program, "_TURN_SECONDS", 0.1)
    reading = [_reading("ann"), _reading("bob")]
    content = (MODELS / "row-keras3.h5").read_bytes()
    answer = sent(site, content, "m.h5")
    while answer.status_code == 200:  # they have not begun yet
        answer = sent(site, content, "m.h5")
    assert error(answer)[:2] == (503, "try_again")
    assert "two other files are being read" in answer.json()["error"]["message"]
    assert answer.headers["Retry-After"]
    assert sent(site, FILE).status_code == 200  # this one needs no library
    for one in reading:
        _end(*one)
    assert sent(site, content, "m.h5").json()["file"]["parameters"] == 197


def test_one_person_does_not_hold_both_turns(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_program, "_TURN_SECONDS", 0.1)
    reading = _reading("contributor")
    content = (MODELS / "row-keras3.h5").read_bytes()
    answer = sent(site, content, "m.h5")
    while answer.status_code == 200:  # it has not begun yet
        answer = sent(site, content, "m.h5")
    assert error(answer)[:2] == (503, "try_again")
    assert "another file of yours is being read" in answer.json()["error"]["message"]
    assert sent(site, content, "m.h5", "manager").json()["file"]["parameters"] == 197
    _end(*reading)
    assert sent(site, content, "m.h5").status_code == 200


def test_who_has_had_no_turn_comes_before_who_has() -> None:
    turns, had = bounded_program._Turns(), list[str]()

    def take(person: str) -> None:
        with turns.turn(person):
            had.append(person)

    with ExitStack() as ann, ExitStack() as bob:
        ann.enter_context(turns.turn("ann"))
        bob.enter_context(turns.turn("bob"))
        threads = []
        for number, person in enumerate(("ann", "ann", "eve"), 1):
            threads.append(threading.Thread(target=take, args=(person,)))
            threads[-1].start()
            while len(turns._waiting) < number:
                time.sleep(0.001)
        ann.close()
        for thread in threads:
            thread.join()
    assert had == ["eve", "ann", "ann"]


def _reading(person: str) -> tuple[int, threading.Thread]:
    """A program that waits for the rest of a person's file, as one that keeps a library busy would."""
    end, other = os.pipe()

    def read() -> None:
        with bounded_program.reading_for(person):
            answer_of("gramwatt_labeler.uploads.workbook_program", file=end, seconds=120)
        os.close(end)

    thread = threading.Thread(target=read)
    thread.start()
    return other, thread


def _end(other: int, thread: threading.Thread) -> None:
    os.close(other)
    thread.join()
