"""Answers in Prometheus' place for the page in a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, Route


class Stand:
    """Answers in Prometheus' place, and remembers what was asked."""

    def __init__(self, page: Page, interval: float | None = 5.0) -> None:
        self.instant: Callable[[str, float], list[tuple[dict[str, str], float]]] = lambda expr, at: []
        self.curve: Callable[[str, float], float | None] = lambda expr, at: None
        self.labels: list[str] = []
        self.interval = interval
        self.asked: list[tuple[str, dict[str, str]]] = []
        page.route("**/api/v1/**", self._answer)

    def _answer(self, route: Route) -> None:
        parts = urlsplit(route.request.url)
        call = parts.path.split("/api/v1/")[1]
        given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.asked.append((call, given))
        route.fulfill(json={"status": "success", "data": self._data(call, given)})

    def _data(self, call: str, given: dict[str, str]) -> Any:
        if call == "scrapes":
            return {"interval": self.interval, "slowest": self.interval, "newest": float(given["end"])}
        if call == "query":
            at = float(given["time"])
            found = self.instant(given["query"], at)
            result = [{"metric": labels, "value": [at, str(value)]} for labels, value in found]
            return {"resultType": "vector", "result": result}
        if call == "query_range":
            start, end, step = (float(given[name]) for name in ("start", "end", "step"))
            times = [start + n * step for n in range(int((end - start) / step) + 1)]
            values = [(at, self.curve(given["query"], at)) for at in times]
            known = [[at, str(value)] for at, value in values if value is not None]
            return {
                "resultType": "matrix",
                "result": [{"metric": {"instance": "a"}, "values": known}] if known else [],
            }
        return self.labels

    def queries(self, call: str = "query") -> list[str]:
        return [given["query"] for name, given in self.asked if name == call]
