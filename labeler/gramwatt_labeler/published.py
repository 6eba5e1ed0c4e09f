"""Grades as metrics: one text for all scrapes until the grades change."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from .metrics import GRADE, GRAMS_PER_UNIT, INDEX, INFO, OF_GRADES, PER_UNIT, REFUSED, Metric
from .model import Graded

_log = logging.getLogger(__name__)
_END_OF_OPENMETRICS = b"# EOF\n"
PUBLISHED_EVALUATIONS = 1000
"""Those that ended last; all their grades are published."""

Encode = Callable[[CollectorRegistry], bytes]
"""Writes the metrics of a registry as text, such as ``prometheus_client.generate_latest``."""


class Published:
    """Grades that a scrape sees. The watch job swaps in a whole new list; a scrape reads one list and nothing else."""

    def __init__(self) -> None:
        self._grades: tuple[Graded, ...] = ()
        self._texts: dict[str, tuple[tuple[Graded, ...], bytes]] = {}

    def publish(self, grades: Sequence[Graded]) -> None:
        """Replace what the next scrapes see."""
        new = tuple(grades)
        if new != self._grades:
            self._grades = new

    def page(self, health: CollectorRegistry, encode: Encode, content_type: str) -> bytes:
        """The whole page of a scrape: the grades, then ``health``.

        A thousand grades take a tenth of a second of CPU time to write, so they are written once for each content type.
        """
        return self._text(encode, content_type) + encode(health)

    def _text(self, encode: Encode, content_type: str) -> bytes:
        grades = self._grades
        written_for, text = self._texts.get(content_type, (None, b""))
        if written_for is not grades:
            registry = CollectorRegistry()
            registry.register(_Families(grades))
            text = encode(registry).removesuffix(_END_OF_OPENMETRICS)
            self._texts[content_type] = grades, text
        return text


class _Families(Collector):
    def __init__(self, grades: Sequence[Graded]) -> None:
        self._grades = grades

    def collect(self) -> Iterator[Family]:
        families = {row: GaugeMetricFamily(row.name, row.help, labels=row.labels) for row in OF_GRADES}
        for one in self._grades:
            try:
                rows = list(_rows(one))
            except (ValueError, TypeError) as error:  # one odd record must not cost the scrape
                _log.debug("grade of window %s is not published: %s", one.window.id, error)
                continue
            for row, labels, value in rows:
                families[row].add_metric(labels, value)
        yield from families.values()


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
