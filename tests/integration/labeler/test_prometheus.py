"""Answers of a Prometheus that is odd, slow or endless: bounded, and named in one line."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from gramwatt_labeler import prometheus as module
from gramwatt_labeler.errors import Rejected, TryAgain
from gramwatt_labeler.prometheus import Prometheus

Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def server() -> Iterator[Callable[[Answer], Prometheus]]:
    """Makes a Prometheus whose every answer is written by a function."""
    servers = []

    def make(answer: Answer) -> Prometheus:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    answer(self)
                except OSError:
                    return

            def log_message(self, *_: object) -> None:
                pass

        made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        made.daemon_threads = True
        servers.append(made)
        threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        return Prometheus(f"http://127.0.0.1:{made.server_address[1]}", httpx.Client(), 0.5)

    yield make
    for one in servers:
        one.shutdown()
        one.server_close()


def says(body: bytes, status: int = 200) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (says(b"<html>"), Rejected, "did not answer like Prometheus"),
        (says(b"[" * 100_000), Rejected, "did not answer like Prometheus"),
        (says(b'{"data": 3}'), Rejected, "did not answer like Prometheus"),
        (says(b'{"data": {"resultType": "matrix", "result": []}}'), Rejected, "a matrix instead of a vector"),
        (says(b'{"error": "query too\\n  large"}', 422), Rejected, "answered 422: query too large"),
        (says(b"\xff\xfe" * 5000, 503), TryAgain, "answered 503"),
        (says(b"", 429), TryAgain, "answered 429: nothing"),
    ],
)
def test_what_is_odd_is_one_line(server: Any, answer: Any, error: Any, message: Any) -> None:
    with pytest.raises(error) as caught:
        server(answer).instant("up", 0)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_an_answer_that_drips_ends_with_the_time_limit(server: Any) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(600):
            handler.wfile.write(b" ")
            time.sleep(0.05)

    began = time.monotonic()
    with pytest.raises(TryAgain, match="timed out"):
        server(drip).instant("up", 0)
    assert time.monotonic() - began < 15  # and not the 30 s it drips


def test_an_answer_without_end_is_cut(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LONGEST_ANSWER", 1 << 20)

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b" " * (1 << 16))

    with pytest.raises(Rejected, match="is beyond 1048576 bytes"):
        server(endless).instant("up", 0)
