"""The families of one snapshot, but for those of processes and workloads (process_text.py)."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable, Iterator, Sequence

from .. import __version__, units
from ..intensity.best_start import best_starts
from ..model import COMPONENTS, PARTS, Intensity
from ..snapshot import Snapshot, UserView, WorkloadView
from ..windows.model import SOFTWARE
from ..windows.outcome import outcome_labels
from .entering import entering_workloads

_PYTHON = platform.python_version()
Labelled = tuple[tuple[str, ...], float]
"""A sample: the values of the labels that the catalogue names, and the sample's own."""


def families(snapshot: Snapshot) -> Iterator[tuple[str, Iterable[Labelled]]]:
    """Every family of the snapshot by its name without prefix and ``_total``; some may be without samples.

    Families without samples on this machine are skipped early: code that runs touches memory, at every scrape.
    """
    yield from _devices(snapshot)
    entering = entering_workloads(snapshot.workloads)
    if snapshot.departed_workloads or entering:
        yield from _departed_workloads(snapshot, [*snapshot.departed_workloads, *entering])
    if snapshot.users:
        yield from _users(snapshot)
    yield from _grid(snapshot)
    yield from _factors(snapshot)
    if snapshot.windows:
        yield from _windows(snapshot)
        yield "process_window_info", _processes_in_windows(snapshot)
    if snapshot.projects:
        yield from _projects(snapshot)
    yield (
        "windows",
        [
            ((state,), float(held))
            for state, held in zip(("open", "finished"), snapshot.windows_held, strict=True)
        ],
    )
    if snapshot.budgets:
        yield from _budgets(snapshot)
    yield from _exporter(snapshot)


def _devices(snapshot: Snapshot) -> Iterator[tuple[str, Iterable[Labelled]]]:
    devices = snapshot.devices
    yield (
        "device_energy_joules",
        (
            ((d.component, d.name, source), units.joules(microjoules))
            for d in devices
            for source, microjoules in d.microjoules.items()
        ),
    )
    yield (
        "device_power_watts",
        (
            ((d.component, d.name, d.source), d.power_microwatts / 1e6)
            for d in devices
            if d.power_microwatts is not None
        ),
    )
    if snapshot.priced_ever:
        yield (
            "device_emissions_grams",
            (((d.component, d.name), units.grams(d.emission_units)) for d in devices),
        )
    yield (
        "device_energy_partition_joules",
        (
            ((d.component, d.name, part), units.joules(microjoules))
            for d in devices
            for part, microjoules in zip(PARTS, d.partition, strict=True)
        ),
    )
    yield (
        "device_context_energy_joules",
        (((d.component, d.name), units.joules(d.context)) for d in devices if d.component == "gpu"),
    )
    yield "device_power_uncertainty_ratio", (((d.component, d.name), d.uncertainty_ratio) for d in devices)
    yield "idle_baseline_info", (((d.component, d.name, d.idle.method), 1.0) for d in devices)
    known = [(d, d.idle, d.idle.microwatts) for d in devices if d.idle.microwatts is not None]
    yield "idle_baseline_watts", (((d.component, d.name), watts / 1e6) for d, _, watts in known)
    yield (
        "idle_baseline_uncertainty_ratio",
        (((d.component, d.name), idle.sigma / watts) for d, idle, watts in known if watts),
    )
    yield (
        "idle_baseline_since_timestamp_seconds",
        (((d.component, d.name), idle.since) for d, idle, _ in known if idle.since),
    )
    gpus = [device for device in devices if device.component == "gpu"]
    if gpus:
        yield "gpu_info", (((d.name, d.model), 1.0) for d in gpus if d.model)
        yield "gpu_power_limit_watts", (((d.name,), d.limit_watts) for d in gpus if d.limit_watts is not None)
        yield (
            "gpu_memory_bytes",
            (((d.name,), float(d.memory_bytes)) for d in gpus if d.memory_bytes is not None),
        )
        yield (
            "gpu_memory_used_bytes",
            (((d.name,), float(d.memory_used_bytes)) for d in gpus if d.memory_used_bytes is not None),
        )
        yield (
            "process_gpu_memory_bytes",
            (
                ((str(held.pid), held.command, held.workload, held.user, held.device), float(held.used_bytes))
                for held in snapshot.gpu_memory
            ),
        )
    if snapshot.meters:
        yield (
            "meter_energy_joules",
            (((m.name, m.source, m.relation), units.joules(m.microjoules)) for m in snapshot.meters),
        )
    if snapshot.resets:
        yield "meter_resets", ((device, float(count)) for device, count in snapshot.resets.items())
    yield "processes", [((), float(snapshot.process_count))]
    listed, unlisted, most = snapshot.workloads_held
    yield "workloads", [(("listed",), float(listed)), (("unlisted",), float(unlisted))]
    yield "workloads_max", [((), float(most))]


