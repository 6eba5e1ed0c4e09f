"""What the browser may ask Prometheus through the labeler: bounded, and apart from health."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn
from fastapi import FastAPI, Request, Response
from gramwatt_labeler.metrics import Health
from gramwatt_labeler.published import Published
from gramwatt_labeler.scale_files import load_scales
from gramwatt_labeler.store import Store
from gramwatt_labeler.web import proxy as proxies
from gramwatt_labeler.web.app import create_app
from prometheus_client import CollectorRegistry

VECTOR = b'{"status":"success","data":{"resultType":"vector","result":[]}}'
QUERY = "/dashboards/api/v1/query?query=up"


class Upstream:
    """A server in Prometheus' place that misbehaves by ``mode``."""

    def __init__(self) -> None:
        self.mode = "ok"
        self.seen: list[str] = []
        self.busy = self.most = 0
        self.go = threading.Event()
        self._lock = threading.Lock()
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with upstream._lock:
                    upstream.seen.append(self.path)
                    upstream.busy += 1
                    upstream.most = max(upstream.most, upstream.busy)
                try:
                    upstream._answer(self)
                except OSError:
                    self.close_connection = True
                finally:
                    with upstream._lock:
                        upstream.busy -= 1

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        if self.mode == "hang":
            self.go.wait(60)
        if self.mode == "redirect":
            return self._send(handler, b"", {"Location": self.url + "/secret"}, 302)
        if self.mode == "html":
            return self._send(handler, b"<html>", {"Content-Type": "text/html"})
        if self.mode == "zip":
            packed = gzip.compress(b"a" * (64 << 20))
            return self._send(handler, packed, {"Content-Encoding": "gzip"})
        if self.mode in ("drip", "big"):
            handler.send_response(200)
            handler.send_header("Content-Type", "application/json")
            handler.end_headers()
            handler.close_connection = True
            part = b" " if self.mode == "drip" else b" " * (1 << 16)
            while not self.go.is_set():
                handler.wfile.write(part)
                if self.mode == "drip":
                    time.sleep(0.05)
            return None
        return self._send(handler, VECTOR, {})

    @staticmethod
    def _send(
        handler: BaseHTTPRequestHandler, body: bytes, headers: dict[str, str], status: int = 200
    ) -> None:
        handler.send_response(status)
        for name, text in ({"Content-Type": "application/json"} | headers).items():
            handler.send_header(name, text)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def close(self) -> None:
        self.go.set()
        self._server.shutdown()
        self._server.server_close()


class Site:
    """An application behind a real server."""

    def __init__(self, app: FastAPI) -> None:
        self._server = uvicorn.Server(
            uvicorn.Config(app, port=0, http="h11", log_level="error", lifespan="off")
        )
        threading.Thread(target=self._server.run, daemon=True).start()
        while not self._server.started:
            time.sleep(0.01)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=60, **options)

    def raw(self, text: str) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(text.encode())
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def close(self) -> None:
        self._server.force_exit = self._server.should_exit = True


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    made = Upstream()
    yield made
    made.close()


