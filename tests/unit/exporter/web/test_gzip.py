"""/metrics as gzip: for who asks for it, by both doors, packed once for each snapshot."""

from __future__ import annotations

import gzip
import http.client
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from gramwatt_exporter.metrics.exposition import Exposition
from gramwatt_exporter.web import WebServer
from gramwatt_exporter.web.encoding import Compressed, accepts_gzip
from gramwatt_exporter.webconfig import WebConfig

BODY = b"".join(b'gramwatt_process_energy_joules_total{pid="%d"} 1.5\n' % pid for pid in range(500))


class Body(Exposition):
    """Metrics that are just this text."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self._body = body

    def scrape(self, collector: str = "") -> bytes | None:
        return self._body


@contextmanager
def serving(body: bytes = BODY) -> Iterator[tuple[str, int]]:
    server = WebServer(("127.0.0.1", 0), Body(body), WebConfig())
    server.start()
    try:
        yield server.address
    finally:
        server.stop()


def get(address: tuple[str, int], **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(*address, timeout=10)
    connection.putrequest("GET", "/metrics", skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


# A header that is no simple request is answered by the other door.
@pytest.mark.parametrize("more", [{}, {"Expect": "nothing"}])
def test_who_asks_gets_it_packed_and_who_does_not_gets_text(more: dict[str, str]) -> None:
    with serving() as address:
        answer, body = get(address, Accept_Encoding="gzip", **more)
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert gzip.decompress(body) == BODY
        assert len(body) * 5 < len(BODY)
        answer, body = get(address, **more)
        assert answer.headers["Content-Encoding"] is None
        assert body == BODY


def test_a_short_answer_is_sent_as_it_is() -> None:
    with serving(b"a 1\n") as address:
        answer, body = get(address, Accept_Encoding="gzip")
        assert answer.headers["Content-Encoding"] is None
        assert body == b"a 1\n"


def test_one_snapshot_is_packed_once() -> None:
    compressed = Compressed()
    assert compressed.of(BODY) is compressed.of(BODY)
    other = BODY + b"b 1\n"
    assert gzip.decompress(compressed.of(other)) == other


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("br;q=1.0, *;q=0.1", True),
        ("gzip;q=0, *", False),
        ("identity", False),
        ("gzipped", False),
        ("", False),
        ("*;q=0", False),
    ],
)
def test_the_header_is_read_as_it_is_meant(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted
