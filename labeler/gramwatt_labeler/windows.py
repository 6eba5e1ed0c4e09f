"""Find finished windows in Prometheus and measure them from their raw samples."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from .errors import NotFound, NotYet
from .measure import Interval, count, coverage_ratio, drops, known_ratio
from .model import Measurement, Window
from .prometheus import Prometheus, Series, selector

MINIMUM_SAMPLES = 3
_TAIL_SECONDS = 600.0  # enough for three scrapes at any usual interval
_SKEW_SECONDS = 60.0  # clocks of exporter and Prometheus may differ by this much
_PREFIX = "gramwatt_window_"
# A GPU that cannot be read has no second source, unlike the CPU, which falls back to an estimate.
_GPU_SENSORS = ("nvml", "amdsmi")
_LOST = ("error", "lost")


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished window as found: its id and when it ended (Unix seconds, the exporter's clock)."""

    id: str
    end: float


def finished(prometheus: Prometheus, now: float, lookback: float) -> list[Finished]:
    """Windows that ended within ``lookback`` seconds and are known to Prometheus, oldest end first."""
    query = f"last_over_time({selector(_PREFIX + 'end_timestamp_seconds')}[{math.ceil(lookback)}s])"
    ends: dict[str, float] = {}
    for series in prometheus.instant(query, now):
        window, end = series.labels.get("window", ""), series.samples[-1][1]
        if window and math.isfinite(end) and end > now - lookback:
            ends[window] = end
    return [
        Finished(window, end) for window, end in sorted(ends.items(), key=lambda item: (item[1], item[0]))
    ]


def find_by_name(prometheus: Prometheus, name: str, now: float, lookback: float) -> Finished:
    """The window of this name that ended last. Raises NotFound."""
    query = f"last_over_time({selector(_PREFIX + 'info', name=name)}[{math.ceil(lookback)}s])"
    ids = {series.labels.get("window", "") for series in prometheus.instant(query, now)}
    found = [window for window in finished(prometheus, now, lookback) if window.id in ids]
    if not found:
        what = "has not finished yet" if ids else f"is unknown to Prometheus at {prometheus.url}"
        raise NotFound(f"a window named {name!r} {what}")
    return found[-1]


def find_by_id(prometheus: Prometheus, window: str, now: float, lookback: float) -> Finished:
    """The finished window with this id. Raises NotFound or, while it is open, NotYet."""
    for series in prometheus.instant(
        f"last_over_time({selector(_PREFIX + 'end_timestamp_seconds', window=window)}[{math.ceil(lookback)}s])",
        now,
    ):
        return Finished(window, series.samples[-1][1])
    query = f"last_over_time({selector(_PREFIX + 'info', window=window)}[{math.ceil(lookback)}s])"
    if prometheus.instant(query, now):
        raise NotYet(f"window {window} has not finished yet")
    raise NotFound(
        f"window {window!r} is unknown to Prometheus at {prometheus.url} (looked back {lookback / 3600:g} h)"
    )


def measure(
    prometheus: Prometheus, found: Finished, now: float, patience: float = 300.0
) -> tuple[Window, Measurement]:
    """Describe and measure a finished window.

    Raises NotYet while fewer than three samples are in and, by ``patience`` seconds after the last one, more may come.
    """
    finals = _final_samples(prometheus, found, now)
    target, final_times = _one_target(finals)
    last = final_times[-1]
    described = [
        series
        for series in prometheus.raw(
            selector(_PREFIX + ".+", regex=True, window=found.id), final_times[0], last
        )
        if series.target == target and series.samples
    ]
    window = _describe(found, target[1], described)
    counters = [
        series
        for series in prometheus.raw(
            selector(_PREFIX + "(energy_joules|emissions_grams)_total", regex=True, window=found.id),
            min(window.start, found.end) - _SKEW_SECONDS,
            last,
        )
        if series.target == target
    ]
    energy = {s.labels.get("component", ""): s for s in counters if s.name.endswith("energy_joules_total")}
    samples = min((len(series.samples) for series in energy.values()), default=0)
    if samples < MINIMUM_SAMPLES and now - last < patience:
        raise NotYet(f"window {found.id} has {samples} of {MINIMUM_SAMPLES} samples of its energy counter")
    times = sorted({t for series in energy.values() for t, _ in series.samples})
    breaks = _breaks(prometheus, target, window, times)
    sources = _sources(prometheus, target, set(energy), final_times[0])
    return window, _measurement(window, energy, counters, described, final_times[0], breaks, sources)


def _final_samples(prometheus: Prometheus, found: Finished, now: float) -> list[Series]:
    """Samples of the end timestamp. Whatever was scraped together with one of them is final."""
    select = selector(_PREFIX + "end_timestamp_seconds", window=found.id)
    near = min(now, found.end + _TAIL_SECONDS)
    series = _filled(prometheus.raw(select, found.end - _SKEW_SECONDS, near))
    if not series and near < now:
        series = _filled(prometheus.raw(select, near, now))
    if not series:
        raise NotYet(f"no sample of window {found.id} after its end is in Prometheus yet")
    return series


