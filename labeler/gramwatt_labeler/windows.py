"""Find finished windows in Prometheus and measure them from their raw samples."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from .errors import NotFound, NotYet, Rejected
from .identity import Origin, Samples, by_label, main_origin, one_counter, origin_of, targets
from .measure import Interval, count, coverage_ratio, drops, known_ratio
from .model import Hardware, Measurement, Window
from .prometheus import Prometheus, Series, selector
from .reasons import said

MINIMUM_SAMPLES = 3
_TAIL_SECONDS = 600.0  # enough for three scrapes at any usual interval
_SKEW_SECONDS = 60.0  # clocks of exporter and Prometheus may differ by this much
_MOST_AHEAD_SECONDS = 3600.0  # an exporter's clock may be ahead of Prometheus' by this much
_PREFIX = "gramwatt_window_"
# A GPU that cannot be read has no second source, unlike the CPU, which falls back to an estimate.
_GPU_SENSORS = ("nvml", "amdsmi")
_LOST = ("error", "lost")
_FAILED_WITHOUT_A_WORD = MappingProxyType(
    {
        "exit": said("ended"),
        "limit": said("closed"),
    }
)


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
    main = main_origin(finals)
    final_times = sorted({t for one in finals if origin_of(one) == main for t, _ in one.samples})
    last = final_times[-1]
    described = _filled(
        prometheus.raw(selector(_PREFIX + ".+", regex=True, window=found.id), final_times[0], last)
    )
    window = _describe(found, dict(main).get("instance", ""), described)
    # Its samples have Prometheus' times: an exporter whose clock is ahead shows the end before its own time of the end.
    ahead = max(0.0, found.end - final_times[0])
    seen = replace(window, start=window.start - ahead, end=window.end - ahead)
    counters = _filled(
        prometheus.raw(
            selector(_PREFIX + "(energy_joules|emissions_grams)_total", regex=True, window=found.id),
            min(seen.start, seen.end) - _SKEW_SECONDS,
            last,
        )
    )
    energy = _counters(counters, "energy_joules_total", main)
    samples = min((len(one) for one in energy.values()), default=0)
    if samples < MINIMUM_SAMPLES and now - last < patience:
        raise NotYet(f"window {found.id} has {samples} of {MINIMUM_SAMPLES} samples of its energy counter")
    where = targets([*finals, *counters])
    times = sorted({t for one in energy.values() for t, _ in one})
    breaks = _breaks(prometheus, where, seen, times)
    sources = _sources(prometheus, where, set(energy), final_times[0])
    zone, method = _grid(prometheus, where, final_times[0])
    grams = _counters(counters, "emissions_grams_total", main)
    measured = _measurement(seen, energy, grams, described, final_times[0], breaks, sources)
    return window, replace(measured, zone=zone, intensity_method=method)


def _counters(series: Iterable[Series], ending: str, main: Origin) -> dict[str, Samples]:
    """Samples by component, each component's counter once."""
    named = [one for one in series if one.name.endswith(ending)]
    return {
        component: one_counter(copies, main) for component, copies in by_label(named, "component").items()
    }


def _final_samples(prometheus: Prometheus, found: Finished, now: float) -> list[Series]:
    """Samples of the end timestamp. Whatever was scraped together with one of them is final."""
    if found.end > now + _MOST_AHEAD_SECONDS:
        raise Rejected(f"it ends {found.end - now:.3g} s from now: the clocks of exporter and labeler differ")
    select = selector(_PREFIX + "end_timestamp_seconds", window=found.id)
    near = min(now, found.end + _TAIL_SECONDS)
    # It has no sample before it ends, whatever the exporter's clock says.
    series = _filled(prometheus.raw(select, min(found.end, now) - _MOST_AHEAD_SECONDS, near))
    if not series and near < now:
        series = _filled(prometheus.raw(select, near, now))
    if not series:
        raise NotYet(f"no sample of window {found.id} after its end is in Prometheus yet")
    return series


def _filled(series: Iterable[Series]) -> list[Series]:
    return [one for one in series if one.samples]


def _describe(found: Finished, instance: str, described: Sequence[Series]) -> Window:
    newest = sorted(described, key=lambda one: one.samples[-1][0])  # of copies, the one seen last wins
    info: dict[str, str] = {}
    start = math.nan
    values: dict[str, float] = {}
    outcome, boundary, software = "", "process", ""
    parts: dict[str, list[tuple[str, int]]] = {"gpu": [], "cpu": []}
    for series in newest:
        value = series.samples[-1][1]
        if series.name == _PREFIX + "info":
            info = dict(series.labels)
        elif series.name == _PREFIX + "start_timestamp_seconds":
            start = value
        elif series.name == _PREFIX + "value" and math.isfinite(value):
            values[series.labels.get("key", "")] = value
        elif series.name == _PREFIX + "boundary_info":
            boundary = series.labels.get("boundary", boundary)
        elif series.name == _PREFIX + "software_info":
            software = series.labels.get("software", "")
        elif series.name == _PREFIX + "hardware_info":
            _add_part(parts, series.labels)
        elif series.name == _PREFIX + "outcome_info":
            outcome = outcome_text(series.labels.get("outcome", ""), series.labels.get("detail", ""))
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
        failure=outcome,
        hardware=Hardware(tuple(sorted(parts["gpu"])), tuple(sorted(parts["cpu"]))),
        boundary=boundary,
        software=software,
    )


