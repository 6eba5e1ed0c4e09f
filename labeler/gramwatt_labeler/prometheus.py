"""Raw samples out of a Prometheus server: typed instant queries over its HTTP API.

Everything is asked for as ``selector[range]`` at one moment, which returns the samples as they were scraped. Functions
such as ``increase()`` extrapolate to the edges of their range and would invent energy.

API: https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from .errors import Rejected, TryAgain
from .units import duration

_log = logging.getLogger(__name__)

# One answer holds at most this much time: a day of 5 s scrapes is 17,280 samples per series. After empty days it holds
# more, so that a start long before the first sample costs few questions.
_CHUNK_SECONDS = 86_400.0
_LONGEST_CHUNK_SECONDS = 8 * _CHUNK_SECONDS
# 2020: an earlier moment comes from a clock that was not set, and has no sample.
_FIRST_SECONDS = 1_577_836_800.0
_SAME_SECONDS = 60.0  # two clocks that differ by less are the same
_LONGEST_ANSWER = 256 * 1024 * 1024  # bytes; a chunk of 100 such series has 50 MB


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


@dataclass(frozen=True, slots=True)
class Target:
    """What the server scrapes: with the labels it gives the samples, and where."""

    labels: Mapping[str, str]
    url: str


class Prometheus:
    """A server's query API. ``client`` carries authentication, if any."""

    def __init__(self, url: str, client: httpx.Client, timeout: float = 10.0) -> None:
        self.url = url.rstrip("/")
        self._client = client
        self._timeout = timeout
        self._ahead: float | None = None  # seconds, of the server's clock; None is not known yet

    def now(self, now: float) -> float:
        """A moment of this machine's clock by the server's, where the two differ by more than a minute.

        Samples have the server's times. Raises TryAgain.
        """
        if self._ahead is None:
            self._ask({"query": "vector(1)", "time": f"{now:.3f}"})  # every answer says when it was given
        return now + (self._ahead or 0.0)

    def targets(self) -> list[Target]:
        """What it scrapes now; nothing where it does not say (a query layer over several). Raises TryAgain."""
        url = f"{self.url}/api/v1/targets"
        try:
            answer = self._client.get(url, params={"state": "active"}, timeout=self._timeout)
            active = answer.json()["data"]["activeTargets"] if answer.status_code == 200 else []
            return [Target(dict(one["labels"]), str(one["scrapeUrl"])) for one in active]
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise TryAgain(f"no answer from Prometheus at {self.url}: {_cause(error)}") from None
        except (ValueError, KeyError, TypeError):
            return []

    def instant(self, query: str, at: float) -> list[Series]:
        """One sample per series, at most. Raises TryAgain or Rejected."""
        return [
            Series(_labels(row), [_sample(row["value"])])
            for row in self._query(query, at, "vector")
            if isinstance(row.get("value"), list)
        ]

    def raw(self, select: str, start: float, end: float) -> list[Series]:
        """Every raw sample of the selected series with start <= t <= end. Raises TryAgain or Rejected.

        NaN is none: VictoriaMetrics shows so that a series ended, where Prometheus shows nothing. A machine whose clock
        began in 1970 does not cost a question for each day since.
        """
        if end > _FIRST_SECONDS:
            start = max(start, _FIRST_SECONDS)
        merged: dict[tuple[tuple[str, str], ...], dict[float, float]] = {}
        at, chunk = start, _CHUNK_SECONDS
        while True:
            stop = min(at + chunk, end)
            # A millisecond more on the left: Prometheus 3 leaves the left edge out, 2 includes it.
            milliseconds = math.ceil((stop - at) * 1000) + 1
            rows = self._query(f"{select}[{milliseconds}ms]", stop, "matrix")
            chunk = _CHUNK_SECONDS if rows else min(2 * chunk, _LONGEST_CHUNK_SECONDS)
            for row in rows:
                samples = merged.setdefault(tuple(sorted(_labels(row).items())), {})
                numbers = [_sample(pair) for pair in row.get("values", ())]
                samples.update((moment, value) for moment, value in numbers if not math.isnan(value))
            if stop >= end:
                break
            at = stop
        return [
            Series(dict(labels), [(t, v) for t, v in sorted(samples.items()) if start <= t <= end])
            for labels, samples in merged.items()
        ]

    def _query(self, query: str, at: float, kind: str) -> list[dict[str, Any]]:
        status, content = self._ask({"query": query, "time": f"{at:.3f}"})
        if status >= 500 or status == 429:
            raise TryAgain(f"Prometheus at {self.url} answered {status}: {_words(content)}")
        if status != 200:
            raise Rejected(f"Prometheus at {self.url} answered {status}: {_words(content)}")
        try:
            data = json.loads(content)["data"]
            found, rows = data["resultType"], data["result"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Rejected(f"{self.url} did not answer like Prometheus; check prometheus.url") from None
        if found != kind:
            raise Rejected(f"{self.url} answered with a {found} instead of a {kind}")
        return list(rows)

    def _compare_clocks(self, date: str) -> None:
        before, self._ahead = self._ahead, _ahead_of_us(date)
        if self._ahead and not before:
            way = "behind" if self._ahead > 0 else "ahead of"
            _log.warning(
                "the clock of this machine is %s %s that of Prometheus at %s: set it, by NTP for example; until then "
                "windows are looked for by the time of Prometheus",
                duration(abs(self._ahead)), way, self.url,
            )  # fmt: skip

    def _ask(self, form: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body within the timeout as a whole: a server that drips must not hold the job for ever."""
        deadline = time.monotonic() + self._timeout
        url = f"{self.url}/api/v1/query"
        content = bytearray()
        try:
            with self._client.stream("POST", url, data=form, timeout=self._timeout) as answer:
                for chunk in answer.iter_bytes():
                    content += chunk
                    if len(content) > _LONGEST_ANSWER:
                        raise Rejected(
                            f"the answer of Prometheus at {self.url} is beyond {_LONGEST_ANSWER} bytes"
                        )
                    if time.monotonic() > deadline:
                        raise httpx.ReadTimeout("the answer takes too long")
                self._compare_clocks(answer.headers.get("date", ""))
                return answer.status_code, bytes(content)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise TryAgain(f"no answer from Prometheus at {self.url}: {_cause(error)}") from None


def _ahead_of_us(date: str) -> float:
    """How many seconds a server's clock is ahead by the date of its answer; 0 where it says none."""
    try:
        ahead = parsedate_to_datetime(date).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return ahead if abs(ahead) > _SAME_SECONDS else 0.0


def _labels(row: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(text) for name, text in row.get("metric", {}).items()}


def _sample(pair: Sequence[Any]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])


def _words(content: bytes) -> str:
    try:
        text = str(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError, RecursionError):
        text = content[:1000].decode("utf-8", "replace")
    return " ".join(text.split())[:200] or "nothing"


def _cause(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "timed out"
    if isinstance(error, httpx.NetworkError):
        return "connection failed"
    return type(error).__name__
