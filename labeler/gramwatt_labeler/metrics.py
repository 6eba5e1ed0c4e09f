"""What the labeler publishes: grades, and its own health. The rows of METRICS are the contract (docs/labeler.md)."""

from __future__ import annotations

import logging
import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from . import __version__
from .model import Graded

_log = logging.getLogger(__name__)
PUBLISHED_EVALUATIONS = 1000
"""Those that ended last; all their grades are published."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the contract: name as scraped, kind, labels, help."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


GRADE = Metric("gramwatt_grade", "gauge", ("window", "scale"),
    "Grade of a recorded window as a number: 1 is the best letter, rising. Absent when not graded.")  # fmt: skip
INDEX = Metric("gramwatt_efficiency_index", "gauge", ("window", "scale"),
    "Energy per functional unit of a window divided by the scale's reference; lower is better.")  # fmt: skip
INFO = Metric("gramwatt_grade_info", "gauge",
    ("window", "scale", "grade", "span", "name", "phase", "model", "task", "dataset", "unit",
     "scale_version", "scale_hash", "origin"),
    "Always 1; the letter of a window and the letters its uncertainty reaches; its origin if imported.")  # fmt: skip
PER_UNIT = Metric("gramwatt_grade_energy_per_unit_joules", "gauge", ("window", "scale", "unit"),
    "Energy of a recorded window per functional unit (sample, token, request, run).")  # fmt: skip
GRAMS_PER_UNIT = Metric("gramwatt_grade_emissions_per_unit_grams", "gauge", ("window", "scale", "unit"),
    "Emissions of a recorded window per functional unit, CO2 equivalent. Absent when not known.")  # fmt: skip
REFUSED = Metric("gramwatt_grade_refused_info", "gauge",
    ("window", "scale", "name", "phase", "task", "reason", "origin"),
    "Always 1; a finished window that got no grade, and what is missing.")  # fmt: skip
POLLS = Metric(
    "gramwatt_labeler_polls_total", "counter", (), "Times Prometheus was asked for finished windows."
)
POLL_FAILURES = Metric("gramwatt_labeler_poll_failures_total", "counter", ("reason",),
    "Polls that ended in an error: unavailable, rejected, internal.")  # fmt: skip
GRADED = Metric("gramwatt_labeler_windows_total", "counter", ("result",),
    "Windows handled since the start, by result: graded, refused.")  # fmt: skip
WINDOW_FAILURES = Metric("gramwatt_labeler_window_failures_total", "counter", ("reason",),
    "Times one window could not be graded: unavailable, rejected, internal. Refused after three.")  # fmt: skip
WAITING = Metric("gramwatt_labeler_windows_waiting", "gauge", (),
    "Finished windows that wait for their last samples.")  # fmt: skip
LAST_POLL = Metric("gramwatt_labeler_last_poll_timestamp_seconds", "gauge", (),
    "Unix time of the last poll that succeeded. Absent before the first.")  # fmt: skip
POLL_SECONDS = Metric("gramwatt_labeler_poll_duration_seconds", "gauge", (), "Duration of the last poll.")
ANNOTATION_FAILURES = Metric("gramwatt_labeler_annotation_failures_total", "counter", (),
    "Annotations Grafana did not take; they are tried again.")  # fmt: skip
BUILD = Metric(
    "gramwatt_labeler_build_info", "gauge", ("version", "python"), "Always 1; which labeler this is."
)

METRICS = (
    GRADE, INDEX, INFO, PER_UNIT, GRAMS_PER_UNIT, REFUSED, POLLS, POLL_FAILURES, GRADED, WINDOW_FAILURES, WAITING,
    LAST_POLL, POLL_SECONDS, ANNOTATION_FAILURES, BUILD,
)  # fmt: skip


_OF_GRADES = (GRADE, INDEX, INFO, PER_UNIT, GRAMS_PER_UNIT, REFUSED)


class Health:
    """Counters of the watch job."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.polls = Counter(POLLS.name, POLLS.help, registry=registry)
        self.poll_failures = Counter(
            POLL_FAILURES.name, POLL_FAILURES.help, POLL_FAILURES.labels, registry=registry
        )
        self.windows = Counter(GRADED.name, GRADED.help, GRADED.labels, registry=registry)
        self.window_failures = Counter(
            WINDOW_FAILURES.name, WINDOW_FAILURES.help, WINDOW_FAILURES.labels, registry=registry
        )
        for reason in ("unavailable", "rejected", "internal"):
            self.window_failures.labels(reason)  # from 0, so that the first one is an increase
        self.waiting = Gauge(WAITING.name, WAITING.help, registry=registry)
        self.poll_seconds = Gauge(POLL_SECONDS.name, POLL_SECONDS.help, registry=registry)
        self.annotation_failures = Counter(
            ANNOTATION_FAILURES.name, ANNOTATION_FAILURES.help, registry=registry
        )
        Gauge(BUILD.name, BUILD.help, BUILD.labels, registry=registry).labels(
            __version__, platform.python_version()
        ).set(1)


class Published(Collector):
    """Grades as metrics. The watch job swaps in a whole new list; a scrape reads one list and nothing else."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._grades: Sequence[Graded] = ()
        self._last_poll: float | None = None
        registry.register(self)

    def publish(self, grades: Sequence[Graded], last_poll: float | None = None) -> None:
        """Replace what the next scrapes see."""
        self._grades, self._last_poll = tuple(grades), last_poll if last_poll is not None else self._last_poll

    def describe(self) -> Iterable[Family]:
        return [GaugeMetricFamily(row.name, row.help) for row in (*_OF_GRADES, LAST_POLL)]

    def collect(self) -> Iterator[Family]:
        grades, last_poll = self._grades, self._last_poll
        families = {row: GaugeMetricFamily(row.name, row.help, labels=row.labels) for row in _OF_GRADES}
        for one in grades:
            try:
                rows = list(_rows(one))
            except (ValueError, TypeError) as error:  # one odd record must not cost the scrape
                _log.debug("grade of window %s is not published: %s", one.window.id, error)
                continue
            for row, labels, value in rows:
                families[row].add_metric(labels, value)
        yield from families.values()
        if last_poll is not None:
            yield GaugeMetricFamily(LAST_POLL.name, LAST_POLL.help, value=last_poll)


def _rows(one: Graded) -> Iterator[tuple[Metric, list[str], float]]:
    """The samples of one result."""
    window, grade = one.window, one.grade
    key = [window.id, grade.scale.name]
    imported = one.measurement.imported if one.measurement else None
    origin = imported.text if imported else ""
    if grade.letter is None or grade.ordinal is None:
        yield REFUSED, [*key, window.name, window.phase, window.task, grade.reason, origin], 1
        return
    span = grade.letter if grade.best == grade.worst else f"{grade.best}-{grade.worst}"
    yield GRADE, key, grade.ordinal
    yield (
        INFO,
        [
            *key, grade.letter, "" if grade.best is None else span, window.name, window.phase, window.model,
            window.task, window.dataset, grade.unit, grade.scale.version, grade.scale.short_hash, origin,
        ],
        1,
    )  # fmt: skip
    if grade.index is not None:
        yield INDEX, key, grade.index
    if grade.energy_per_unit_joules is not None:
        yield PER_UNIT, [*key, grade.unit], grade.energy_per_unit_joules
    if grade.emissions_per_unit_grams is not None:
        yield GRAMS_PER_UNIT, [*key, grade.unit], grade.emissions_per_unit_grams
