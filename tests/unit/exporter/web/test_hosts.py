"""Which names the exporter may be called by, and what is no request to it."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from gramwatt_exporter.metrics.exposition import Exposition
from gramwatt_exporter.web import WebServer
from gramwatt_exporter.web.hosts import Hosts
from gramwatt_exporter.webconfig import WebConfig

PROMETHEUS = (
    "user-agent: Prometheus/2.53.0\r\naccept: text/plain\r\nx-prometheus-scrape-timeout-seconds: 5\r\n"
)
CURL = "user-agent: curl/8.5.0\r\naccept: */*\r\n"
FIREFOX = "user-agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0\r\n"
PAGE = "user-agent: Prometheus/2.53.0\r\naccept-language: en\r\n"  # what a page can make of it


def admitted(hosts: Hosts, host: str, lines: str = CURL) -> bool:
    return hosts.admit(f"get /metrics http/1.1\r\nhost: {host}\r\n{lines}\r\n".lower().encode())


@pytest.mark.parametrize("listening", ["127.0.0.1", "::1", "0.0.0.0", "::", "192.0.2.7"])
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:10044",
        "[::1]:10044",
        "192.0.2.7",
        "localhost",
        "LocalHost:1",
        "node17",
        "node17.example.org.",
        "gpu:8",
    ],
)
@pytest.mark.parametrize("lines", [PROMETHEUS, CURL, FIREFOX, PAGE])
def test_addresses_and_own_names_are_right(listening: str, host: str, lines: str) -> None:
    assert admitted(Hosts(listening, ["gpu"], own="node17.example.org"), host, lines)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:10044", "127.0.0.1.evil.example", "localhost.evil.example"]
)
def test_another_name_is_refused_behind_a_loopback_address(host: str) -> None:
    hosts = Hosts("127.0.0.1", own="node17")
    for lines in (PROMETHEUS, CURL, FIREFOX, PAGE):
        assert not admitted(hosts, host, lines)


@pytest.mark.parametrize("host", ["node17.cluster", "exporter.internal:10044"])
def test_elsewhere_another_name_is_refused_to_web_pages_only(host: str) -> None:
    hosts = Hosts("0.0.0.0", own="node17")
    assert admitted(hosts, host, PROMETHEUS)
    assert admitted(hosts, host, CURL)
    for lines in (
        FIREFOX,
        PAGE,
        CURL + "Origin: http://evil.example\r\n",
        CURL + "sec-fetch-site: cross-site\r\n",
    ):
        assert not admitted(hosts, host, lines)


def test_two_names_are_none() -> None:
    assert not admitted(Hosts("0.0.0.0"), "localhost\r\nhost: localhost")


def test_an_old_request_without_a_name_is_answered() -> None:
    assert Hosts("127.0.0.1").admit(b"get /metrics http/1.0\r\n\r\n")


# --- at the door


class Body(Exposition):
    def scrape(self, collector: str = "") -> bytes | None:
        return b"a 1\n"


@contextmanager
def serving(names: tuple[str, ...] = ()) -> Iterator[tuple[str, int]]:
    server = WebServer(("127.0.0.1", 0), Body(), WebConfig(), names)
    server.start()
    try:
        yield server.address
    finally:
        server.stop()


def raw(address: tuple[str, int], request: bytes) -> bytes:
    with socket.create_connection(address, 10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


@pytest.mark.parametrize("more", ["", "Accept-Language: en\r\n", "Connection: close\r\n"])
def test_a_page_of_another_site_reads_nothing(more: str) -> None:
    with serving() as address:
        for path in ("/metrics", "/"):
            answer = raw(address, f"GET {path} HTTP/1.1\r\nHost: evil.example\r\n{more}\r\n".encode())
            assert answer.startswith(b"HTTP/1.1 403")
            assert b"web.hosts" in answer
        answer = raw(address, b"GET /-/healthy HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200")
    with serving(("evil.example",)) as address:
        assert b"a 1" in raw(address, f"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n{more}\r\n".encode())


SECOND = b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: %d\r\n" % len(SECOND),
        b"Content-Length: 0\r\nContent-Length: %d\r\n" % len(SECOND),
        b"Content-Length: +0\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
    ],
)
@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"POST", b"PUT"])
def test_a_body_is_never_taken_for_the_next_request(method: bytes, head: bytes) -> None:
    with serving() as address:
        answer = raw(address, method + b" /metrics HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n" + SECOND)
        assert answer.count(b"HTTP/1.1 ") == 1
        assert answer.split()[1] in (b"400", b"501")


def test_a_long_body_does_not_hide_the_answer() -> None:
    with serving() as address:
        connection = http.client.HTTPConnection(*address, timeout=10)
        connection.request("POST", "/metrics", b"x" * 500_000)
        assert connection.getresponse().status == 501