def _departed_workloads(
    snapshot: Snapshot, left: Sequence[WorkloadView]
) -> Iterator[tuple[str, Iterable[Labelled]]]:
    yield (
        "workload_departed_energy_joules",
        (
            ((view.kind, view.user, component), units.joules(microjoules))
            for view in left
            for component, microjoules in zip(COMPONENTS, view.microjoules, strict=True)
            if microjoules
        ),
    )
    if snapshot.priced_ever:
        yield (
            "workload_departed_emissions_grams",
            (
                ((view.kind, view.user, component), units.grams(amount))
                for view in left
                for component, amount in zip(COMPONENTS, view.emission_units, strict=True)
                if amount
            ),
        )
    yield (
        "workload_departed_cpu_seconds",
        (((view.kind, view.user), view.cpu_nanoseconds / 1e9) for view in left),
    )


def _users(snapshot: Snapshot) -> Iterator[tuple[str, Iterable[Labelled]]]:
    def shown(view: UserView, values: Sequence[int]) -> Iterator[tuple[str, int]]:
        for index, component in enumerate(COMPONENTS):
            if view.microjoules[index] or index == 0:
                yield component, 0 if index in view.new else values[index]

    yield (
        "user_energy_joules",
        (
            ((view.user, view.kind, component), units.joules(microjoules))
            for view in snapshot.users
            for component, microjoules in shown(view, view.microjoules)
        ),
    )
    if snapshot.priced_ever:
        yield (
            "user_emissions_grams",
            (
                ((view.user, view.kind, component), units.grams(amount))
                for view in snapshot.users
                for component, amount in shown(view, view.emission_units)
            ),
        )


def _source(value: Intensity) -> str:
    """The source of a yearly average. A live value's source changes from hour to hour and would be a new series each
    time."""
    return value.estimation if value.method == "annual" else ""


def _grid(snapshot: Snapshot) -> Iterator[tuple[str, Iterable[Labelled]]]:
    state = snapshot.intensity
    known = [value for value in (state.average, state.marginal) if value is not None]

    def name(value: Intensity) -> tuple[str, str, str]:
        return value.zone, value.provider, value.basis

    if known:
        yield "grid_intensity_grams_per_kilowatt_hour", ((name(v), v.grams_per_kilowatt_hour) for v in known)
        yield "grid_intensity_timestamp_seconds", ((name(v), v.at) for v in known)
        yield "grid_intensity_info", (((*name(v), v.method, v.factor, _source(v)), 1.0) for v in known)
    average = state.average
    if average is not None:
        hours: dict[int, float] = {}
        for point in state.forecast:
            # Half an hour goes up: round() sends every half to the even hour, and each second hour would be missing.
            horizon = math.floor((point.at - snapshot.at) / 3600 + 0.5)
            if horizon >= 0:
                hours.setdefault(horizon, point.grams_per_kilowatt_hour)
        yield (
            "grid_intensity_forecast_grams_per_kilowatt_hour",
            (((average.zone, str(hour)), value) for hour, value in sorted(hours.items())),
        )
        best = best_starts(state.forecast, snapshot.at)
        yield "grid_best_start_timestamp_seconds", (((average.zone, str(h)), start) for h, start, _ in best)
        yield (
            "grid_best_intensity_grams_per_kilowatt_hour",
            (((average.zone, str(h)), mean) for h, _, mean in best),
        )
        yield "grid_generation_ratio", (((average.zone, way), share) for way, share in average.ways)
        if average.renewable_ratio is not None:
            yield "grid_renewable_ratio", [((average.zone,), average.renewable_ratio)]
        if average.fossil_ratio is not None:
            yield "grid_fossil_ratio", [((average.zone,), average.fossil_ratio)]
    yield "grid_refresh_failures", ((key, float(count)) for key, count in state.refresh_failures.items())
    yield (
        "priced_energy_joules",
        ((key, units.joules(microjoules)) for key, (microjoules, _) in snapshot.priced.items()),
    )
    if snapshot.priced_ever:
        yield (
            "priced_emissions_grams",
            ((key, units.grams(amount)) for key, (_, amount) in snapshot.priced.items()),
        )
    yield (
        "emissions_revision_grams",
        (((zone,), units.grams(amount)) for zone, amount in snapshot.revisions.items()),
    )
    yield (
        "marginal_emissions_grams",
        ((key, units.grams(amount)) for key, amount in snapshot.marginal.items()),
    )


