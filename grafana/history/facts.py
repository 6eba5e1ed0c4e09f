"""What the exporters and the labeler say beside the counters: states, recorded runs, budgets, grades, alerts, rules."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from grafana.generator import common

from .grid import DAY
from .laboratory import HOUR, Job, Machine, Run, index_of
from .series import History, Series
from .simulation import BUDGETS, KEEP_RUN, PRICE, PUE

_GIB = float(2**30)
LABELER = {"job": "gramwatt-labeler", "instance": "lab-1:10045"}


def machine(history: History, one: Machine, end: int, *, job: str = "gramwatt", first: int = 0) -> None:
    """The gauges of one exporter, from the moment ``first`` to before ``end``."""
    labels = {"job": job, "instance": one.name}

    def constant(metric: str, value: float, **more: str) -> None:
        history.constant(metric, labels | more, value, first, end)

    history.constant("up", labels, 1, first, end)
    history.constant("up", labels, 0, end, len(history.times))
    constant("scrape_samples_scraped", 412)
    constant("build_info", 1, version="0.1.0", python="3.11")
    constant("machine_info", 1, machine=one.name.partition(":")[0], node=one.name.partition(":")[0])
    constant("exit_mode_info", 1, mode="taskstats")
    constant("processes", 312)
    constant("sample_duration_seconds", 0.0034 + 0.002 * len(one.devices))
    constant("sample_failures_total", 0)
    constant("exits_lost_total", 0)
    constant("pue_ratio", PUE)
    constant("energy_price_per_kilowatt_hour", PRICE, currency="EUR")
    history.computed("snapshot_timestamp_seconds", labels, lambda at: at - 0.4, first, end)
    history.computed("state_saved_timestamp_seconds", labels, lambda at: at // 60 * 60 - 1, first, end)
    began = history.times[first]
    exits = labels | {"mode": "taskstats"}
    history.computed("exits_observed_total", exits, lambda at: 3.1 * (at - began), first, end)
    refused = labels | {"provider": "watttime", "reason": "denied"}
    history.computed("grid_refresh_failures_total", refused, lambda at: (at - began) // 7200, first, end)
    for sensor, reason in one.sensors.items():
        constant("sensor_up", float(not reason), sensor=sensor, reason=reason)
    for device in one.devices:
        part = {"component": device.component, "device": device.name}
        constant("device_power_uncertainty_ratio", device.uncertainty, **part)
        constant("idle_baseline_watts", device.idle, **part)
        method = "model" if device.source == "estimate" else "quiet"
        constant("idle_baseline_info", 1, **part, method=method)
        constant("meter_resets_total", 0, **part)
        if device.component == "gpu":
            constant("gpu_power_limit_watts", 250, device=device.name)
            constant("gpu_memory_bytes", 24 * 2**30, device=device.name)
            constant("gpu_info", 1, device=device.name, model="RTX A5000")
    if any(device.source == "rapl" for device in one.devices):
        meter = labels | {"meter": "core-0", "source": "rapl", "relation": "inside"}
        history.computed("meter_energy_joules_total", meter, lambda at: 9.5 * (at - began), first, end)


def gpu_memory(
    history: History, one: Machine, jobs: Iterable[Job], end: int, *, job: str = "gramwatt", first: int = 0
) -> None:
    """Memory in use of the GPUs of a machine, and of the processes that hold it: a job lives on one GPU."""
    labels = {"job": job, "instance": one.name}
    gpus = [device.name for device in one.devices if device.component == "gpu"]
    holders: dict[str, list[Job]] = {gpu: [] for gpu in gpus}
    for holder in jobs:
        if holder.machine == one.name and "gpu" in holder.watts:
            gpu = gpus[holder.pid % len(gpus)]
            holders[gpu].append(holder)
            row = {"pid": str(holder.pid), "command": holder.command, "workload": holder.workload}
            row |= {"user": holder.user, "device": gpu}
            begun, ended = (bisect_right(history.times, at) for at in (holder.begin, holder.end))
            held = memory_of(holder)
            history.constant(
                "process_gpu_memory_bytes", labels | row, held, max(first, begun), min(end, ended)
            )
    for gpu, held_by in holders.items():
        used = [0.4 * _GIB] * len(history.times)
        for holder in held_by:
            for moment in range(*(bisect_right(history.times, at) for at in (holder.begin, holder.end))):
                used[moment] += memory_of(holder)
        series = history.of("gpu_memory_used_bytes", labels | {"device": gpu})
        for moment in range(first, end):
            series.add(moment, used[moment])


def memory_of(job: Job) -> float:
    """Bytes of GPU memory that a job with a GPU holds."""
    return (4 + job.pid % 5) * _GIB


def runs(history: History, jobs: Iterable[Job], now: float, *, job: str = "gramwatt") -> None:
    """What the exporters publish about recorded runs, and the labeler about those that ended."""
    results = {"graded": 0, "refused": 0}
    for done in jobs:
        if done.run is None:
            continue
        closed = bisect_right(history.times, done.end)
        last = bisect_right(history.times, done.end + KEEP_RUN)
        labels = {"job": job, "instance": done.machine, "window": done.run.window}
        _run(history, done, labels, closed, last)
        if done.end < now:
            _grade(history, done, done.run, bisect_right(history.times, done.end + 30), last)
            results["refused" if done.run.refused else "graded"] += 1
    end = len(history.times)
    for result, count in results.items():
        history.constant("labeler_windows_total", LABELER | {"result": result}, count, 0, end)
    history.constant("labeler_windows_waiting", LABELER, 0, 0, end)
    history.constant("labeler_poll_failures_total", LABELER | {"reason": "unavailable"}, 1, 0, end)
    history.constant("labeler_annotation_failures_total", LABELER, 0, 0, end)
    history.computed("labeler_last_poll_timestamp_seconds", LABELER, lambda at: at - 6, 0, end)
    rules = {
        "job": "prometheus",
        "instance": "127.0.0.1:9090",
        "rule_group": "rules/gramwatt-budgets.yml;budgets",
    }
    evaluated = "prometheus_rule_group_last_evaluation_timestamp_seconds"
    history.computed(evaluated, rules, lambda at: at // 60 * 60, 0, end)


def _run(history: History, job: Job, one: dict[str, str], closed: int, last: int) -> None:
    run = job.run
    assert run is not None
    first = bisect_right(history.times, job.begin)
    what = {"name": run.name, "phase": run.phase, "model": run.model, "task": run.task}
    info = one | what | {"dataset": run.dataset, "parent": "", "user": run.user}
    history.constant("window_info", info, 1, first, last)
    history.constant("window_start_timestamp_seconds", one, job.begin, first, last)
    history.constant("window_end_timestamp_seconds", one, job.end, closed, last)
    history.constant("window_state", one | {"state": "open"}, 1, first, closed)
    history.constant("window_state", one | {"state": "finished"}, 1, closed, last)
    history.constant("window_uncertainty_ratio", one, 0.05 if "lab-1" in job.machine else 0.4, first, last)
    if run.project:
        history.constant("window_project_info", one | {"project": run.project}, 1, first, last)
    for key, value in run.values.items():
        history.constant("window_value", one | {"key": key}, value, closed, last)


def _grade(history: History, job: Job, run: Run, first: int, last: int) -> None:
    one = LABELER | {"window": run.window, "scale": "gramwatt"}
    what = {"name": run.name, "phase": run.phase, "task": run.task}
    if run.refused:
        refused = one | what | {"reason": run.refused, "origin": ""}
        history.constant("grade_refused_info", refused, 1, first, last)
        return
    unit, count = next(
        (unit, run.values[key])
        for key, unit in (("samples", "sample"), ("tokens", "token"))
        if key in run.values
    )
    info = one | {"grade": run.grade, "span": run.span} | what
    info |= {"model": run.model, "dataset": run.dataset, "unit": unit}
    info |= {"scale_version": "1", "scale_hash": "0a1b2c3d", "origin": ""}
    history.constant("grade_info", info, 1, first, last)
    history.constant("efficiency_index", one, index_of(run), first, last)
    joules = sum(job.watts.values()) * (job.end - job.begin)
    history.constant("grade_energy_per_unit_joules", one | {"unit": unit}, joules / count, first, last)


def budgets(history: History, machines: Sequence[Machine], since: int, *, job: str = "gramwatt") -> None:
    """State of the budgets and what the rules record of them, from the moment ``since`` on."""
    for name, (limit, period, _) in BUDGETS.items():
        counters = {
            one.name: history.of(
                "budget_emissions_grams_total", {"job": job, "instance": one.name, "budget": name}
            )
            for one in machines
        }
        sums = _Sum(counters.values(), len(history.times))
        mean = sums.at(len(history.times) - 1) / (history.times[-1] - history.times[0])
        recorded = [
            history.of(record, {"budget": name})
            for record in (
                *(common.LIMIT, common.PERIOD, common.START, common.END),
                *(common.SPENT, common.SPENT_RATIO, common.EXHAUSTED),
            )
        ]
        for moment in range(since, len(history.times)):
            at = history.times[moment]
            start, length = _period(at, name, period)
            begun = bisect_right(history.times, start) - 1
            spent = sums.at(moment) - (sums.at(begun) if begun >= 0 else -mean * (history.times[0] - start))
            back = bisect_right(history.times, at - (3 * DAY if length > 2 * DAY else 6 * HOUR))
            speed = (sums.at(moment) - sums.at(back)) / max(at - history.times[back], 1.0)
            left = limit - spent
            gone = at + left / speed if left > 0 and speed else at
            values = (limit, length, start, start + length, spent, spent / limit, gone)
            for series, value in zip(recorded, values, strict=True):
                series.add(moment, value)
            for one in machines:
                if counters[one.name].moments and counters[one.name].moments[-1] >= moment:
                    labels = {"job": job, "instance": one.name, "budget": name}
                    history.of("budget_limit_grams", labels).add(moment, limit)
                    history.of("budget_period_seconds", labels).add(moment, length)
                    history.of("budget_period_start_timestamp_seconds", labels).add(moment, start)


def _period(at: float, name: str, period: float) -> tuple[float, float]:
    """Start and length: a calendar month, a calendar day, or the last thirty days."""
    day = at // DAY * DAY
    if name == "bob-daily":
        return day, DAY
    if name == "whole-lab":
        date = datetime.fromtimestamp(at, UTC)
        first = date.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
        return first.timestamp(), (following - first).total_seconds()
    return at - period, period


class _Sum:
    """Several counters together, at every moment: one that ended keeps its last value."""

    def __init__(self, counters: Iterable[Series], moments: int) -> None:
        self._values = [0.0] * moments
        for counter in counters:
            known = dict(zip(counter.moments, counter.values, strict=True))
            value = 0.0
            for moment in range(moments):
                value = known.get(moment, value)
                self._values[moment] += value

    def at(self, moment: int) -> float:
        """The sum at the moment number ``moment``."""
        return self._values[moment]


def rules(history: History, machines: Sequence[Machine], since: int) -> None:
    """The hourly power that the rules record, and the alerts that fire at the end."""
    for one in machines:
        of_machine = f'{{job="gramwatt",instance="{one.name}",'
        counters = [
            series
            for name, series in history.series.items()
            if name.startswith("gramwatt_device_energy_joules_total" + of_machine)
        ]
        sums = _Sum(counters, len(history.times))
        labels = {"job": "gramwatt", "instance": one.name}
        recorded = history.of("instance:gramwatt_device_energy_joules:rate1h", labels)
        for moment in range(len(history.times)):
            back = bisect_right(history.times, history.times[moment] - HOUR)
            if 0 < back < moment <= counters[0].moments[-1]:
                seconds = history.times[moment] - history.times[back]
                recorded.add(moment, (sums.at(moment) - sums.at(back)) / seconds)
    for alert, severity, more in (
        ("GramwattExporterDown", "critical", {"instance": "old-1:10044"}),
        ("GramwattSensorDown", "warning", {"instance": "lab-2:10044"}),
        ("GramwattBudgetNearlySpent", "info", {"budget": "vision-team"}),
    ):
        labels = {"alertname": alert, "severity": severity, "alertstate": "firing"} | more
        history.constant("ALERTS", labels, 1, since, len(history.times))
