"""A stretch of the exporter's series -> what it used: a service, a user, a container, a whole machine.

Only scraped samples count. The stretch is shrunk to the samples inside it, so that its energy and its time belong
together; nothing is extrapolated to its edges.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from .errors import InputError, NotFound, Rejected
from .grading.energy import GPU_SHARE
from .identity import Samples
from .measure import Counted, count, coverage_ratio, drops
from .model import Measurement
from .prometheus import Prometheus, Series
from .prometheus import selector as selector_of
from .units import moment

METRICS = {
    "gramwatt_workload_energy_joules_total": "process",
    "gramwatt_user_energy_joules_total": "process",
    "gramwatt_process_energy_joules_total": "process",
    "gramwatt_window_energy_joules_total": "window",  # of any, failed ones too: it gets no grade here
    "gramwatt_device_energy_joules_total": "machine",
}
"""The counters a stretch can be of, and what their energy counts."""
_DEFAULTS = (
    ("workload", "gramwatt_workload_energy_joules_total"), ("pid", "gramwatt_process_energy_joules_total"),
    ("window", "gramwatt_window_energy_joules_total"), ("device", "gramwatt_device_energy_joules_total"),
    # Of all of a user's workloads; not every workload has a series of its own.
    ("user", "gramwatt_user_energy_joules_total"),
)  # fmt: skip
_PARTS = ("component", "device", "source")
"""Labels of a part of the energy: with one of them in the selector the rest of it is not counted."""
_GPU = re.compile(r'component\s*=\s*"gpu"')
_GPU_MATCHER = re.compile(r'component\s*=\s*"gpu"\s*,?')
_SELECTOR = re.compile(r"\s*(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)?\s*(?P<braces>\{.*\})?\s*", re.DOTALL)
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)\s*(?:=~|!~|!=|=)\s*"(?:[^"\\]|\\.)*"\s*,?\s*')
_OWN = ("workload", "kind", "user", "component", "pid", "command", "device", "source", "window", "instance")
"""What makes two series different things; other labels are of copies (replicas, two jobs)."""
_LONGEST = 366 * 86400.0
_MOST_RESETS = 0.1  # of the steps of a counter: one that goes back more often is two, taking turns
_FEW_RESETS = 3  # restarts of an exporter that are always possible
_STEPS = 2  # scrapes that an exporter's first or last sample may lie away from another exporter's


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was used between two samples."""

    selector: str
    start: float
    end: float
    measurement: Measurement
    boundary: str
    instances: tuple[str, ...]


def read_selector(text: str) -> str:
    """With the name of its counter. Raises InputError naming what is allowed."""
    match = _SELECTOR.fullmatch(text)
    if match is None or not (match["name"] or match["braces"]):
        raise InputError(
            f'--selector: expected a selector such as {{workload="vllm.service"}}, got {text[:200]!r}'
        )
    braces = match["braces"] or "{}"
    labels = _labels(braces)
    name = match["name"] or next(
        (metric for label, metric in _DEFAULTS if label in labels), next(iter(METRICS))
    )
    if name not in METRICS:
        raise InputError(f"--selector: {name} is no energy counter; allowed: {', '.join(METRICS)}")
    return name + braces


def _labels(braces: str) -> set[str]:
    inside = braces[1:-1].strip()
    found, at = set(), 0
    while at < len(inside):
        match = _LABEL.match(inside, at)
        if match is None:
            raise InputError(f'--selector: expected label="value" at {inside[at : at + 40]!r}')
        found.add(match[1])
        at = match.end()
    return found


def check_times(start: float, end: float, now: float) -> None:
    """Raises InputError naming ``--start`` where no energy can be known from ``start`` to ``end``."""
    if not start < end or end - start > _LONGEST:
        raise InputError("--start: expected a moment before --end, at most 366 days")
    if start >= now:
        raise InputError(f"--start: {moment(start)} is still to come: expected a moment before now")


def measure_range(prometheus: Prometheus, selector: str, start: float, end: float) -> Stretch:
    """``selector`` as :func:`read_selector` gives it. Raises NotFound, TryAgain or Rejected."""
    energy = _grouped(prometheus.raw(selector, start, end))
    if not energy:
        raise NotFound(f"Prometheus at {prometheus.url} has no sample of {selector} in that time")
    first = min(samples[0][0] for samples in energy.values())
    last = max(samples[-1][0] for samples in energy.values())
    counted: dict[str, list[Counted]] = {}
    for (component, own), samples in energy.items():
        one = count(samples)
        if len(one.resets) > max(_FEW_RESETS, _MOST_RESETS * one.samples):
            raise Rejected(_taking_turns(one, dict(own).get("instance", "")))
        counted.setdefault(component, []).append(one)
    components = {
        component: sum(one.increase for one in found) for component, found in sorted(counted.items())
    }
    grams = _grouped(
        prometheus.raw(selector.replace("_energy_joules_total", "_emissions_grams_total", 1), start, end)
    )
    resets = [interval for found in counted.values() for one in found for interval in one.resets]
    instances = tuple(
        sorted({instance for _, own in energy for label, instance in own if label == "instance"})
    )
    sources, uncertainty = _sensors(prometheus, instances, components, last)
    measurement = Measurement(
        energy_joules=sum(components.values()),
        components=components,
        samples=max(len(samples) for samples in energy.values()),
        coverage_ratio=coverage_ratio(first, last, [*resets, *_unseen(prometheus, instances, first, last)]),
        resets=len(resets),
        emissions_grams=sum(count(samples).increase for samples in grams.values()) if grams else None,
        uncertainty_ratio=uncertainty,
        sources=sources,
        notes=(f"{len(energy)} series of {selector}", *_gone_back(len(resets))),
    )
    boundary = boundary_of(selector)
    if boundary == "gpu" and not _is_mostly_gpu(prometheus, selector, measurement.energy_joules, first, last):
        boundary = "part"
    return Stretch(selector, first, last, measurement, boundary, instances)