def _factors(snapshot: Snapshot) -> Iterator[tuple[str, Iterable[Labelled]]]:
    factors = snapshot.factors
    if factors.pue is not None:
        yield "pue_ratio", [((), factors.pue)]
        yield "facility_overhead_energy_joules", [((), units.joules(factors.overhead_microjoules))]
        if snapshot.priced_ever:
            yield "facility_overhead_emissions_grams", [((), units.grams(factors.overhead_units))]
    yield (
        "embodied_emissions_grams",
        (((part,), units.grams(a)) for part, a in factors.embodied_units.items()),
    )
    if factors.price is not None:
        yield "energy_price_per_kilowatt_hour", [((factors.currency,), factors.price)]
    if factors.cost is not None:
        yield "energy_cost", [((factors.currency,), factors.cost)]
    if factors.water_litres is not None:
        yield "water_litres", [((), factors.water_litres)]


def _processes_in_windows(snapshot: Snapshot) -> Iterator[Labelled]:
    shown = {window.id for window in snapshot.windows}
    for who, window in zip(snapshot.processes.identities, snapshot.processes.windows, strict=True):
        if window in shown:
            yield (str(who.pid), who.command, who.workload.name, who.workload.user, window), 1.0


def _projects(snapshot: Snapshot) -> Iterator[tuple[str, Iterable[Labelled]]]:
    yield (
        "project_energy_joules",
        (((p.project, c), units.joules(uj)) for p in snapshot.projects for c, uj in p.microjoules.items()),
    )
    yield (
        "project_emissions_grams",
        (
            ((p.project, c), units.grams(amount))
            for p in snapshot.projects
            for c, amount in p.emission_units.items()
        ),
    )


