"""Worlds of an hour whose machines, users and jobs began within it, scraped every 5, 15 and 60 seconds.

Each world is a job of its own. The one of 15 seconds was collected by two replicas of Prometheus, of which one began
later; "alone" is the same with one.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from history_server import program

from grafana.history import facts, grid
from grafana.history.laboratory import Device, Job, Machine, Run
from grafana.history.series import History, Series, blocks
from grafana.history.simulation import Exporter

INTERVALS = (5, 15, 60)
NOW = 1_795_000_800.0  # a whole number of minutes and of two-hour blocks away from the start
HOUR = 3600.0
SPAN = 1.25 * HOUR


def machines(job: str) -> tuple[Machine, ...]:
    """One that has always been there, and one that was installed twenty minutes ago."""
    return (
        Machine(
            f"old-{job}",
            (
                Device("cpu", "package-0", "rapl", 20.0, 0.05),
                Device("dram", "dram-0", "rapl", 5.0, 0.05),
                Device("gpu", "GPU-1", "nvml", 25.0, 0.05),
            ),
            embodied=0.01,
            sensors={"rapl": ""},
        ),
        Machine(
            f"new-{job}",
            (Device("cpu", "package-0", "estimate", 11.0, 0.5),),
            sensors={"estimate": ""},
        ),
    )


def jobs(interval: int, job: str) -> list[Job]:
    """A service, a run that is open, and jobs of a few scrapes, which began when a counter that is published begins."""
    old, new = (machine.name for machine in machines(job))
    begin = NOW - SPAN

    def run(name: str, user: str) -> Run:
        values = {"samples": 5000.0, "requests": 40.0}
        return Run(f"{job}-{name}", name, "training", "m", "t", "d", user, f"of-{user}", values, "B", "B")

    found = [
        Job(old, "postgres", "postgres", "postgres.service", "unit", 10, {"cpu": 8.0, "dram": 1.0}, begin, NOW + HOUR),
        Job(new, "nginx", "www", "nginx.service", "unit", 11, {"cpu": 6.0}, NOW - 1200, NOW + HOUR),
        Job(old, "python3", "alice", "slurm-1", "slurm", 12, {"cpu": 30.0, "gpu": 140.0}, NOW - 2400, NOW - 1500,
            run=run("resnet-a", "alice")),
        Job(old, "python3", "bob", "slurm-2", "slurm", 13, {"cpu": 21.0, "gpu": 99.0}, NOW - 8 * interval, NOW + HOUR,
            run=run("resnet-b", "bob")),
    ]  # fmt: skip
    # Each of three scrapes, one after another: their first reading is 0, as the exporter holds a new series back.
    found += [
        Job(old, "cc1", "carol", f"build-{number}", "job", 100 + number, {"cpu": 25.0},
            NOW - 700 - number * 4 * interval // 2, NOW - 700 - number * 4 * interval // 2 + 3 * interval)
        for number in range(12)
    ]  # fmt: skip
    return sorted(found, key=lambda one: one.begin)


@dataclass
class Worlds:
    """The histories by the name of their Prometheus job, and where they are served."""

    histories: dict[str, History] = field(default_factory=dict)
    url: str = ""

    @staticmethod
    def make(folder: Path) -> Worlds:
        """Writes the database below ``folder``."""
        found = Worlds()
        for job, interval in {
            "alone": 15,
            **{f"every-{interval}": interval for interval in INTERVALS},
        }.items():
            history = found.histories[job] = _history(interval, job)
            written = _two_replicas(history) if job == "every-15" else history
            blocks(written, folder, program("promtool"))
        return found

    def gained(
        self, job: str, metric: str, seconds: float, *by: str, **only: str
    ) -> dict[tuple[str, ...], float]:
        """What the raw counters of ``metric`` gained in the last ``seconds``, by labels."""
        history = self.histories[job]
        sums: dict[tuple[str, ...], float] = {}
        for labels, series in _matching(history, metric, only):
            key = tuple(labels.get(label, "") for label in by)
            sums[key] = sums.get(key, 0.0) + _gain(history, series, seconds)
        return sums

    def latest(self, job: str, metric: str, *by: str, **only: str) -> dict[tuple[str, ...], float]:
        """The last readings of the raw series of ``metric`` that are of the last minute before now, added by labels."""
        history = self.histories[job]
        sums: dict[tuple[str, ...], float] = {}
        for labels, series in _matching(history, metric, only):
            readings = [
                value
                for moment, value in zip(series.moments, series.values, strict=True)
                if NOW - 61 < history.times[moment] <= NOW
            ]
            if readings:
                key = tuple(labels.get(label, "") for label in by)
                sums[key] = sums.get(key, 0.0) + readings[-1]
        return sums

    def speed(
        self, job: str, metric: str, seconds: float, *by: str, **only: str
    ) -> dict[tuple[str, ...], float]:
        """How steep the raw counters of ``metric`` are between their readings of the last ``seconds``, by labels."""
        history = self.histories[job]
        sums: dict[tuple[str, ...], float] = {}
        for labels, series in _matching(history, metric, only):
            within = [
                (history.times[moment], value)
                for moment, value in zip(series.moments, series.values, strict=True)
                if NOW - seconds <= history.times[moment] <= NOW
            ]
            key = tuple(labels.get(label, "") for label in by)
            if len(within) > 1:
                (first, low), (last, high) = within[0], within[-1]
                sums[key] = sums.get(key, 0.0) + (high - low) / (last - first)
        return sums


def _matching(history: History, metric: str, only: dict[str, str]) -> Iterator[tuple[dict[str, str], Series]]:
    """The raw series of ``metric`` with these labels, each with all of its labels."""
    for name, series in history.series.items():
        full, labels = _parsed(name)
        if full == f"gramwatt_{metric}" and all(labels.get(key) == value for key, value in only.items()):
            yield labels, series


def _gain(history: History, series: Series, seconds: float) -> float:
    """The last reading at or before now, less the one in force at the start of the range or the first."""
    readings = [
        (history.times[moment], value)
        for moment, value in zip(series.moments, series.values, strict=True)
        if history.times[moment] <= NOW
    ]
    before = [value for at, value in readings if at <= NOW - seconds]
    within = [value for at, value in readings if at > NOW - seconds]
    if not within:
        return 0.0
    return within[-1] - (before[-1] if before else within[0])


def _parsed(name: str) -> tuple[str, dict[str, str]]:
    metric, _, text = name.rstrip("}").partition("{")
    return metric, dict(part.replace('"', "").split("=", 1) for part in text.split(",") if part)


def _history(interval: int, job: str) -> History:
    start = NOW - SPAN
    history = History([start + interval * step for step in range(int((SPAN + 300) / interval) + 1)])
    everything = jobs(interval, job)
    for machine in machines(job):
        first = 0 if machine.name.startswith("old") else int((SPAN - 1200) / interval)
        end = Exporter(history, machine, everything, NOW, job=job, first=first).run()
        facts.machine(history, machine, end, job=job, first=first)
        facts.gpu_memory(history, machine, everything, end, job=job, first=first)
        grid.record(history, {"job": job, "instance": machine.name}, 0, first)
    facts.runs(history, everything, NOW, job=job)
    _epoch(history, job)
    return history


EPOCH_JOULES = 1e9
"""More than every run has: a sum that has it twice is another one."""


def _epoch(history: History, job: str) -> None:
    """A run within resnet-a: exporters publish the project of the outer one alone."""
    one = {"job": job, "instance": f"old-{job}", "window": f"{job}-epoch"}
    what = {
        "name": "epoch-1",
        "phase": "training",
        "model": "m",
        "task": "t",
        "dataset": "d",
        "user": "alice",
    }
    first, end = (bisect_right(history.times, NOW - before) for before in (2400, 1500))
    history.constant("window_info", one | what | {"parent": f"{job}-resnet-a"}, 1, first, end)
    history.constant("window_energy_joules_total", one | {"component": "gpu"}, EPOCH_JOULES, first, end)


def _two_replicas(history: History) -> History:
    """Every series twice; the second replica was down for the first half of the time."""
    half = len(history.times) // 2
    found = History(history.times)
    for name, series in history.series.items():
        head = name.rstrip("}")
        found.series[f'{head},prometheus_replica="a"}}'] = series
        late = Series()
        kept = [place for place, moment in enumerate(series.moments) if moment >= half]
        late.moments = array("l", (series.moments[place] for place in kept))
        late.values = array("d", (series.values[place] for place in kept))
        if kept:
            found.series[f'{head},prometheus_replica="b"}}'] = late
    return found
