"""What the pages and REST ask of a full database: every list, filter, search, order and page, as whole requests."""

from __future__ import annotations

import http.client
import json
import statistics
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

from gramwatt_labeler.store import SORTS

_REST = "/api/v1/evaluations"
_FILTERS: dict[str, dict[str, str]] = {
    "all": {},
    "task and phase": {"task": "fill-mask", "phase": "training"},
    "phase alone": {"phase": "inference"},
    "model": {"model": "org3/model-3"},
    "data set": {"dataset": "data-7"},
    "user": {"user": "user7"},
    "host": {"host": "node-7:10044"},
    "origin": {"origin": "form"},
    "letter": {"letter": "A"},
    "not graded": {"letter": "none"},
    "search, many hits": {"q": "step"},
    "search, 1 in 100": {"q": "step 99"},
    "search, two words": {"q": "step 99 of week 7"},
    "search, two letters": {"q": "99"},
    "search, no hit": {"q": "no such thing"},
    "search of a user": {"q": "step 7", "user": "user7"},
    "search with a letter": {"q": "step 7", "letter": "A"},
}
_REPEATS = 9


def requests(second: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """``(name, path)`` of each. ``second`` is the cursor of a list's second page, by the path of its first."""
    ended = {"from": "1703000000", "to": "1704000000"}
    since = {"since": "2024-01-01", "until": "2024-01-20"}
    everything = {"task": "fill-mask", "user": "user7", "letter": "A", "q": "model"}
    for name, filters in _FILTERS.items():
        yield f"REST {name}", _path(_REST, filters)
        yield f"page {name}", _path("/evaluations", filters)
    yield "REST ended between", _path(_REST, ended)
    yield "page ended between", _path("/evaluations", since)
    yield "REST filters together", _path(_REST, everything | ended)
    yield "page filters together", _path("/evaluations", everything | since)
    yield "REST parts of one", _path(_REST, {"parent": "w0000003"})
    yield "REST inside no other", _path(_REST, {"parent": ""})
    yield "page with parts", _path("/evaluations", {"parts": "yes"})
    for sort in SORTS:
        first = _path(_REST, {"sort": sort})
        yield f"REST by {sort}", first
        yield f"REST by {sort}, second", f"{first}&cursor={second(first)}"
        yield f"page by {sort}", _path("/evaluations", {"sort": sort})
    yield "REST search by name", _path(_REST, {"q": "step 99", "sort": "name"})
    yield "REST search by letter", _path(_REST, {"q": "step 99", "sort": "letter"})
    yield "REST on a scale", _path(_REST, {"scale": "gaissa"})
    yield "page on a scale", _path("/evaluations", {"scale": "gaissa", "letter": "B"})
    yield "REST one evaluation", f"{_REST}/w0000008"
    yield "REST models", "/api/v1/models"
    yield "REST models, search", "/api/v1/models?q=org3"
    yield "page models", "/models"
    yield "REST of a model", "/api/v1/models/3/evaluations"
    yield "page labels", "/labels/"
    yield "page labels, many", "/labels/?q=step"
    yield "page labels, none", "/labels/?q=no+such+thing"
    yield "page labels, far", "/labels/?page=500"
    yield "REST grades", "/api/v1/grades"
    yield "REST grades, search", "/api/v1/grades?q=step+99"
    yield "REST grades, far", "/api/v1/grades?offset=50000"
    yield "page of a form", "/evaluate"


def _path(path: str, asked: dict[str, str]) -> str:
    return f"{path}?{urlencode(asked)}" if asked else path


class Asking:
    """Requests to a server, one after another on one connection."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=120)

    def body(self, path: str) -> bytes:
        """Raises RuntimeError for an answer that is none."""
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        found = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {found[:300]!r}")
        return found

    def following(self, path: str) -> str:
        """The cursor of the page behind this one."""
        return str(json.loads(self.body(path))["next"])

    def seconds(self, path: str) -> tuple[float, float]:
        """Median and worst by wall clock, once warm."""
        self.body(path)
        times = []
        for _ in range(_REPEATS):
            began = time.perf_counter()
            self.body(path)
            times.append(time.perf_counter() - began)
        return statistics.median(times), max(times)