def _filled(series: Iterable[Series]) -> list[Series]:
    return [one for one in series if one.samples]


def _one_target(finals: Sequence[Series]) -> tuple[tuple[str, str], list[float]]:
    """The target with the most samples: a second job that scrapes the same exporter must not count twice."""
    times: dict[tuple[str, str], set[float]] = {}
    for series in finals:
        times.setdefault(series.target, set()).update(t for t, _ in series.samples)
    target = max(times, key=lambda key: (len(times[key]), key))
    return target, sorted(times[target])


def _describe(found: Finished, instance: str, described: Sequence[Series]) -> Window:
    info: dict[str, str] = {}
    start = math.nan
    values: dict[str, float] = {}
    newest = -math.inf
    for series in described:
        t, value = series.samples[-1]
        if series.name == _PREFIX + "info" and t >= newest:
            info, newest = dict(series.labels), t
        elif series.name == _PREFIX + "start_timestamp_seconds":
            start = value
        elif series.name == _PREFIX + "value" and math.isfinite(value):
            values[series.labels.get("key", "")] = value
    return Window(
        id=found.id,
        name=info.get("name", ""),
        phase=info.get("phase", ""),
        model=info.get("model", ""),
        task=info.get("task", ""),
        dataset=info.get("dataset", ""),
        parent=info.get("parent", ""),
        user=info.get("user", ""),
        start=start if math.isfinite(start) else found.end,
        end=found.end,
        values=dict(sorted(values.items())),
        instance=instance,
    )


def _breaks(
    prometheus: Prometheus, target: tuple[str, str], window: Window, times: Sequence[float]
) -> list[Interval]:
    """Stretches in which the exporter was not counting: it restarted, or a GPU could not be read."""
    job, instance = target
    low, high = window.start - _SKEW_SECONDS, window.end + _SKEW_SECONDS
    found: list[Interval] = []
    for series in prometheus.raw(selector("gramwatt_samples_total", job=job, instance=instance), low, high):
        # A restart between the last sample in front of the window and its first was before it opened: an exporter
        # that is down opens none.
        found += [interval for interval in drops(series.samples) if window.start <= interval[0] < window.end]
    for sensor in _GPU_SENSORS:
        select = selector("gramwatt_sensor_up", job=job, instance=instance, sensor=sensor)
        for series in prometheus.raw(select, low, high):
            if series.labels.get("reason", "") in _LOST:
                down = [t for t, value in series.samples if value == 0]
                found += [(max((u for u in times if u < t), default=window.start), t) for t in down]
    return found


def _sources(
    prometheus: Prometheus, target: tuple[str, str], components: set[str], at: float
) -> tuple[str, ...]:
    """Which sensors measured the components the window used, such as rapl or estimate."""
    select = selector("gramwatt_device_energy_joules_total", job=target[0], instance=target[1])
    rows = prometheus.instant(select, at)
    found = {row.labels.get("source", "") for row in rows if row.labels.get("component") in components}
    return tuple(sorted(found - {""}))


def _measurement(
    window: Window,
    energy: dict[str, Series],
    counters: Sequence[Series],
    described: Sequence[Series],
    final: float,
    breaks: Sequence[Interval],
    sources: tuple[str, ...],
) -> Measurement:
    origin = (window.start, 0.0)
    counted = {
        component: count(series.samples, origin, final) for component, series in sorted(energy.items())
    }
    grams = [
        count(series.samples, origin, final).increase
        for series in counters
        if series.name.endswith("emissions_grams_total")
    ]
    resets = [interval for one in counted.values() for interval in one.resets]
    notes = []
    if resets:
        notes.append(f"the energy counter went back {len(resets)} time(s)")
    if breaks:
        notes.append("the exporter restarted or lost a GPU inside the window")
    unknown = _unknown(described)
    energy_joules = sum(one.increase for one in counted.values())
    single = {series.name: series.samples[-1][1] for series in described}
    uncertainty = single.get(_PREFIX + "uncertainty_ratio")
    measurement = Measurement(
        energy_joules=energy_joules,
        components={component: one.increase for component, one in counted.items()},
        samples=min((one.samples for one in counted.values()), default=0),
        coverage_ratio=coverage_ratio(window.start, window.end, [*resets, *breaks])
        * known_ratio(energy_joules, sum(unknown.values())),
        resets=len(resets),
        emissions_grams=sum(grams) if grams else None,
        cpu_seconds=single.get(_PREFIX + "cpu_seconds_total"),
        uncertainty_ratio=uncertainty if uncertainty is not None and math.isfinite(uncertainty) else None,
        sources=sources,
        unknown=unknown,
    )
    text = measurement.unknown_text
    return replace(measurement, notes=(*notes, *([text] if text else [])))


def _unknown(described: Sequence[Series]) -> dict[str, float]:
    """Energy by component that may be the window's own and that the exporter could not give to anybody."""
    last = {
        series.labels.get("component", ""): series.samples[-1][1]
        for series in described
        if series.name == _PREFIX + "unknown_energy_joules"
    }
    return {name: joules for name, joules in sorted(last.items()) if math.isfinite(joules) and joules > 0}
