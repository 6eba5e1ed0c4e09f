"""What the labeler publishes: grades, and its own health. The rows of METRICS are the contract (docs/labeler.md)."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from . import __version__


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


OF_GRADES = (GRADE, INDEX, INFO, PER_UNIT, GRAMS_PER_UNIT, REFUSED)
"""Those with one sample or more for each window; :mod:`gramwatt_labeler.published`."""


class _LastPoll(Collector):
    """The moment of the last poll that succeeded; nothing before the first."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.at: float | None = None
        registry.register(self)

    def describe(self) -> Iterable[Family]:
        return [GaugeMetricFamily(LAST_POLL.name, LAST_POLL.help)]

    def collect(self) -> Iterator[Family]:
        if self.at is not None:
            yield GaugeMetricFamily(LAST_POLL.name, LAST_POLL.help, value=self.at)


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
        self.last_poll = _LastPoll(registry)
        Gauge(BUILD.name, BUILD.help, BUILD.labels, registry=registry).labels(
            __version__, platform.python_version()
        ).set(1)
