"""The answer of each path, for both ways of reading requests (simple_requests.py, other_requests.py)."""

from __future__ import annotations

import html
import re
import socket
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from .. import __version__
from ..metrics.exposition import CONTENT_TYPE, Exposition
from ..windows.ended import EndedWindows
from .encoding import SMALLEST, Compressed

TEXT = "text/plain; charset=utf-8"
ENDED = "/api/v1/windows/ended"

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Gramwatt exporter</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}}
code{{background:#8882;padding:.1em .3em;border-radius:.2em}}</style></head>
<body><h1>Gramwatt exporter</h1>
<p>Power and CO2 of every process and device of <code>{host}</code>. Version {version}.</p>
<ul><li><a href="/metrics">/metrics</a> for Prometheus</li>
<li><a href="/-/healthy">/-/healthy</a>: the process answers</li>
<li><a href="/-/ready">/-/ready</a>: the first sample has been taken</li></ul>
{note}</body></html>
"""


class Page(Struct, frozen=True, gc=False):
    """One answer."""

    status: int
    body: bytes
    content_type: str = TEXT
    encoding: str = ""  # gzip, or as it is


_HEALTHY = Page(200, b"Gramwatt exporter is healthy.\n")
_READY = Page(200, b"ready\n")
_WAITING = Page(503, b"waiting for the first sample\n")
_NOT_FOUND = Page(404, b"not found; try /metrics\n")


def collector_at(address: object, program: str) -> str:
    """Names the ``program`` that collects metrics at an address of a socket; "" where there is none."""
    if not program:
        return ""
    return f"{address[0]} {program}" if isinstance(address, tuple) and address else program


class Pages:
    """The pages of ``exposition``."""

    def __init__(self, exposition: Exposition, ended: EndedWindows | None = None) -> None:
        self._exposition = exposition
        self._compressed = Compressed()
        self._ended = ended or EndedWindows()

    @staticmethod
    def is_open(path: str) -> bool:
        """Whether everybody may read it, also where a password is needed for the rest."""
        return path in ("/-/healthy", "/-/ready")

    def answer(self, path: str, collector: str = "", gzip: bool = False) -> Page:
        """The page at ``path``, which is without its query, for ``collector`` or for a person; ``gzip`` where they
        take it."""
        if path == "/metrics":
            body = self._exposition.scrape(collector)
            if body is None:
                return _WAITING
            if gzip and len(body) >= SMALLEST:
                return Page(200, self._compressed.of(body), CONTENT_TYPE, "gzip")
            return Page(200, body, CONTENT_TYPE)
        if path == "/-/healthy":
            return _HEALTHY
        if path == "/-/ready":
            return _WAITING if self._exposition.snapshot is None else _READY
        return Page(200, self._front_page(), "text/html; charset=utf-8") if path == "/" else _NOT_FOUND

    @property
    def is_ending(self) -> bool:
        """Whether the exporter ends: waiting readers are to ask another one."""
        return self._ended.is_closed

    def ended(self, query: str) -> Page:
        """Windows that ended after ``after``; waits for one up to ``wait`` seconds (docs/socket-api.md)."""
        asked = dict(parse_qsl(query, keep_blank_values=True))
        wait = asked.pop("wait", "0")
        after = asked.pop("after", "")
        if asked or not re.fullmatch(r"\d{1,3}(\.\d{1,3})?", wait):
            return Page(400, b"allowed here: after=CURSOR and wait=SECONDS, from 0 to 60\n")
        return Page(200, msgspec.json.encode(self._ended.after(after, float(wait))), "application/json")

    def _front_page(self) -> bytes:
        snapshot = self._exposition.snapshot
        message = (
            snapshot.intensity.message if snapshot is not None else "The first sample has not been taken yet."
        )
        note = f"<p>{html.escape(message)}</p>" if message else ""
        return _PAGE.format(host=html.escape(socket.gethostname()), version=__version__, note=note).encode()
