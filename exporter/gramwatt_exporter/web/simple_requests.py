"""Parser of the requests that Prometheus and health checks make, and the head of their answers. Pure.

http.server reads headers with the e-mail parser: at rest, when none of that is in the processor's caches, this was
half of what a scrape cost. All other requests are left to http.server (other_requests.py).
"""

from __future__ import annotations

import re
import time

from msgspec import Struct

from .encoding import accepts_gzip

LONGEST = 8192  # bytes of a simple request

# Field names are tokens and values are printable ASCII (RFC 9112, 5). Nothing in it can match in two ways, so it takes
# as many steps as there are bytes. A body, or bytes of a next request, do not match.
_REQUEST = re.compile(
    rb"GET (/metrics|/-/healthy|/-/ready)(?:\?[!-~]*)? HTTP/1\.1\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[ -~\t]*\r\n)*)\r\n"
)
# Headers of requests that are not simple, in lower case: a body, another protocol, control of the connection.
_MORE = re.compile(rb"^(?:content-length|transfer-encoding|expect|upgrade|connection):", re.MULTILINE)
# Prometheus sends its timeout with every scrape, and so do compatible collectors.
_COLLECTOR = re.compile(rb"^x-prometheus-scrape-timeout-seconds:", re.MULTILINE)
_AGENT = re.compile(rb"^user-agent:[ \t]*([^\r\n]{0,128})", re.MULTILINE)
_ENCODINGS = re.compile(rb"^accept-encoding:[ \t]*([^\r\n]*)", re.MULTILINE)
_CONNECTION = re.compile(rb"^connection:[ \t]*(close|keep-alive)[ \t]*\r$", re.MULTILINE)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_REASONS = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}


class Request(Struct, frozen=True, gc=False):
    """A GET of a page, without its query; ``closes`` where the client wants no second answer. ``collector`` is the
    program that collects metrics, "" where a person asks; ``gzip`` where the client takes it."""

    path: str
    closes: bool = False
    collector: str = ""
    gzip: bool = False


def parse(data: bytes) -> Request | None:
    """The request that ``data`` is, from its first byte to its last. None for anything else."""
    match = _REQUEST.fullmatch(data)
    if match is None:
        return None
    path, headers = match.groups()
    more = _MORE.findall(lower := headers.lower())
    collector = _collector(lower)
    encodings = _ENCODINGS.search(lower)
    gzip = encodings is not None and accepts_gzip(encodings[1].decode())
    if not more:
        return Request(path.decode(), False, collector, gzip)
    connection = _CONNECTION.search(lower)
    if connection is None or len(more) > 1:
        return None
    return Request(path.decode(), connection[1] == b"close", collector, gzip)


def _collector(headers: bytes) -> str:
    if _COLLECTOR.search(headers) is None:
        return ""
    agent = _AGENT.search(headers)
    return "collector" if agent is None else agent[1].decode()


def head(status: int, content_type: str, size: int, closes: bool, now: float, encoding: str = "") -> bytes:
    """Status line and headers of an answer of ``size`` bytes; ``now`` is Unix seconds."""
    ending = "Connection: close\r\n" if closes else ""
    if encoding:
        ending += f"Content-Encoding: {encoding}\r\nVary: Accept-Encoding\r\n"
    return (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nServer: gramwatt-exporter\r\nDate: {_date(now)}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {size}\r\n{ending}\r\n"
    ).encode()


def _date(now: float) -> str:
    """RFC 9110, 5.6.7; always in English, whatever the locale."""
    at = time.gmtime(now)
    return (
        f"{_DAYS[at.tm_wday]}, {at.tm_mday:02d} {_MONTHS[at.tm_mon - 1]} {at.tm_year}"
        f" {at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d} GMT"
    )
