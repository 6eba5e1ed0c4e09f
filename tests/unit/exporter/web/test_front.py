"""The door of the web server: what it answers itself, what it hands over, and that nothing wakes it for nothing."""

from __future__ import annotations

import http.client
import os
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import BytesIO
from pathlib import Path

import pytest
from gramwatt_exporter.metrics.exposition import Exposition
from gramwatt_exporter.web import WebServer, front, simple_requests
from gramwatt_exporter.webconfig import WebConfig
from hypothesis import given
from hypothesis import strategies as st

GET = b"GET /metrics HTTP/1.1\r\nHost: here\r\n"
# What Prometheus 2.53 sends.
PROMETHEUS = (
    b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:10044\r\nUser-Agent: Prometheus/2.53.0\r\n"
    b"Accept: application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2\r\n"
    b"Accept-Encoding: gzip\r\nX-Prometheus-Scrape-Timeout-Seconds: 5\r\n\r\n"
)


class Body(Exposition):
    """Metrics that are just this text."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self._body = body

    def scrape(self, collector: str = "") -> bytes | None:
        return self._body


@contextmanager
def serving(body: bytes = b"a 1\n") -> Iterator[tuple[str, int]]:
    server = WebServer(("127.0.0.1", 0), Body(body), WebConfig())
    server.start()
    try:
        yield server.address
    finally:
        server.stop()


def client_threads() -> int:
    return sum(thread.name == "web-client" for thread in threading.enumerate())


# --- what is a simple request


@pytest.mark.parametrize(
    ("data", "path", "closes"),
    [
        (PROMETHEUS, "/metrics", False),
        (GET + b"\r\n", "/metrics", False),
        (GET + b"connection:  Close \r\n\r\n", "/metrics", True),
        (GET + b"Connection: keep-alive\r\n\r\n", "/metrics", False),
        (b"GET /metrics?collect[]=a%20b HTTP/1.1\r\n\r\n", "/metrics", False),
        (b"GET /-/healthy HTTP/1.1\r\n\r\n", "/-/healthy", False),
        (b"GET /-/ready HTTP/1.1\r\nX:\r\n\r\n", "/-/ready", False),
    ],
)
def test_what_prometheus_and_health_checks_send_is_simple(data: bytes, path: str, closes: bool) -> None:
    request = simple_requests.parse(data)
    assert request is not None
    assert (request.path, request.closes) == (path, closes)


def test_who_collects_metrics_is_told_from_a_person() -> None:
    collected = simple_requests.parse(PROMETHEUS)
    assert collected is not None
    assert collected.collector == "prometheus/2.53.0"
    asked = simple_requests.parse(GET + b"User-Agent: curl/8.0\r\n\r\n")
    assert asked is not None
    assert asked.collector == ""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GET,
        GET + b"\r\n" + GET,  # the beginning of another one
        GET + b"\r\nx",
        GET + b"Content-Length: 0\r\n\r\n",
        GET + b"Transfer-Encoding: chunked\r\n\r\n",
        GET + b"Connection: close\r\ncontent-length: 3\r\n\r\n",
        GET + b"Connection: close\r\nConnection: keep-alive\r\n\r\n",
        GET + b"Connection: close, upgrade\r\n\r\n",
        GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        GET + b"Expect: 100-continue\r\n\r\n",
        GET + b"Host : here\r\n\r\n",
        GET + b"X: folded\r\n over\r\n\r\n",
        GET + b"X: \0\r\n\r\n",
        GET + "X: \N{EURO SIGN}\r\n\r\n".encode(),
        GET + b": nothing\r\n\r\n",
        GET + b"X: bare\n\r\n",
        b"GET /metrics HTTP/1.1\n\n",
        b"GET  /metrics HTTP/1.1\r\n\r\n",
        b"GET /metrics HTTP/1.0\r\n\r\n",
        b"GET /metrics HTTP/2.0\r\n\r\n",
        b"GET /metrics\r\n\r\n",
        b"GET /Metrics HTTP/1.1\r\n\r\n",
        b"GET /metrics/ HTTP/1.1\r\n\r\n",
        b"GET /metrics#a HTTP/1.1\r\n\r\n",
        b"GET http://here/metrics HTTP/1.1\r\n\r\n",
        b"get /metrics HTTP/1.1\r\n\r\n",
        b"HEAD /metrics HTTP/1.1\r\n\r\n",
        b"POST /metrics HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",  # the hello of TLS
    ],
)
def test_what_is_not_certainly_simple_is_left_to_the_library(data: bytes) -> None:
    assert simple_requests.parse(data) is None


@pytest.mark.slow
@given(
    st.binary() | st.lists(st.sampled_from([*PROMETHEUS.split(b" "), b"\r\n", b":", b"\0"])).map(b" ".join)
)
def test_any_bytes_have_an_answer(data: bytes) -> None:
    parsed = simple_requests.parse(data)
    if parsed is not None:
        assert data.startswith(f"GET {parsed.path}".encode())
        assert http.client.parse_headers(BytesIO(data.split(b"\r\n", 1)[1])).get("Content-Length") is None


def test_headers_of_any_kind_take_no_longer_than_their_length() -> None:
    def seconds(data: bytes) -> float:
        began = time.thread_time()
        for _ in range(20):
            simple_requests.parse(data)
        return time.thread_time() - began

    # Eight times as long may take eight times as long, not 64 times.
    for part in (b"X: " + b" " * 30 + b"\r\n", b"A" * 33 + b"\r\n", b":" * 33 + b"\r\n"):
        short, long = GET + part * 20, GET + part * 160
        assert min(seconds(long) for _ in range(5)) < 40 * min(seconds(short) for _ in range(5)) + 0.001


def test_the_head_says_what_the_librarys_says() -> None:
    text = simple_requests.head(200, "text/plain", 12, False, 1_764_340_201.0).decode()
    assert text.startswith("HTTP/1.1 200 OK\r\n")
    assert "\r\nDate: Fri, 28 Nov 2025 14:30:01 GMT\r\n" in text
    assert "\r\nContent-Length: 12\r\n" in text
    assert text.endswith("\r\n\r\n")
    assert "Connection: close" in simple_requests.head(503, "text/plain", 0, True, 0.0).decode()


# --- connections


def test_a_kept_connection_is_answered_without_a_thread_of_its_own() -> None:
    with serving(b"a 1\n" * 1000) as (host, port):
        connection = http.client.HTTPConnection(host, port, timeout=10)
        for _ in range(3):
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"a 1\n" * 1000)
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert answer.headers["Date"].endswith(" GMT")
            assert client_threads() == 0
        connection.close()


def read_all(client: socket.socket) -> bytes:
    parts = []
    while part := client.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


def test_requests_that_are_not_simple_are_answered_too() -> None:
    with serving() as address, socket.create_connection(address, timeout=10) as client:
        client.sendall(PROMETHEUS + PROMETHEUS + b"GET /-/ready HTTP/1.1\r\nConnection: close\r\n\r\n")
        answers = read_all(client)
        assert answers.count(b"HTTP/1.1 200 OK\r\n") == 2
        assert answers.count(b"a 1\n") == 2
        assert answers.count(b"HTTP/1.1 503 ") == 1  # no sample has been taken


@pytest.mark.parametrize("sends", [b"Content-Length: 41\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_a_body_is_never_read_as_the_next_request(sends: bytes) -> None:
    with serving() as address, socket.create_connection(address, timeout=10) as client:
        client.sendall(GET + sends + b"\r\n" + b"GET /-/ready HTTP/1.1\r\nHost: hidden\r\n\r\n\r\n")
        answers = read_all(client)
        assert answers.count(b"HTTP/1.1 ") == 1
        assert answers.startswith(b"HTTP/1.1 400 ")
        assert answers.count(b"\r\nConnection: close\r\n") == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("HEAD", "/metrics", 200), ("GET", "/", 200), ("GET", "/nowhere", 404), ("PUT", "/metrics", 501)],
)
def test_other_pages_and_methods(method: str, path: str, status: int) -> None:
    with serving() as (host, port):
        connection = http.client.HTTPConnection(host, port, timeout=10)
        connection.request(method, path)
        answer = connection.getresponse()
        assert answer.status == status
        assert (answer.read() == b"") is (method == "HEAD")
        connection.close()


def test_a_request_that_comes_byte_by_byte_is_answered_and_holds_nobody_up() -> None:
    with serving() as address, socket.create_connection(address, timeout=10) as slow:
        request = b"GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n"
        for byte in request[:-1]:
            slow.sendall(bytes([byte]))
        with socket.create_connection(address, timeout=10) as quick:
            quick.sendall(request)
            assert read_all(quick).endswith(b"a 1\n")
        slow.sendall(request[-1:])
        assert read_all(slow).endswith(b"a 1\n")


@pytest.mark.slow
def test_a_client_that_reads_slowly_gets_all_of_a_long_answer() -> None:
    body = bytes(range(256)) * 40_000  # longer than any buffer between us
    with serving(body) as address, socket.create_connection(address, timeout=10) as slow:
        slow.sendall(PROMETHEUS)
        with socket.create_connection(address, timeout=10) as quick:  # meanwhile others are answered
            quick.sendall(b"GET /-/healthy HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert b"is healthy" in read_all(quick)
        slow.sendall(b"GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n")
        answers = read_all(slow)
        assert answers.count(b"HTTP/1.1 200 OK") == 2
        assert answers.endswith(body)


def test_silent_clients_are_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "REQUEST_SECONDS", 0.05)
    with serving() as address, socket.create_connection(address, timeout=10) as client:
        assert client.recv(1) == b""


def test_clients_that_go_away_leave_nothing_behind() -> None:
    with serving(b"x" * 10_000_000) as address:
        for request in (b"", b"GET /me", PROMETHEUS):
            with socket.create_connection(address, timeout=10) as client:
                client.sendall(request)
        with socket.create_connection(address, timeout=10) as last:
            last.sendall(b"GET /-/healthy HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert b"is healthy" in read_all(last)


def use_up_descriptors(stack: ExitStack, descriptor: int) -> None:
    """Until ``stack`` is closed nothing more can be opened in this process."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limit)
    most = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir()) + 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, limit[1]))
    with suppress(OSError):
        while True:
            stack.callback(os.close, os.dup(descriptor))


