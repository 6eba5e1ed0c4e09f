"""Which time series are one: a window is known by its id, whatever labels its series were scraped with.

The same counter may be there several times. Two Prometheus servers that scrape one exporter and are read through one
API (federation, Thanos or Mimir without deduplication) distinguish their copies by a replica label; two jobs may scrape
one exporter. Such copies overlap in time, and one of them is the whole. Or a label changes while the window is open (a
pod's name after a restart): then one series ends where the next begins, and both together are the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .prometheus import Series

Samples = Sequence[tuple[float, float]]
Origin = tuple[tuple[str, str], ...]
"""What the scrape adds to a window's own labels: job, instance, replica, pod, cluster, ..."""

_OWN = frozenset(
    {
        "__name__", "window", "component", "key", "name", "phase", "model", "task", "dataset", "parent", "user",
        "state", "outcome", "detail",
    }
)  # fmt: skip


def origin_of(series: Series) -> Origin:
    """The labels that a series does not have by itself, in the order of their names."""
    return tuple(sorted((label, text) for label, text in series.labels.items() if label not in _OWN))


def main_origin(finals: Iterable[Series]) -> Origin:
    """The copy with the most samples of the end timestamp: that one saw the window's final values."""
    times: dict[Origin, set[float]] = {}
    for series in finals:
        times.setdefault(origin_of(series), set()).update(t for t, _ in series.samples)
    return max(times, key=lambda origin: (len(times[origin]), origin))


def one_counter(copies: Iterable[Series], main: Origin = ()) -> Samples:
    """The samples of one counter out of all its series: the main copy, and in front of it those that ended before it.

    Copies that overlap it are left out: their samples are the same counter's at other moments, and where they lag (as
    federated ones may) the counter would seem to go back.
    """
    series = sorted(
        (one for one in copies if one.samples),
        key=lambda one: (origin_of(one) == main, len(one.samples), origin_of(one)),
        reverse=True,
    )
    samples: Samples = ()
    for one in series:
        if not samples or one.samples[-1][0] < samples[0][0]:
            samples = [*one.samples, *samples]
    return samples


def by_label(series: Iterable[Series], label: str) -> dict[str, list[Series]]:
    """Series by the value of a label of their own."""
    found: dict[str, list[Series]] = {}
    for one in series:
        found.setdefault(one.labels.get(label, ""), []).append(one)
    return dict(sorted(found.items()))


def targets(series: Iterable[Series]) -> list[tuple[str, str]]:
    """Every (job, instance) that the series were scraped from."""
    return sorted({one.target for one in series})
