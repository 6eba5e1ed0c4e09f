"""What Prometheus knows that Grafana shall know too: the scrape interval, and the runs that were graded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from ..errors import Rejected, TryAgain

# As in the dashboards: the spacing of the samples of the last ten minutes, of the machine where it is widest.
_SNAPSHOT = "gramwatt_snapshot_timestamp_seconds[10m]"
_INTERVAL = (
    f"ceil(max((max_over_time({_SNAPSHOT}) - min_over_time({_SNAPSHOT})) / "
    f"(count_over_time({_SNAPSHOT}) - 1)) > 0)"
)


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run. Times in milliseconds since 1970; ``grade`` is "" where it has none."""

    window: str
    name: str
    phase: str
    grade: str
    begin: int
    end: int

    @property
    def tags(self) -> Sequence[str]:
        """Those that the labeler's own annotations carry."""
        return ["gramwatt", self.phase or "window", self.grade or "not-graded"]

    @property
    def text(self) -> str:
        """Plain text; Grafana shows annotations as HTML."""
        said = f"{self.name}: {f'grade {self.grade}' if self.grade else 'not graded'}"
        return said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def scrape_interval(prometheus_url: str) -> int | None:
    """Seconds between the scrapes of the slowest exporter; None where none was scraped lately."""
    found = _ask(prometheus_url, _INTERVAL)
    return int(float(found[0]["value"][1])) if found else None


def finished_runs(prometheus_url: str, days: int) -> Sequence[Run]:
    """The runs that ended in the last ``days``, oldest first."""
    over = f"[{days}d]"

    def of(metric: str, *labels: str) -> str:
        return f"max by ({', '.join(('window', *labels))}) (last_over_time(gramwatt_{metric}{over}))"

    begins = _by_window(_ask(prometheus_url, of("window_start_timestamp_seconds")))
    ends = _by_window(_ask(prometheus_url, of("window_end_timestamp_seconds")))
    grades = {
        one["metric"]["window"]: one["metric"].get("grade", "")
        for one in _ask(prometheus_url, of("grade_info", "grade"))
    }
    runs = []
    for one in _ask(prometheus_url, of("window_info", "name", "phase", "parent")):
        labels = one["metric"]
        window = labels["window"]
        if window in ends and window in begins and not labels.get("parent"):
            runs.append(
                Run(
                    window,
                    labels.get("name", ""),
                    labels.get("phase", ""),
                    grades.get(window, ""),
                    round(begins[window] * 1000),
                    round(ends[window] * 1000),
                )
            )
    return sorted(runs, key=lambda run: run.begin)


def _by_window(found: Sequence[Any]) -> dict[str, float]:
    return {one["metric"]["window"]: float(one["value"][1]) for one in found}


def _ask(url: str, expr: str) -> Sequence[Any]:
    try:
        answer = httpx.post(f"{url.rstrip('/')}/api/v1/query", data={"query": expr}, timeout=60)
        body = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise TryAgain(f"Prometheus at {url} does not answer: {type(error).__name__}") from None
    if not isinstance(body, dict) or body.get("status") != "success":
        raise Rejected(f"Prometheus at {url} refused a query: {body.get('error', answer.status_code)}")
    found: Sequence[Any] = body["data"]["result"]
    return found
