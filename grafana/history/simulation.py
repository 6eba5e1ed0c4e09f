"""The exporters of the laboratory, second by second: energy of devices, processes, workloads, users and so on.

Energy is conserved as in the exporter: for each device idle, live, exited and unattributed add up to its energy, and
the rows of processes to live and exited.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from .grid import DAY, intensity
from .laboratory import HOUR, Device, Job, Machine
from .series import History, Series

KEEP_RUN = DAY  # the exporter forgets a finished run after that time
KEEP_WORKLOAD = 6 * HOUR
UNATTRIBUTED = 0.02  # share of what processes draw that no process can be charged for
EXITED = 0.06  # share of a workload that is of children too short to have a row
PRICE = 0.31  # EUR/kWh
PUE = 1.3
WATER = 1.8  # litres/kWh

# name -> limit in grams, period in seconds, machines, users; "" is everything, idle too
BUDGETS: dict[str, tuple[float, float, str]] = {
    "whole-lab": (61_000.0, 30 * DAY, ""),
    "vision-team": (16_500.0, 30 * DAY, "alice"),
    "bob-daily": (160.0, DAY, "bob"),
}


@dataclass
class Total:
    """A counter: joules or the like so far, and where they are published."""

    series: Series
    value: float = 0.0

    def step(self, moment: int, amount: float) -> None:
        """Adds and publishes."""
        self.value += amount
        self.publish(moment)

    @property
    def is_behind(self) -> bool:
        """Whether 0 was published, and never the value."""
        values = self.series.values
        return bool(values) and values[-1] != self.value

    def publish(self, moment: int) -> None:
        """As the exporter: 0 at the first scrape, the value from the next on, so that ``increase()`` misses nothing."""
        self.series.add(moment, self.value if self.series.moments else 0.0)


@dataclass
class _Share:
    """Where the energy of one process by one component is published. Pairs are joules and grams."""

    process: tuple[Total, Total]
    power: Series
    workload: tuple[Total, Total]
    user: tuple[Total, Total]
    window: tuple[Total, Total] | None
    project: tuple[Total, Total] | None
    budgets: list[Total]
    member: Series | None  # that the process is in its window

    def step(self, moment: int, joules: float, clean: float, watts: float, ended: float) -> None:
        """``clean`` is grams a joule, ``ended`` the seconds since the end of the process."""
        grams = joules * clean
        self.user[0].value += joules
        self.user[1].value += grams
        if self.project is not None:
            self.project[0].value += joules
            self.project[1].value += grams
        for budget in self.budgets:
            budget.value += grams
        if ended <= KEEP_WORKLOAD:
            self.workload[0].step(moment, joules)
            self.workload[1].step(moment, grams)
        if ended <= 0 or joules or self.process[0].is_behind:  # what it used last is published after its end
            self.process[0].step(moment, joules * (1 - EXITED))
            self.process[1].step(moment, grams * (1 - EXITED))
        if ended <= 0:
            self.power.add(moment, watts * (1 - EXITED))
            if self.member is not None:
                self.member.add(moment, 1)
        if self.window is not None:
            self.window[0].step(moment, joules)
            self.window[1].step(moment, grams)


class Exporter:
    """One machine over all moments."""

    def __init__(
        self,
        history: History,
        machine: Machine,
        jobs: Iterable[Job],
        now: float,
        *,
        job: str = "gramwatt",
        first: int = 0,
    ) -> None:
        """``now`` is the Unix time at which the boards are looked at; the history goes on for a while after it.

        ``job`` is Prometheus's, ``first`` the moment at which the exporter was installed.
        """
        self.first = first
        self.history = history
        self.now = now
        self.machine = machine
        self.labels = {"job": job, "instance": machine.name}
        self.jobs = [job for job in jobs if job.machine == machine.name]
        self._totals: dict[tuple[str, tuple[tuple[str, str], ...]], Total] = {}
        self._shares: dict[tuple[int, str], _Share] = {}

    def total(self, metric: str, **labels: str) -> Total:
        """The counter of these labels."""
        key = (metric, tuple(labels.items()))
        found = self._totals.get(key)
        if found is None:
            found = self._totals[key] = Total(self.history.of(metric, self.labels | labels))
        return found

    def run(self) -> int:
        """All moments; returns the number of the first at which it no longer answers."""
        times = self.history.times
        end = len(times)
        if self.machine.silent_since is not None:
            limit = self.now - self.machine.silent_since
            end = next((place for place, at in enumerate(times) if at > limit), end)
        for moment in range(self.first, end):
            before = times[moment - 1] if moment > self.first else times[moment]
            self._moment(moment, before, times[moment])
        return end

    def _moment(self, moment: int, before: float, at: float) -> None:
        seconds = at - before
        clean = intensity(at) / 3.6e6  # grams a joule
        drawn: dict[str, float] = defaultdict(float)
        for job in self.jobs:
            if not job.begin <= at <= job.end + (KEEP_RUN if job.run else KEEP_WORKLOAD):
                continue
            for component, joules in self._job(moment, job, before, at, clean).items():
                drawn[component] += joules
        count: dict[str, int] = defaultdict(int)
        for device in self.machine.devices:
            count[device.component] += 1
        everything = 0.0
        for device in self.machine.devices:
            busy = drawn[device.component] / count[device.component]
            everything += self._device(moment, device, seconds, busy, clean)
        self._machine(moment, everything, clean, seconds)
        for name in BUDGETS:
            self.total("budget_emissions_grams_total", budget=name).publish(moment)

    def _share(self, job: Job, component: str) -> _Share:
        labels = {"user": job.user, "component": component}
        row = {"pid": str(job.pid), "command": job.command, "workload": job.workload, **labels}
        load = {"workload": job.workload, "kind": job.kind, **labels}
        user = {"user": job.user, "kind": job.kind, "component": component}
        window = {"window": job.run.window, "component": component} if job.run else None

        def pair(name: str, labels: dict[str, str]) -> tuple[Total, Total]:
            return self.total(f"{name}_energy_joules_total", **labels), self.total(
                f"{name}_emissions_grams_total", **labels
            )

        return _Share(
            process=pair("process", row),
            power=self.history.of("process_power_watts", self.labels | row),
            workload=pair("workload", load),
            user=pair("user", user),
            window=pair("window", window) if window else None,
            project=pair("project", {"project": job.run.project, "component": component})
            if job.run and job.run.project
            else None,
            budgets=[
                self.total("budget_emissions_grams_total", budget=name)
                for name, (_, _, match) in BUDGETS.items()
                if match == job.user
            ],
            member=self._member(job, row) if window and component == "cpu" else None,
        )

    def _member(self, job: Job, row: dict[str, str]) -> Series:
        assert job.run is not None
        labels = {name: value for name, value in row.items() if name != "component"}
        return self.history.of("process_window_info", self.labels | labels | {"window": job.run.window})

    def _job(self, moment: int, job: Job, before: float, at: float, clean: float) -> dict[str, float]:
        active = max(min(at, job.end) - max(before, job.begin), 0.0)
        swing = 1.0
        if job.swing:
            # No day is like another.
            swing = 1 + 0.2 * (0.61803 * (at // DAY + job.pid) % 1 - 0.5)
            swing *= 1 + job.swing * math.sin(math.tau * (at % DAY - 9 * HOUR) / DAY)
            swing *= 1 + 0.09 * math.sin(at / 83 + job.pid) * math.sin(
                at / 229 + 2 * job.pid
            )  # nothing is steady
        found: dict[str, float] = {}
        for component, watts in job.watts.items():
            key = (job.pid, component)
            share = self._shares.get(key)
            if share is None:
                share = self._shares[key] = self._share(job, component)
            found[component] = watts * swing * active
            share.step(moment, found[component], clean, watts * swing, at - job.end)
        return found

    def _device(self, moment: int, device: Device, seconds: float, busy: float, clean: float) -> float:
        one = {"component": device.component, "device": device.name}
        lost = busy * UNATTRIBUTED / (1 - UNATTRIBUTED)
        idle = device.idle * seconds
        joules = idle + busy + lost
        energy = self.total("device_energy_joules_total", **one, source=device.source)
        energy.step(moment, joules)
        self.total("device_emissions_grams_total", **one).step(moment, joules * clean)
        for part, amount in (
            ("idle", idle),
            ("live", busy * (1 - EXITED)),
            ("exited", busy * EXITED),
            ("unattributed", lost),
        ):
            self.total("device_energy_partition_joules_total", **one, part=part).step(moment, amount)
        if seconds:
            power = self.history.of("device_power_watts", self.labels | one | {"source": device.source})
            power.add(moment, joules / seconds)
        # What the rows of processes do not hold: children too short for one.
        other = {"pid": "", "command": "other", "workload": "", "user": "", "component": device.component}
        rest = self.total("process_energy_joules_total", **other)
        rest.value += busy * EXITED
        if device is self._last(device.component):
            rest.publish(moment)
            if seconds:
                watts = self.history.of("process_power_watts", self.labels | other)
                watts.add(moment, busy * EXITED / seconds)
        return joules

    def _last(self, component: str) -> Device:
        return [device for device in self.machine.devices if device.component == component][-1]

    def _machine(self, moment: int, joules: float, clean: float, seconds: float) -> None:
        total = self.total
        total("energy_cost_total", currency="EUR").step(moment, joules / 3.6e6 * PRICE)
        total("facility_overhead_energy_joules_total").step(moment, joules * (PUE - 1))
        total("facility_overhead_emissions_grams_total").step(moment, joules * clean * (PUE - 1))
        total("water_litres_total").step(moment, joules / 3.6e6 * WATER)
        if self.machine.embodied:
            total("embodied_emissions_grams_total", part="server").step(
                moment, self.machine.embodied * seconds
            )
        priced = {"provider": "electricitymaps", "method": "measured"}
        total("priced_energy_joules_total", **priced).step(moment, joules)
        total("priced_emissions_grams_total", **priced).step(moment, joules * clean)
        total("marginal_emissions_grams_total", grid_zone="DE", provider="watttime").step(
            moment, joules * (clean * 0.9 + 250 / 3.6e6)
        )
        total("budget_emissions_grams_total", budget="whole-lab").value += joules * clean
        # Users and projects are published at the end of a sample: several jobs add to one.
        for (metric, _), counter in self._totals.items():
            if metric.startswith("user_"):
                counter.series.add(moment, counter.value)
            elif metric.startswith("project_"):
                counter.publish(moment)