def _windows(snapshot: Snapshot) -> Iterator[tuple[str, Iterable[Labelled]]]:
    windows = snapshot.windows
    yield (
        "window_energy_joules",
        (((w.id, c), units.joules(uj)) for w in windows for c, uj in w.microjoules.items()),
    )
    yield (
        "window_emissions_grams",
        (
            ((w.id, c), units.grams(amount))
            for w in windows
            for c, amount in w.emission_units.items()
            if amount is not None
        ),
    )
    yield "window_cpu_seconds", (((w.id,), units.seconds(w.cpu_nanoseconds)) for w in windows)
    yield (
        "window_info",
        (((w.id, w.name, w.phase, w.model, w.task, w.dataset, w.parent, w.user), 1.0) for w in windows),
    )
    yield (
        "window_hardware_info",
        (
            ((w.id, part.component, part.model, str(part.devices)), 1.0)
            for w in windows
            for part in snapshot.hardware
            if w.microjoules.get(part.component)
        ),
    )
    yield "window_boundary_info", (((w.id, "machine"), 1.0) for w in windows if w.whole_machine)
    yield (
        "window_outcome_info",
        (
            ((w.id, *outcome_labels(w.outcome, w.ended_by, w.is_automatic)), 1.0)
            for w in windows
            if w.ended_by is not None
        ),
    )
    yield "window_missed_seconds", (((w.id,), units.seconds(w.missed_nanoseconds)) for w in windows)
    yield "window_floor_joules", (((w.id,), units.joules(w.floor_microjoules)) for w in windows)
    yield (
        "window_project_info",
        (((w.id, w.tags["project"]), 1.0) for w in windows if w.tags.get("project") and not w.parent),
    )
    yield (
        "window_software_info",
        (((w.id, w.tags[SOFTWARE]), 1.0) for w in windows if w.tags.get(SOFTWARE)),
    )
    yield "window_state", (((w.id, w.state), 1.0) for w in windows)
    yield "window_start_timestamp_seconds", (((w.id,), w.start) for w in windows)
    yield "window_end_timestamp_seconds", (((w.id,), w.end) for w in windows if w.end is not None)
    yield "window_value", (((w.id, key), value) for w in windows for key, value in w.values.items())
    yield (
        "window_uncertainty_ratio",
        (((w.id,), w.uncertainty_ratio) for w in windows if w.uncertainty_ratio is not None),
    )
    yield (
        "window_unknown_energy_joules",
        (((w.id, c), units.joules(uj)) for w in windows for c, uj in w.unknown_microjoules.items()),
    )


def _budgets(snapshot: Snapshot) -> Iterator[tuple[str, Iterable[Labelled]]]:
    budgets = snapshot.budgets
    yield "budget_limit_grams", (((b.name,), b.limit_grams) for b in budgets)
    yield "budget_period_seconds", (((b.name,), b.period_seconds) for b in budgets)
    yield "budget_period_info", (((b.name, b.period), 1.0) for b in budgets)
    yield "budget_period_start_timestamp_seconds", (((b.name,), b.period_start) for b in budgets)
    if snapshot.priced_ever:
        yield "budget_emissions_grams", (((b.name,), units.grams(b.emission_units)) for b in budgets)
        yield (
            "budget_period_emissions_grams",
            (((b.name,), units.grams(b.period_emission_units)) for b in budgets),
        )


def _exporter(snapshot: Snapshot) -> Iterator[tuple[str, Iterable[Labelled]]]:
    sensors = snapshot.sensors
    yield "sensor_up", (((s.name, s.reason), float(s.up)) for s in sensors)
    yield (
        "sensor_read_failures",
        (((s.name, reason), float(count)) for s in sensors for reason, count in s.failures.items()),
    )
    yield "sensor_read_duration_seconds", (((s.name,), s.read_seconds) for s in sensors if s.up)
    yield "exits_observed", (((mode,), float(count)) for mode, count in snapshot.exits_observed.items())
    yield "exits_lost", [((), float(snapshot.exits_lost))]
    samples, nanoseconds = snapshot.cpu_overbooked
    yield "cpu_overbooked_samples", [((), float(samples))]
    yield "cpu_overbooked_seconds", [((), units.seconds(nanoseconds))]
    yield "exit_mode_info", [((snapshot.exit_mode,), 1.0)]
    yield "process_clock_info", [((snapshot.clock_method,), 1.0)]
    yield "sample_duration_seconds", [((), snapshot.sample_seconds)]
    yield "samples", [((), float(snapshot.samples))]
    yield "sample_failures", [((), float(snapshot.sample_failures))]
    yield "snapshot_timestamp_seconds", [((), snapshot.at)]
    if snapshot.state_saved_at is not None:
        yield "state_saved_timestamp_seconds", [((), snapshot.state_saved_at)]
    if snapshot.state_saved_at is not None or snapshot.state_save_failures:  # also when none ever succeeded
        yield "state_save_failures", [((), float(snapshot.state_save_failures))]
        yield "state_damages", [((source,), float(n)) for source, n in snapshot.state_damages.items()]
    if snapshot.machine is not None:
        yield "machine_info", [((snapshot.machine.machine, snapshot.machine.node), 1.0)]
    yield "build_info", [((__version__, _PYTHON), 1.0)]
