"""Raw samples out of a Prometheus server: typed instant queries over its HTTP API.

Everything is asked for as ``selector[range]`` at one moment, which returns the samples as they were scraped. Functions
such as ``increase()`` extrapolate to the edges of their range and would invent energy.

API: https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests

from .errors import Rejected, TryAgain

# One answer holds at most this much time: a day of 5 s scrapes is 17,280 samples per series.
_CHUNK_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Series:
    """One time series: its labels (with ``__name__``) and raw samples ``(Unix seconds, value)``, oldest first."""

    labels: Mapping[str, str]
    samples: Sequence[tuple[float, float]]

    @property
    def name(self) -> str:
        return self.labels.get("__name__", "")

    @property
    def target(self) -> tuple[str, str]:
        """The scraped target: (job, instance)."""
        return self.labels.get("job", ""), self.labels.get("instance", "")


def selector(metric: str, /, regex: bool = False, **labels: str) -> str:
    """A PromQL selector with every value quoted, whatever characters it holds."""
    matchers = [f"__name__{'=~' if regex else '='}{_quote(metric)}"]
    matchers += [f"{label}={_quote(value)}" for label, value in labels.items()]
    return "{" + ",".join(matchers) + "}"


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


class Prometheus:
    """A server's query API. ``session`` carries authentication, if any."""

    def __init__(self, url: str, session: requests.Session, timeout: float = 10.0) -> None:
        self.url = url.rstrip("/")
        self._session = session
        self._timeout = timeout

    def instant(self, query: str, at: float) -> list[Series]:
        """One sample per series, at most. Raises TryAgain or Rejected."""
        return [Series(row["metric"], [_sample(row["value"])]) for row in self._query(query, at, "vector")]

    def raw(self, select: str, start: float, end: float) -> list[Series]:
        """Every raw sample of the selected series with start <= t <= end. Raises TryAgain or Rejected."""
        merged: dict[tuple[tuple[str, str], ...], dict[float, float]] = {}
        at = start
        while True:
            stop = min(at + _CHUNK_SECONDS, end)
            # A millisecond more on the left: Prometheus 3 leaves the left edge out, 2 includes it.
            milliseconds = math.ceil((stop - at) * 1000) + 1
            for row in self._query(f"{select}[{milliseconds}ms]", stop, "matrix"):
                samples = merged.setdefault(tuple(sorted(row["metric"].items())), {})
                samples.update(_sample(pair) for pair in row["values"])
            if stop >= end:
                break
            at = stop
        return [
            Series(dict(labels), [(t, v) for t, v in sorted(samples.items()) if start <= t <= end])
            for labels, samples in merged.items()
        ]

    def _query(self, query: str, at: float, kind: str) -> list[dict[str, Any]]:
        try:
            answer = self._session.post(
                f"{self.url}/api/v1/query", data={"query": query, "time": f"{at:.3f}"}, timeout=self._timeout
            )
        except requests.RequestException as error:
            raise TryAgain(f"no answer from Prometheus at {self.url}: {_cause(error)}") from None
        if answer.status_code >= 500 or answer.status_code == 429:
            raise TryAgain(f"Prometheus at {self.url} answered {answer.status_code}: {_words(answer)}")
        if answer.status_code != 200:
            raise Rejected(f"Prometheus at {self.url} answered {answer.status_code}: {_words(answer)}")
        try:
            data = answer.json()["data"]
            found, rows = data["resultType"], data["result"]
        except (ValueError, KeyError, TypeError):
            raise Rejected(f"{self.url} did not answer like Prometheus; check prometheus.url") from None
        if found != kind:
            raise Rejected(f"{self.url} answered with a {found} instead of a {kind}")
        return list(rows)


def _sample(pair: Sequence[Any]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])


def _words(answer: requests.Response) -> str:
    try:
        text = str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        text = answer.text
    return " ".join(text.split())[:200] or answer.reason


def _cause(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "timed out"
    if isinstance(error, requests.ConnectionError):
        return "connection failed"
    return type(error).__name__