@pytest.fixture
def labeler(upstream: Upstream, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Makes the labeler's own application, with names it answers to."""
    stores, sites = [], []

    def make(*allowed_hosts: str) -> Site:
        registry = CollectorRegistry()
        Health(registry)
        store = Store(f"sqlite:///{tmp_path / 'grades.db'}")
        app = create_app(
            registry, Published(), store, load_scales(), "gramwatt", lambda window: window, upstream.url, tmp_path,
            {"Authorization": "Bearer secret"}, allowed_hosts,
        )  # fmt: skip
        stores.append(store)
        sites.append(Site(app))
        return sites[-1]

    yield make
    for site in sites:
        site.close()
    for store in stores:
        store.close()


def small(upstream: Upstream, **bounds: float) -> Site:
    """Only the proxy, with bounds of its own."""
    app = FastAPI()
    proxy = proxies.Proxy(upstream.url, {}, **bounds)  # type: ignore[arg-type]

    @app.get("/query")
    async def query(request: Request) -> Response:
        return await proxy.get("query", request, ("query",))

    @app.get("/used")
    async def used() -> dict[str, int]:
        return {"used": proxy._memory.used}

    return Site(app)


def together(count: int, call: Callable[[], requests.Response]) -> list[requests.Response]:
    found: list[requests.Response] = []
    threads = [threading.Thread(target=lambda: found.append(call())) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


def test_only_the_allowed_parameters_are_passed_on_and_the_token_stays_here(
    labeler: Any, upstream: Any
) -> None:
    answer = labeler().get(QUERY + "&evil=1&time=1%0d%0aX-Evil:%201")
    assert (answer.status_code, answer.content) == (200, VECTOR)
    assert upstream.seen == ["/api/v1/query?query=up&time=1%0D%0AX-Evil%3A+1"]
    assert "secret" not in answer.text + str(answer.headers)


@pytest.mark.parametrize("mode", ["redirect", "html", "zip"])
def test_what_is_not_prometheus_is_an_error_in_its_format(labeler: Any, upstream: Any, mode: Any) -> None:
    upstream.mode = mode
    answer = labeler().get(QUERY)
    assert (answer.status_code, answer.json()["status"]) == (502, "error")
    assert len(upstream.seen) == 1  # a redirection is not followed


def test_health_and_metrics_do_not_wait_for_a_prometheus_that_hangs(labeler: Any, upstream: Any) -> None:
    """Sixty browsers wait; were they in the pool of threads that serves the pages, health would wait as long."""
    site = labeler()
    upstream.mode = "hang"
    waiting = threading.Thread(target=together, args=(60, lambda: site.get(QUERY)), daemon=True)
    waiting.start()
    while upstream.busy < proxies.SLOTS:
        time.sleep(0.01)
    began = time.monotonic()
    assert site.get("/-/healthy").text == "ok\n"
    assert site.get("/-/ready").text == "ok\n"
    assert "gramwatt_labeler_polls_total" in site.get("/metrics").text
    assert site.get("/labels/").status_code == 200
    assert time.monotonic() - began < 15  # the hanging calls end after 30 s
    assert upstream.most <= proxies.SLOTS
    upstream.go.set()
    waiting.join(60)
    assert not waiting.is_alive()


@pytest.mark.parametrize("mode", ["hang", "drip"])
def test_one_deadline_for_the_whole_call(upstream: Any, mode: Any) -> None:
    site = small(upstream, deadline=0.5, slots=2)
    upstream.mode = mode
    began = time.monotonic()
    answers = together(6, lambda: site.get("/query"))
    assert {answer.status_code for answer in answers} == {504}
    assert time.monotonic() - began < 15
    upstream.mode = "ok"
    upstream.go.set()
    assert site.get("/query").status_code == 200  # the slots are free again
    site.close()


def test_an_answer_that_never_ends_is_cut_and_all_together_have_one_bound(
    upstream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = small(upstream, memory=1 << 20, deadline=20)
    upstream.mode = "big"
    assert {answer.status_code for answer in together(6, lambda: site.get("/query"))} == {503}
    monkeypatch.setattr(proxies, "LONGEST_ANSWER", 1 << 19)
    assert site.get("/query").json()["errorType"] == "too_large"
    assert site.get("/used").json() == {"used": 0}
    upstream.go.set()
    upstream.mode = "ok"
    assert site.get("/query").status_code == 200
    site.close()


def test_memory_is_given_back_when_the_browser_does_not_take_its_answer(
    upstream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxies, "_SEND_SECONDS", 0.3)
    body = b" " * (16 << 20)
    upstream._answer = lambda handler: upstream._send(handler, body, {})
    site = small(upstream)
    with socket.create_connection(("127.0.0.1", site.port)) as slow:
        slow.sendall(b"GET /query HTTP/1.1\r\nHost: x\r\n\r\n")
        deadline = time.monotonic() + 20
        while not site.get("/used").json()["used"] and time.monotonic() < deadline:
            time.sleep(0.01)
        while site.get("/used").json()["used"] and time.monotonic() < deadline:
            time.sleep(0.05)
        assert site.get("/used").json() == {"used": 0}
    site.close()


def test_a_browser_that_has_gone_gives_its_slot_back(upstream: Any) -> None:
    site = small(upstream, slots=1, deadline=60)
    upstream.mode = "hang"
    with socket.create_connection(("127.0.0.1", site.port)) as gone:
        gone.sendall(b"GET /query HTTP/1.1\r\nHost: x\r\n\r\n")
        while not upstream.busy:
            time.sleep(0.01)
    upstream.mode = "ok"
    began = time.monotonic()
    assert site.get("/query").status_code == 200
    assert time.monotonic() - began < 30
    site.close()


# --- what is let in


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200), ("127.0.0.1:10045", 200), ("[::1]:10045", 200), ("localhost", 200), ("LOCALHOST:1", 200),
        ("labeler:10045", 200), ("10.1.2.3", 200), ("labels.example.org", 200), ("labels.example.org.:80", 200),
        ("a.below.example.org", 200), ("x.localhost", 200), ("evil.example.com", 421), ("example.org", 421),
        ("labels.example.org.evil.com", 421), ("127.0.0.1.evil.com", 421), ("evil.com:80@127.0.0.1", 421),
        ("", 421), ("a b.c", 421),
    ],
)  # fmt: skip
def test_requests_for_other_hosts_are_refused(labeler: Any, host: Any, status: Any) -> None:
    site = labeler("labels.example.org", "*.below.example.org")
    for path in ("/-/healthy", "/metrics", "/labels/", "/dashboards/"):
        answer = site.raw(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
        assert answer.startswith(f"HTTP/1.1 {status} ".encode()), (path, answer[:200])
        if status == 421:
            assert b"web.allowed_hosts" in answer


def test_any_host_where_the_operator_says_so(labeler: Any) -> None:
    assert labeler("*").get("/-/healthy", headers={"Host": "evil.example.com"}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status", "posted"),  # posted: the answer to a method that may have a body
    [
        ("Content-Length: 5\r\nContent-Length: 6\r\n", 400, 400),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", 413, 405), ("Content-Length: 5, 6\r\n", 400, 400),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400, 400), ("Content-Length: 5\r\n", 413, 405),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", 413, 405),
        ("Transfer-Encoding: chunked\r\n", 400, 400), ("Content-Length: 99999999999\r\n", 413, 413),
        ("Content-Length: -1\r\n", 400, 400), ("Host: other\r\n", 400, 400),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_bodies_and_double_lengths_are_refused_and_nothing_behind_them_is_read(
    labeler: Any,
    method: Any,
    headers: Any,
    status: Any,
    posted: Any,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """What follows would be the body, or by the other length a second request."""
    site = labeler()
    smuggled = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = site.raw(f"{method} /-/healthy HTTP/1.1\r\nHost: x\r\n{headers}\r\n{smuggled}")
    assert answer.count(b"HTTP/1.1 ") == 1
    expected = posted if method == "POST" else status
    assert answer.startswith(f"HTTP/1.1 {expected} ".encode()), answer[:200]
    assert b"gramwatt_labeler" not in answer
    assert "Traceback" not in caplog.text + "".join(capfd.readouterr())


def test_a_length_of_zero_is_no_body(labeler: Any) -> None:
    answer = labeler().raw(
        "GET /-/healthy HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_database_that_hangs_holds_up_neither_ready_nor_health(
    labeler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gramwatt_labeler.web import app

    monkeypatch.setattr(app, "_READY_SECONDS", 0.1)
    release = threading.Event()
    monkeypatch.setattr(Store, "ping", lambda _: release.wait(60))
    site = labeler()
    answers = together(6, lambda: site.get("/-/ready"))
    assert {answer.status_code for answer in answers} == {503}
    assert site.get("/-/healthy").status_code == 200
    release.set()


def test_json_of_prometheus_passes_unchanged(labeler: Any, upstream: Any) -> None:
    assert json.loads(labeler().get(QUERY).content) == json.loads(VECTOR)
