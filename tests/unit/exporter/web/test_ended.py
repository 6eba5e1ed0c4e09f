"""Who waits for the end of a window is answered when it ends, in order, and after an absence."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from gramwatt_exporter.config.schema import Windows
from gramwatt_exporter.metrics.exposition import Exposition
from gramwatt_exporter.web.server import WebServer
from gramwatt_exporter.webconfig import WebConfig
from gramwatt_exporter.windows.book import WindowBook
from gramwatt_exporter.windows.ended import KEPT, EndedWindows
from gramwatt_exporter.windows.model import ROOT, OpenRequest, WindowView


@pytest.fixture
def book() -> WindowBook:
    return WindowBook(Windows())


def end_one(book: WindowBook, name: str = "train") -> WindowView:
    window = book.open(OpenRequest(name=name, phase="training", pid=1), ROOT)
    book.stop(window.id, time.time())
    (view,) = book.take_ended()
    return view


def test_each_end_is_taken_once_and_an_open_window_not(book: WindowBook) -> None:
    book.open(OpenRequest(name="open", phase="training", pid=1), ROOT)
    assert end_one(book).name == "train"
    assert book.take_ended() == []


def test_a_reader_gets_each_once_in_order_and_after_an_absence(book: WindowBook) -> None:
    ended = EndedWindows()
    for name in ("a", "b"):
        ended.report(end_one(book, name))
    first = ended.after("", 0)
    assert [one["name"] for one in first["windows"]] == ["a", "b"]
    assert ended.after(first["cursor"], 0) == {"windows": [], "cursor": first["cursor"]}
    ended.report(end_one(book, "c"))
    assert [one["name"] for one in ended.after(first["cursor"], 0)["windows"]] == ["c"]
    # Of another run of the exporter, or nothing that it gave: all that are kept.
    for cursor in ("", "ffffffff-2", "x", "-", first["cursor"] + "9" * 30, "é-1"):
        assert len(ended.after(cursor, 0)["windows"]) == 3
    for _ in range(KEPT):
        ended.report(end_one(book, "d"))
    assert len(ended.after("", 0)["windows"]) == KEPT


def test_what_the_owner_alone_is_answered_is_left_out(book: WindowBook) -> None:
    ended = EndedWindows()
    ended.report(end_one(book))
    (one,) = ended.after("", 0)["windows"]
    assert one.keys().isdisjoint({"uid", "pid", "tags"})
    assert (one["state"], one["samples"], one["components"]) == ("finished", 0, {})


@pytest.fixture
def ended() -> EndedWindows:
    return EndedWindows()


@pytest.fixture
def address(ended: EndedWindows) -> Iterator[str]:
    server = WebServer(("127.0.0.1", 0), Exposition(), WebConfig(""), (), ended)
    server.start()
    yield f"http://127.0.0.1:{server.address[1]}/api/v1/windows/ended"
    server.stop()


def ask(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def test_a_waiting_request_is_answered_when_a_window_ends(
    address: str, ended: EndedWindows, book: WindowBook
) -> None:
    cursor = ask(address)["cursor"]
    answers: list[Any] = []
    reader = threading.Thread(target=lambda: answers.append(ask(f"{address}?after={cursor}&wait=60")))
    reader.start()
    reader.join(0.5)
    assert answers == []
    ended.report(end_one(book))
    reader.join(30)
    assert [one["name"] for one in answers[0]["windows"]] == ["train"]


@pytest.mark.parametrize("query", ["wait=x", "wait=-1", "wait=1e9", "wait=nan", "other=1", "wait=9999"])
def test_a_wrong_question_is_refused(address: str, query: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(f"{address}?{query}")
    assert caught.value.code == 400
    assert "after=CURSOR" in caught.value.read().decode()


def test_a_reader_that_waits_does_not_hold_up_the_end_of_the_exporter(
    ended: EndedWindows, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, after = threading.Event(), ended.after

    def after_asking(cursor: str, seconds: float) -> Any:
        asked.set()
        return after(cursor, seconds)

    monkeypatch.setattr(ended, "after", after_asking)
    server = WebServer(("127.0.0.1", 0), Exposition(), WebConfig(""), (), ended)
    server.start()
    waiting = socket.create_connection(server.address)
    waiting.sendall(b"GET /api/v1/windows/ended?wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert asked.wait(30)
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 30
    assert b"200 OK" in waiting.recv(65536)
    waiting.close()


def test_too_many_readers_are_answered_at_once(ended: EndedWindows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gramwatt_exporter.windows.ended.MOST_WAITING", 0)
    assert msgspec.json.encode(ended.after("", 60)).startswith(b'{"windows":[]')
