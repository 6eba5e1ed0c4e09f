"""Book one sample: every device's energy to its parts, its users, their workloads, windows and budgets.

The invariant of the product lives here: for every device, at every sample and in microjoules,
idle + live + exited + unattributed == energy; and what workloads hold sums to live + exited.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from .. import units
from ..idle import IdleBook
from ..model import COMPONENTS, CPU, GPU, DeviceUse, EnergyStep, Intensity, MergedSample, Meter
from ..processes.activity import Activity
from ..processes.linux.kernel import KernelCounters
from ..processes.row import Row
from .accounts import Accounts, DeviceAccount, MeterAccount
from .attribution import attribute, attribute_resident, usual_energy
from .gpu_booking import share
from .gpu_unknown import GpuUnknown, UnknownCharges
from .idle_debt import idle_of
from .interval import Interval
from .memory import MemoryCharges

_IDLE, _LIVE, _EXITED, _UNATTRIBUTED = range(4)

# /proc/stat counts busy time by sampling at the timer tick; how far it may run behind the exact process clocks
# before we stop carrying the difference over (per CPU).
_SAMPLING_ERROR_NS = 40_000_000


class WindowCharges(UnknownCharges, Protocol):
    """The part of the window book that booking needs."""

    def charge(
        self, window_id: str, component: str, microjoules: int, emission_units: int | None
    ) -> None: ...

    def charge_machine(self, component: str, microjoules: int, emission_units: int | None) -> None: ...

    def charge_cpu(self, window_id: str, nanoseconds: int) -> None: ...


class BudgetCharges(Protocol):
    """The part of the budget book that booking needs."""

    def charge(self, budget: str, emission_units: int) -> None: ...


class Booking:
    """Single writer of ``accounts``."""

    def __init__(
        self,
        accounts: Accounts,
        baseline: IdleBook,
        windows: WindowCharges,
        budgets: BudgetCharges,
        node_budgets: Sequence[str],
        cpus: int,
    ) -> None:
        self._accounts = accounts
        self._baseline = baseline
        self._windows = windows
        self._budgets = budgets
        self.node_budgets = node_budgets  # budgets that match everything: idle and unattributed energy, too
        self._cpus = cpus
        self.gpu_unknown = GpuUnknown(windows)
        self._busy_ns: int | None = None
        self._slack_ns = 0
        self.interval = Interval(accounts)
        self._memory = MemoryCharges(accounts, self.interval, self._charge_others)

    @property
    def busy_ns(self) -> int | None:
        """Busy time of all CPUs at the last sample."""
        return self._busy_ns

    def resume(self, busy_ns: int | None) -> None:
        """Set the busy time of all CPUs at the last sample before a restart."""
        self._busy_ns = busy_ns

    def replace_budgets(self, budgets: BudgetCharges, node_budgets: Sequence[str]) -> None:
        """Charge these budgets from now on."""
        self._budgets = budgets
        self.node_budgets = node_budgets

    def book(
        self,
        merged: MergedSample,
        counters: KernelCounters,
        activity: Activity,
        rows: Sequence[Row],
        find: Callable[[int], tuple[Row, bool] | None],
        intensity: Intensity | None,
        published: bool = True,
        catches_up: bool = False,
    ) -> None:
        """``find(pid)`` gives the row of a recent process and whether it still lives; a sample that is not
        ``published`` changes no power. One that ``catches_up`` shares missed steps by the CPU time used meanwhile."""
        price = self._price(intensity)
        self.interval.begin(merged, published)
        self._book_cpu_time(activity)
        residual = self._residual(counters, activity)
        cpu_parts = [0] * (len(activity.live) + len(activity.exited))
        weights = [ns for _, ns in activity.live] + [ns for _, ns in activity.exited]
        uses = {(use.device.component, use.device.name): use for use in merged.uses}
        memory_pages: list[int] = []
        memory_parts: list[int] = []
        booked = 0
        for step in merged.steps:
            account = self._book_device(step, price)
            booked += step.microjoules
            if step.missed and not (catches_up and step.device.component in ("cpu", "dram")):
                account.partition[_UNATTRIBUTED] += step.microjoules
                if step.device.component == "gpu":
                    self.gpu_unknown.missed(step.device.name, step.microjoules, find)
            elif step.device.component == "cpu":
                self._book_cpu(account, step, weights, len(activity.live), residual, cpu_parts)
            elif step.device.component == "dram":
                memory_pages = memory_pages or [
                    row.pages if row.windows or not step.missed else 0 for row in rows
                ]
                memory_parts = self._book_dram(account, step, memory_pages, counters, memory_parts)
            elif step.device.component == "gpu":
                self._book_gpu(
                    account, step, uses.get((step.device.component, step.device.name)), find, price
                )
            else:
                account.partition[_UNATTRIBUTED] += step.microjoules
        rows_used = [row for row, _ in (*activity.live, *activity.exited)]
        self._charge(zip(rows_used, cpu_parts, strict=True), CPU, price)
        self._memory.charge(rows, memory_parts, price)
        self.interval.end()
        self._book_meters(merged)
        self._book_price(booked, intensity, price)

    def book_missed(self, merged: MergedSample, intensity: Intensity | None) -> None:
        """The processes of this sample could not be read: all of its energy is unattributed."""
        price = self._price(intensity)
        self.interval.published = False
        for step in merged.steps:
            account = self._book_device(step, price)
            account.partition[_UNATTRIBUTED] += step.microjoules
        self._book_meters(merged)
        self._book_price(sum(step.microjoules for step in merged.steps), intensity, price)

    def _price(self, intensity: Intensity | None) -> int | None:
        if intensity is None:
            return None
        self._accounts.priced_ever = True
        return units.milligrams_per_kilowatt_hour(intensity.grams_per_kilowatt_hour)

    def _book_device(self, step: EnergyStep, price: int | None) -> DeviceAccount:
        account = self._accounts.device(step.device)
        account.microjoules[step.device.source] = (
            account.microjoules.get(step.device.source, 0) + step.microjoules
        )
        if not step.missed:  # else the power would be the mean of a time long before this sample
            if self.interval.published:
                account.last_uj += step.microjoules
                account.last_ns += step.nanoseconds
            else:
                account.held_uj += step.microjoules
                account.held_ns += step.nanoseconds
        account.emission_units += units.emission_units(step.microjoules, price or 0)
        amount = None if price is None else step.microjoules * price
        self._windows.charge_machine(step.device.component, step.microjoules, amount)
        return account

    def _book_meters(self, merged: MergedSample) -> None:
        for meter_step in merged.meters:
            self._meter(meter_step.meter).microjoules += meter_step.microjoules
        for device, count in merged.resets.items():
            self._accounts.resets[device] = count

    # --- components

    def _book_cpu_time(self, activity: Activity) -> None:
        published, hot = self.interval.published, self.interval.hot
        for row, ns in (*activity.live, *activity.exited):
            row.cpu_nanoseconds += ns
            row.account.cpu_nanoseconds += ns
            row.account.version += 1
            self._accounts.used_cpu_nanoseconds += ns
            if published:
                hot.add(row)
            for window in row.windows:
                self._windows.charge_cpu(window, ns)

    def _residual(self, counters: KernelCounters, activity: Activity) -> int:
        """Busy CPU time that no known process used."""
        before, self._busy_ns = self._busy_ns, counters.busy_ns
        if before is None or counters.busy_ns < before:
            return 0
        busy = counters.busy_ns - before
        balance = busy + self._slack_ns - activity.seen_ns
        self._slack_ns = max(min(balance, 0), -_SAMPLING_ERROR_NS * self._cpus)
        return max(0, balance)

    def _book_cpu(
        self,
        account: DeviceAccount,
        step: EnergyStep,
        weights: Sequence[int],
        live: int,
        residual: int,
        parts: list[int],
    ) -> None:
        idle = self._idle(account, step)
        if step.slept_ns:
            idle = max(idle, step.microjoules - self._used_awake(account, step, sum(weights), residual))
        shares = attribute(step.microjoules, idle, weights, residual)
        for index, part in enumerate(shares.users):
            parts[index] += part
        account.partition[_IDLE] += shares.idle
        account.partition[_LIVE] += sum(shares.users[:live])
        account.partition[_EXITED] += sum(shares.users[live:])
        account.partition[_UNATTRIBUTED] += shares.unattributed

    def _book_dram(
        self,
        account: DeviceAccount,
        step: EnergyStep,
        pages: Sequence[int],
        counters: KernelCounters,
        parts: Sequence[int],
    ) -> list[int]:
        """The parts of all memories so far with this one's added, in the order of ``pages``."""
        shares = attribute_resident(step.microjoules, pages, counters.used_pages, counters.capacity_pages)
        account.partition[_IDLE] += shares.idle
        account.partition[_LIVE] += sum(shares.users)
        account.partition[_UNATTRIBUTED] += shares.unattributed
        return list(map(operator.add, parts, shares.users)) if parts else list(shares.users)

    def _book_gpu(
        self,
        account: DeviceAccount,
        step: EnergyStep,
        use: DeviceUse | None,
        find: Callable[[int], tuple[Row, bool] | None],
        price: int | None,
    ) -> None:
        if use is not None:
            self._learn(step, 0.0 if use.quiet else None)
        shares = share(step.microjoules, self._idle(account, step), use, find)
        self._charge([(row, part) for row, _, part in shares.users], GPU, price)
        live = sum([part for _, lives, part in shares.users if lives])
        account.partition[_LIVE] += live
        account.partition[_EXITED] += sum([part for _, _, part in shares.users]) - live
        account.partition[_IDLE] += shares.idle
        account.partition[_UNATTRIBUTED] += shares.unattributed
        account.context += shares.context
        self.gpu_unknown.booked(
            step.device.name, step.microjoules, step.nanoseconds, use, shares, find, step.device.max_watts
        )

    def _learn(self, step: EnergyStep, utilisation: float | None) -> None:
        if step.slept_ns:
            self._baseline.interrupt(step.device)
        else:
            self._baseline.observe(step.device, step.microjoules, step.nanoseconds, utilisation)

    def _idle(self, account: DeviceAccount, step: EnergyStep) -> int:
        return idle_of(account, step, self._baseline.known(step.device).microwatts or 0)

    def _used_awake(self, account: DeviceAccount, step: EnergyStep, known_ns: int, residual: int) -> int:
        """The most (uJ) that a step across a suspend charges for CPU time; the rest is idle.

        In s2idle the counter runs on by an unknown amount: hours of it would be charged to the processes that ran in
        the seconds before and after. So CPU time is charged its average cost so far. A model counts only while the
        machine is awake.
        """
        if step.device.source == "estimate":
            return step.microjoules
        charged = account.partition[_LIVE] + account.partition[_EXITED]
        charged_ns = (
            self._accounts.used_cpu_nanoseconds - known_ns
        )  # it already holds the known time of this sample
        usual = usual_energy(known_ns + residual, charged, charged_ns)
        most_watts = step.device.max_watts
        if usual is None and most_watts is not None:  # the only known bound is the most that it can draw
            awake_ns = max(0, step.nanoseconds - step.slept_ns)
            usual = round(most_watts * 1_000) * awake_ns // 1_000_000
        return step.microjoules if usual is None else usual

    def _meter(self, meter: Meter) -> MeterAccount:
        key = (meter.name, meter.source)
        account = self._accounts.meters.get(key)
        if account is None:
            account = self._accounts.meters[key] = MeterAccount(meter)
        return account

    # --- which accounts are charged

    def _charge(self, charges: Iterable[tuple[Row, int]], component: int, price: int | None) -> None:
        """Charge rows with microjoules of one component."""
        mg, interval, total = price or 0, self.interval, 0
        published, hot = interval.published, interval.hot
        for row, microjoules in charges:
            if not microjoules:
                continue
            total += microjoules
            account = row.account
            row.microjoules[component] += microjoules
            account.microjoules[component] += microjoules
            if mg:
                amount = microjoules * mg
                row.emission_units[component] += amount
                account.emission_units[component] += amount
            account.drawn[component] += microjoules
            account.version += 1
            if published:
                row.power[component] += microjoules
                hot.add(row)
            else:
                interval.hold(row)[component] += microjoules
            if row.windows or row.budgets:
                self._charge_others(row, component, microjoules, price)
        self._accounts.used[component] += total
        self._accounts.used_emission_units[component] += total * mg

    def _charge_others(self, row: Row, component: int, microjoules: int, price: int | None) -> None:
        amount = microjoules * (price or 0)
        for window in row.windows:
            self._windows.charge(
                window, COMPONENTS[component], microjoules, None if price is None else amount
            )
        if amount:
            for budget in row.budgets:
                self._budgets.charge(budget, amount)

    def _book_price(self, booked: int, intensity: Intensity | None, price: int | None) -> None:
        if not booked:
            return
        key = ("none", "none") if intensity is None else (intensity.provider, intensity.method)
        entry = self._accounts.priced.setdefault(key, [0, 0])
        entry[0] += booked
        amount = units.emission_units(booked, price or 0)
        entry[1] += amount
        if amount:
            for budget in self.node_budgets:
                self._budgets.charge(budget, amount)