def _add_part(parts: Mapping[str, list[tuple[str, int]]], labels: Mapping[str, str]) -> None:
    """A model of hardware with its number; copies of a series count once."""
    model, devices = labels.get("model", ""), labels.get("devices", "")
    found = parts.get(labels.get("component", ""))
    if found is not None and model and devices.isdecimal() and (model, int(devices[:6])) not in found:
        found.append((model, int(devices[:6])))


def outcome_text(outcome: str, detail: str) -> str:
    """How a run failed, in words; "" when it is not known to have failed."""
    if outcome == "exit_code":
        return "" if detail == "0" else said("exit_code", code=detail)
    if outcome == "signal":
        return said("signal", signal=detail)
    if outcome == "exception":
        return said("exception", error=detail)
    return _FAILED_WITHOUT_A_WORD.get(outcome, "")


def _breaks(
    prometheus: Prometheus, where: Sequence[tuple[str, str]], window: Window, times: Sequence[float]
) -> list[Interval]:
    """Stretches in which the exporter was not counting: it restarted, or a GPU could not be read."""
    low, high = window.start - _SKEW_SECONDS, window.end + _SKEW_SECONDS
    found: list[Interval] = []
    ticks: list[Series] = []
    for job, instance in where:
        ticks += _filled(
            prometheus.raw(selector("gramwatt_samples_total", job=job, instance=instance), low, high)
        )
        for sensor in _GPU_SENSORS:
            select = selector("gramwatt_sensor_up", job=job, instance=instance, sensor=sensor)
            for series in prometheus.raw(select, low, high):
                if series.labels.get("reason", "") in _LOST:
                    down = [t for t, value in series.samples if value == 0]
                    found += [(max((u for u in times if u < t), default=window.start), t) for t in down]
    # Each copy by itself, and over a change of labels, which a restart often brings.
    for samples in (*(one.samples for one in ticks), one_counter(ticks)):
        # A restart between the last sample in front of the window and its first was before it opened: an exporter
        # that is down opens none.
        found += [interval for interval in drops(samples) if window.start <= interval[0] < window.end]
    return found


def _sources(
    prometheus: Prometheus, where: Sequence[tuple[str, str]], components: set[str], at: float
) -> tuple[str, ...]:
    """Which sensors measured the components the window used, such as rapl or estimate."""
    found = set()
    for job, instance in where:
        select = selector("gramwatt_device_energy_joules_total", job=job, instance=instance)
        for row in prometheus.instant(select, at):
            if row.labels.get("component") in components:
                found.add(row.labels.get("source", ""))
    return tuple(sorted(found - {""}))


def _grid(prometheus: Prometheus, where: Sequence[tuple[str, str]], at: float) -> tuple[str, str]:
    """The grid zone in force at a moment and how its intensity was known; "" where the exporters do not say one."""
    found = set()
    for job, instance in where:
        select = selector("gramwatt_grid_intensity_info", job=job, instance=instance)
        for row in prometheus.instant(select, at):
            if row.labels.get("basis", "average") == "average":
                found.add((row.labels.get("grid_zone", ""), row.labels.get("method", "")))
    return next(iter(found)) if len(found) == 1 else ("", "")


def _measurement(
    window: Window,
    energy: Mapping[str, Samples],
    emissions: Mapping[str, Samples],
    described: Sequence[Series],
    final: float,
    breaks: Sequence[Interval],
    sources: tuple[str, ...],
) -> Measurement:
    """Raises Rejected when the counters hold no energy that a number can be."""
    origin = (window.start, 0.0)
    counted = {component: count(samples, origin, final) for component, samples in energy.items()}
    grams = [count(samples, origin, final).increase for samples in emissions.values()]
    joules = _sum(one.increase for one in counted.values())
    if not math.isfinite(joules):
        raise Rejected(f"its energy counters add up to {joules} J")
    resets = [interval for one in counted.values() for interval in one.resets]
    missed = _newest(described, "missed_seconds")  # that the exporter itself says it did not see
    notes = []
    if resets:
        notes.append(f"the energy counter went back {len(resets)} time(s)")
    if breaks:
        notes.append("the exporter restarted or lost a GPU inside the window")
    unknown = _unknown(described)
    measurement = Measurement(
        energy_joules=joules,
        components={component: one.increase for component, one in counted.items()},
        samples=min((one.samples for one in counted.values()), default=0),
        coverage_ratio=coverage_ratio(window.start, window.end, [*resets, *breaks], missed or 0.0)
        * known_ratio(joules, sum(unknown.values())),
        resets=len(resets),
        emissions_grams=_finite(_sum(grams)) if grams else None,
        cpu_seconds=_newest(described, "cpu_seconds_total"),
        uncertainty_ratio=_newest(described, "uncertainty_ratio"),
        sources=sources,
        floor_joules=_newest(described, "floor_joules"),
        unknown=unknown,
    )
    text = measurement.unknown_text
    return replace(measurement, notes=(*notes, *([text] if text else [])))


def _unknown(described: Sequence[Series]) -> dict[str, float]:
    """Energy by component that may be the window's own and that the exporter could attribute to no process."""
    last = {
        series.labels.get("component", ""): series.samples[-1][1]
        for series in described
        if series.name == _PREFIX + "unknown_energy_joules"
    }
    return {name: joules for name, joules in sorted(last.items()) if math.isfinite(joules) and joules > 0}


def _newest(described: Sequence[Series], ending: str) -> float | None:
    """The last value of a metric that a window has once; None when there is none or it is no number."""
    found = [one.samples[-1] for one in described if one.name == _PREFIX + ending]
    return _finite(max(found)[1]) if found else None


def _sum(values: Iterable[float]) -> float:
    try:
        return math.fsum(values)
    except OverflowError:
        return math.inf


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