def _taking_turns(one: Counted, instance: str) -> str:
    return (
        f"the energy counter of {instance or 'an exporter'} goes back {len(one.resets)} times in "
        f"{one.samples} samples: two exporters have this name. Give each its own instance label in Prometheus, then "
        "measure a time after that"
    )


def _gone_back(times: int) -> tuple[str, ...]:
    return (f"the energy counter went back {times} time(s)",) if times else ()


def _is_mostly_gpu(prometheus: Prometheus, selector: str, joules: float, first: float, last: float) -> bool:
    """Whether it is most of what the same processes or machines used: work moved to the CPU is not seen in it."""
    whole = _GPU_MATCHER.sub("", selector)
    energy = _grouped(prometheus.raw(whole, first, last))
    most = sum(count(samples).increase for samples in energy.values())
    return joules >= float(GPU_SHARE) * most


def of_whole(stretch: Stretch, start: float, end: float) -> Stretch:
    """The stretch as that of the whole time from ``start`` to ``end``: what lies outside of its samples is not covered.

    What was done in that time is counted over all of it, its energy between the samples alone.
    """
    covered = max(0.0, stretch.end - stretch.start) / (end - start)
    ratio = (stretch.measurement.coverage_ratio or 0.0) * min(1.0, covered)
    return replace(stretch, measurement=replace(stretch.measurement, coverage_ratio=ratio))


def boundary_of(selector: str) -> str:
    """What the energy of a selector counts: process, machine, gpu, or a ``part``, which nothing is compared with."""
    name, brace, rest = selector.partition("{")
    labels = _labels(brace + rest)
    if labels.isdisjoint(_PARTS) or METRICS[name] == "window":
        return METRICS[name]
    return "gpu" if labels.isdisjoint(_PARTS[1:]) and _GPU.search(rest) else "part"


def _grouped(series: Iterable[Series]) -> dict[tuple[str, tuple[tuple[str, str], ...]], Samples]:
    """Samples by component and own labels."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], list[Samples]] = {}
    for one in series:
        own = tuple((label, one.labels[label]) for label in _OWN if label in one.labels)
        if one.samples:
            found.setdefault((one.labels.get("component", ""), own), []).append(one.samples)
    return {key: _chained(copies) for key, copies in found.items()}


def _chained(copies: Sequence[Samples]) -> Samples:
    """One counter of its series: the one with the most samples, with those that end before it or begin after it.

    Where a label of the scrape changes, such as a pod's name, one series ends and the next begins. What overlaps is a
    copy, such as another Prometheus server's.
    """
    found: Samples = ()
    for samples in sorted(copies, key=len, reverse=True):
        if not found or samples[-1][0] < found[0][0]:
            found = [*samples, *found]
        elif samples[0][0] > found[-1][0]:
            found = [*found, *samples]
    return found


def _unseen(
    prometheus: Prometheus, instances: Sequence[str], first: float, last: float
) -> list[tuple[float, float]]:
    """The times in which one of the exporters did not count: it was restarted, ended early or began late."""
    found: list[tuple[float, float]] = []
    for instance in instances:
        series = prometheus.raw(selector_of("gramwatt_samples_total", instance=instance), first, last)
        ticks = _chained([one.samples for one in series if one.samples])
        if not ticks:
            continue  # nothing is known of it
        times = [at for at, _ in ticks]
        steps = sorted(later - at for at, later in pairwise(times))
        slack = _STEPS * steps[len(steps) // 2] if steps else 0.0
        found += drops(ticks)
        found += [(low, high) for low, high in ((first, times[0]), (times[-1], last)) if high - low > slack]
    return found


def _sensors(
    prometheus: Prometheus, instances: Sequence[str], components: dict[str, float], at: float
) -> tuple[tuple[str, ...], float | None]:
    """The sensors behind it, and one sigma as a share of the energy: devices of a component are wrong together."""
    worst: dict[str, float] = {}
    sources = set()
    for row in prometheus.instant("gramwatt_device_power_uncertainty_ratio", at):
        component = row.labels.get("component", "")
        if component in components and row.labels.get("instance", "") in instances:
            worst[component] = max(worst.get(component, 0.0), row.samples[-1][1])
    for row in prometheus.instant("gramwatt_device_energy_joules_total", at):
        if row.labels.get("component") in components and row.labels.get("instance", "") in instances:
            sources.add(row.labels.get("source", ""))
    total = sum(components.values())
    if not total or not worst.keys() >= {name for name, joules in components.items() if joules}:
        return tuple(sorted(sources - {""})), None
    squares = sum((components[name] * ratio) ** 2 for name, ratio in worst.items())
    return tuple(sorted(sources - {""})), squares**0.5 / total