def test_without_descriptors_it_waits_and_then_serves_those_who_came(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving() as address, socket.socket() as client, ExitStack() as stack:
        client.settimeout(10)
        use_up_descriptors(stack, client.fileno())
        client.connect(address)
        client.sendall(b"GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n")
        deadline = time.monotonic() + 10
        while "cannot accept a web client" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.01)
        stack.close()
        assert read_all(client).endswith(b"a 1\n")
    assert "cannot accept a web client" in caplog.text


def test_a_page_that_cannot_be_made_closes_that_connection_only(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Exposition):
        def scrape(self, collector: str = "") -> bytes | None:
            raise ValueError("no text for this")

    server = WebServer(("127.0.0.1", 0), Broken(), WebConfig())
    server.start()
    try:
        for _ in range(3):
            with socket.create_connection(server.address, timeout=10) as client:
                client.sendall(PROMETHEUS)
                assert read_all(client) == b""
        with socket.create_connection(server.address, timeout=10) as client:
            client.sendall(b"GET /-/healthy HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert b"is healthy" in read_all(client)
    finally:
        server.stop()
    assert caplog.text.count("a page could not be made: ValueError('no text for this')") == 1


def test_stopping_ends_the_thread_and_gives_the_port_back() -> None:
    server = WebServer(("127.0.0.1", 0), Body(b""), WebConfig())
    server.start()
    address = server.address
    with socket.create_connection(address, timeout=10) as client:
        client.sendall(PROMETHEUS)
        assert client.recv(100)
        server.stop()
        assert "web" not in [thread.name for thread in threading.enumerate()]
        read_all(client)
    WebServer(address, Body(b""), WebConfig()).stop()  # one that never started, too
