"""One sample: read every sensor and every process, book the energy, freeze the result. No threads here.

The loop (loop.py) calls this from one thread; everybody else reads the frozen Snapshot.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from .budgets import BudgetBook
from .config import Config
from .config.schema import Process as ProcessSettings
from .config.schema import Windows as WindowSettings
from .hardware import Part
from .idle import IdleBook, Learner
from .ledger.accounts import Accounts, is_others
from .ledger.booking import Booking
from .ledger.cpu_balance import CpuBalance
from .ledger.eviction import Room
from .ledger.extras import Extras
from .ledger.first_scrape import FirstScrape
from .machine import MachineInfo
from .model import COMPONENTS, Identity, IntensityState, MergedSample
from .processes.hottest import Hottest
from .processes.linux.kernel import KernelCounters
from .processes.row import NO_WINDOWS, Row
from .processes.table import Activity, ProcessTable
from .snapshot import Snapshot
from .views import (
    budget_views,
    device_view,
    meter_views,
    process_columns,
    remainders,
    user_views,
    workload_view,
)
from .windows import ApiError, WindowBook
from .windows.catch_up import CatchUp
from .windows.gaps import Gaps
from .windows.idle_share import change_ratio, idle_share
from .windows.membership import Membership
from .windows.model import ROOT, EndedBy
from .windows.outcome import Told
from .windows.published import PublishedWindows
from .windows.settling import Settling

# Rows that hold memory but did not run compete for a series only this often; ranking all of them costs.
RANK_ALL_EVERY = 12


class SensorSet(Protocol):
    """All sensors behind one read."""

    def read(self) -> MergedSample: ...


class KernelReader(Protocol):
    """Global counters of the machine."""

    cpus: int

    def read(self) -> KernelCounters: ...


class Sampler:
    """Single writer of the accounts, the process table, the windows and the budgets."""

    def __init__(
        self,
        config: Config,
        sensor_set: SensorSet,
        kernel: KernelReader,
        accounts: Accounts,
        baseline: IdleBook,
        windows: WindowBook,
        budgets: BudgetBook,
        intensity: Callable[[], IntensityState],
        extras: Extras,
        make_table: Callable[[Callable[[Identity], Row]], ProcessTable],
        exit_mode: str,
        clock_method: str,
        exits_lost: Callable[[], int],
        boot_id: str,
        wall_clock: Callable[[], float] = time.time,
        boottime_ns: Callable[[], int] = lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME),
        learner: Learner | None = None,
        machine: MachineInfo | None = None,
        hardware: Sequence[Part] = (),
        catch_up: CatchUp | None = None,
    ) -> None:
        self._sensor_set = sensor_set
        self._kernel = kernel
        self.accounts = accounts
        self.baseline = baseline
        self._learner = learner or Learner(baseline, kernel.cpus)
        self.windows = windows
        self.budgets = budgets
        self._intensity = intensity
        self.extras = extras
        self.table = make_table(self._new_row)
        self.table.on_rename = self.relabel
        self.table.on_identity = self._renamed
        self._joining = Membership(config.windows, windows, self.table, self._budgets_of, self._close)
        self.booking = Booking(accounts, baseline, windows, budgets, budgets.matches({}), kernel.cpus)
        self.cpu_balance = CpuBalance(lambda: kernel.cpus)
        self.hottest = Hottest(config.process.series, config.process.departed_scrapes)
        self.first_scrape = FirstScrape()
        self._budgets_born = {view.name: 0 for view in budgets.frozen()}
        self._published_windows = PublishedWindows(window.id for window in windows.find(ROOT))
        self.catch_up = catch_up or CatchUp()
        self.table.clock_before = self.catch_up.clock_before
        if self.catch_up.is_due:
            self.booking.resume(self.catch_up.busy_ns)
        self.gaps = Gaps(self.catch_up, windows, self.table)
        self._published_tick = 0  # the process table's at the last published sample
        self._room = Room(accounts)
        self._settling = Settling()
        self._exit_mode = exit_mode
        self._clock_method = clock_method
        self._exits_lost = exits_lost
        self._lost_before = accounts.exits_lost
        self._boot_id = boot_id
        self._machine = machine
        self._hardware = hardware
        self._wall_clock = wall_clock
        self._boottime_ns = boottime_ns
        self._published_ns: int | None = None  # when the last published sample was taken
        self._tick = 0  # published samples
        self._taken_up = False
        self.samples = 0
        self.failures = 0
        self._bank_sample: MergedSample | None = None
        self._state = IntensityState()
        self.interval_ns = 0
        self._sample_seconds = 0.0
        self.saved_at: float | None = None
        self.save_failures = 0
        self.damages: Mapping[str, int] = {}  # of the saved state, met at the start

    # --- one sample

    def sample(self, published: bool = True) -> None:
        """Read and book everything that happened since the previous sample.

        One that is not ``published`` is forced by a window: power and ranks stay those of the last published one.
        """
        began = time.perf_counter()
        now_ns = self._boottime_ns()
        sensor_set = self._bank_sample = self._sensor_set.read()
        self._state = self._intensity()
        try:
            counters = self._kernel.read()
            open_before = self.windows.open_ids
            self.table.windows_open = bool(open_before)
            if sensor_set.uses or sensor_set.known_until:
                self.table.ended.wanted = True
            if not self._taken_up:
                self._joining.restore()
            began_ns = self._boottime_ns()
            activity = self.table.update(counters)
            if not self.catch_up.is_due:
                self._check_cpu_time(activity, began_ns)
            self._learner.learn(
                sensor_set.steps, counters.busy_ns, activity.seen_ns, counters.package_busy_ns
            )
            self._tell_windows(sensor_set)
            if not self._taken_up:
                self._take_up_windows()
                self._joining.take_up()
                self._taken_up = True
            for row, _ in activity.exited:
                # It may be told of, or waited for, long after its workload left.
                if row.account.heir is not None:
                    row.account = row.account.heir
            self._join(activity)
            self._joining.join_all(activity)
        except Exception:
            self._joining.missed()
            self.gaps.failed(now_ns)
            self._learner.interrupt()
            # The sensors have been read and will not tell this energy again: it was drawn, nobody knows by whom.
            self.booking.book_missed(sensor_set, self._state.average)
            self.extras.book(sensor_set.steps, self._state, self._wall_clock(), now_ns)
            raise
        if published:
            self._tick += 1
            self.interval_ns = 0 if self._published_ns is None else max(0, now_ns - self._published_ns)
            self._published_ns = now_ns
        self.booking.book(
            sensor_set,
            counters,
            activity,
            self.table.rows,
            self._find,
            self._state.average,
            published,
            self.catch_up.is_due,
        )
        self.gaps.sampled(sensor_set.steps, open_before, now_ns)
        self.booking.gpu_unknown.sampled(sensor_set, now_ns, self._find)
        self.extras.book(sensor_set.steps, self._state, self._wall_clock(), now_ns)
        self.accounts.exits_observed[self._exit_mode] = (
            self.accounts.exits_observed.get(self._exit_mode, 0) + activity.exits_observed
        )
        self.accounts.exits_lost = self._lost_before + self._exits_lost()
        self._rank(activity, published)
        self.accounts.book_users()
        if self._room.make((row.account for row in self.table.rows), now_ns):
            self._leave_the_others()
        self.windows.sampled(self._wall_clock())
        self._joining.settle()
        self._close_windows_without_processes()
        self.windows.expire(self._wall_clock())
        self.samples += 1
        self._sample_seconds = time.perf_counter() - began

    def _check_cpu_time(self, activity: Activity, began_ns: int) -> None:
        in_ticks = 0 if self._clock_method == "clock" else len(activity.live)
        in_ticks += 0 if self._exit_mode == "taskstats" else len(activity.exited)
        self.cpu_balance.observe(activity.seen_ns, began_ns, self._boottime_ns(), in_ticks)

    def scraped(self, scrapes: int) -> None:
        """So many scrapes read the last snapshot: finished windows and dead processes may leave in time."""
        if scrapes:
            self.windows.scraped(scrapes)
        for row in self.hottest.scraped(scrapes, self._tick):
            self._retire(row)

    def _find(self, pid: int) -> tuple[Row, bool] | None:
        row = self.table.find(pid)
        if row is not None:
            return row, True
        row = self.table.find_recent(pid)
        if row is not None and row.account.heir is not None:
            row.account = row.account.heir
        return None if row is None else (row, False)

    def _rank(self, activity: Activity, published: bool) -> None:
        for row in activity.departed:
            self.hottest.gone(row, self._tick)
        if not published:  # who is hottest goes by the energy of a whole interval
            return
        rows = self.table.rows
        if self.hottest.limit == "all":  # nothing to rank: only who has no series yet matters
            active = [r for r in rows if r.entered is None and (r.cpu_ns or r.energy[1] or r.energy[2])]
        elif self._tick % RANK_ALL_EVERY == 0:
            active = [r for r in rows if r.cpu_ns or r.energy[1] or r.energy[2]]
        else:
            active = [row for row in self.booking.interval.hot if self.table.find(row.identity.pid) is row]
        for row in self.hottest.update(active, self._published_ns or 0, self._published_tick):
            self._retire(row)
        self._published_tick = self.table.tick

    def _leave_the_others(self) -> None:
        """Now that there is room, processes that found none get the account of their own workload."""
        for row in self.table.rows:
            if is_others(row.account.workload):
                row.account = self.accounts.workload(row.identity.workload)

    def _retire(self, row: Row) -> None:
        """A series ends: what it showed stays in the total, in the row of the departed."""
        if row.entered is None:
            return
        energy, units, cpu_ns = row.entered
        for index in range(len(COMPONENTS)):
            self.accounts.exported[index] += row.energy[index] - energy[index]
            self.accounts.exported_units[index] += row.units[index] - units[index]
        self.accounts.exported_cpu_ns += row.cpu_ns - cpu_ns
        row.base, row.entered = row.totals(), None

    # --- settings that may change while running

    def replace_budgets(self, budgets: BudgetBook) -> None:
        """Other budgets from now on; every process is matched again."""
        self.budgets = budgets
        self.booking.replace_budgets(budgets, budgets.matches({}))
        for row in self.table.rows:
            row.budgets = self._budgets_of(row)

    def set_series(self, settings: ProcessSettings) -> None:
        """Another number of process series from now on."""
        if self.hottest.limit == settings.series:
            self.hottest.departed_scrapes = settings.departed_scrapes
            return
        for row in list(self.hottest.members):
            self._retire(row)
        for row in self.table.rows:
            row.base = row.totals()  # so that a new series begins at 0 and "other" never goes back
        self.hottest = Hottest(settings.series, settings.departed_scrapes)

    def configure_windows(self, settings: WindowSettings) -> None:
        """Other bounds, or other workloads that are windows by themselves: these begin and end with the next sample."""
        self.windows.settings = settings
        self._joining.configure(settings)

    # --- rows, windows, budgets

    def _new_row(self, identity: Identity) -> Row:
        row = Row(identity, self.accounts.workload(identity.workload))
        row.budgets = self._budgets_of(row)
        return row

    def _budgets_of(self, row: Row) -> tuple[str, ...]:
        """Budgets that match the process, or one of the windows it is in."""
        if not self.budgets:
            return ()
        workload = row.identity.workload
        labels = {
            "user": workload.user,
            "workload": workload.name,
            "kind": workload.kind,
            "command": row.identity.command,
        }
        matched = dict.fromkeys(self.budgets.matches(labels))
        for window_id in row.windows:
            try:
                window = self.windows.get(window_id)
            except ApiError:  # it ended while the process did, and has been forgotten
                continue
            inside: Mapping[str, str] = {
                **labels,
                "model": window.model,
                "project": window.tags.get("project", ""),
            }
            matched.update(dict.fromkeys(self.budgets.matches(inside)))
        return tuple(name for name in matched if name not in self.budgets.matches({}))

    def relabel(self, row: Row) -> None:
        """The process was renamed (exec): its old series ends, a new one may begin."""
        if self.hottest.rename(row) is not None:
            self._retire(row)

    def _renamed(self, row: Row) -> None:
        """It has its new identity, and is in the windows it was in."""
        row.budgets = self._budgets_of(row)
        self._joining.join(row)

    def attach(self, window_id: str, root: Row) -> None:
        """The tree below ``root`` belongs to the window from now on."""
        window = self.windows.get(window_id)
        for row in self.table.tree(root, window.away):
            row.trees = row.trees | {window_id}
            if window_id not in row.windows:
                row.windows = row.windows | {window_id}
                row.budgets = self._budgets_of(row)
                if (row.identity.pid, row.identity.start) not in window.left:  # else it has been counted
                    self.windows.joined(window_id)
        self.table.windows_open = True

    def _take_up_windows(self) -> None:
        """After a restart: the trees of windows that were open belong to them again."""
        for window_id in self.windows.open_ids:
            window = self.windows.get(window_id)
            for pid, start in window.processes:
                row = self.table.find(pid)
                if row is not None and row.identity.start == start:
                    for member in self.table.tree(row, window.away):
                        member.trees = member.trees | {window_id}
                        member.windows = member.windows | {window_id}
                        member.budgets = self._budgets_of(member)

    def leave(self, window_id: str, root: Row) -> None:
        """The tree below ``root`` does not belong to the window any more."""
        self._joining.leave(window_id, root)

    def detach(self, window_id: str) -> None:
        """The window is closed: nobody is charged to it any more."""
        for row in self.table.rows:
            if window_id in row.windows:
                row.windows = (row.windows - {window_id}) or NO_WINDOWS
                row.trees = (row.trees - {window_id}) or NO_WINDOWS
                row.budgets = self._budgets_of(row)

    def _join(self, activity: Activity) -> None:
        if not self.table.windows_open:
            return
        for row in self.table.born:
            for window_id in row.trees:
                self.windows.joined(window_id, start=row.identity.start)
            if row.windows:
                row.budgets = self._budgets_of(row)
        for row, _ in activity.exited:
            if row.born_tick == 0:  # nobody saw it alive; it may be charged again for what its message lacked
                row.born_tick = self.samples + 1
                for window_id in row.windows:
                    self.windows.joined(window_id)
                if row.windows:
                    row.budgets = self._budgets_of(row)

    def _tell_windows(self, sensor_set: MergedSample) -> None:
        for change in self.baseline.take_changes():
            steps = [step for step in sensor_set.steps if step.device.component == change.component]
            ratio = change_ratio(self.baseline, steps, change.before, change.after)
            self.windows.idle_changed(change.component, ratio)
        for index, component in enumerate(COMPONENTS):
            steps = [step for step in sensor_set.steps if step.device.component == component]
            if steps:
                energy = sum(step.microjoules for step in steps)
                ratio = (
                    sum(step.microjoules * step.device.uncertainty_ratio for step in steps) / energy
                    if energy
                    else steps[0].device.uncertainty_ratio
                )
                sources = "+".join(sorted({step.device.source for step in steps}))
                floor = self.extras.floor_microjoules(index, sensor_set)
                idle = idle_share(self.baseline, steps)
                self.windows.measured(component, sources, ratio, floor, idle)

    def _close_windows_without_processes(self) -> None:
        for window_id in self.windows.open_ids - self.windows.automatic.keys():
            if not self._has_process(window_id):
                self.end_window(window_id, "exit")

    def end_window(
        self,
        window_id: str,
        ended_by: EndedBy,
        values: Mapping[str, float] | None = None,
        outcome: Told | None = None,
    ) -> bool:
        """End a window, after a sample. False while energy of it may still come: it is to be asked again, and its end
        is the moment it was asked for first. Raises ApiError."""
        now_ns = self._boottime_ns()
        end = self._settling.end(window_id, self._wall_clock(), now_ns)
        known_until = self._bank_sample.known_until if self._bank_sample is not None else {}
        if self._settling.waits(end, now_ns, known_until):
            return False
        self.booking.gpu_unknown.cut(window_id, known_until, end.at_ns)
        self.windows.stop(window_id, end.at, ended_by, values, outcome, end.at_ns)
        self._settling.closed(window_id)
        self.detach(window_id)
        return True

    def _close(self, window_id: str, ended_by: EndedBy) -> None:
        self.windows.stop(window_id, self._wall_clock(), ended_by)
        self.detach(window_id)

    def _has_process(self, window_id: str) -> bool:
        """Whether one of the processes the window was asked for still lives."""
        return any(
            (row := self.table.find(pid)) is not None and row.identity.start == start
            for pid, start in self.windows.get(window_id).processes
        )

    # --- the picture

    def freeze(self) -> Snapshot:
        """Everything as it is after the last sample."""
        assert self._bank_sample is not None, "sample() comes first"
        accounts = self.accounts
        first = self.first_scrape
        first.begin(self.samples)
        present = {account.device.component for account in accounts.devices.values()}
        components = tuple(index for index, name in enumerate(COMPONENTS) if name in present)
        processes = process_columns(self.hottest.members, components, accounts.priced_ever, first)
        other, departed = remainders(accounts, processes)
        return Snapshot(
            at=self._wall_clock(),
            samples=self.samples,
            sample_failures=self.failures,
            interval_ns=self.interval_ns,
            sample_seconds=self._sample_seconds,
            devices=tuple(device_view(account, self.baseline) for account in accounts.devices.values()),
            meters=meter_views(accounts),
            processes=processes,
            other=other,
            departed=departed,
            workloads=tuple(
                workload_view(account, first)
                for account in accounts.workloads.values()
                if account.cpu_ns or any(account.energy)
            ),
            departed_workloads=tuple(map(workload_view, accounts.departed_workloads.values())),
            users=user_views(accounts, first),
            process_count=len(self.table),
            components=components,
            priced={key: (entry[0], entry[1]) for key, entry in accounts.priced.items()},
            priced_ever=accounts.priced_ever,
            intensity=self._state,
            marginal=dict(accounts.marginal),
            revisions=self.extras.revisions(),
            factors=self.extras.factors(self._wall_clock()),
            windows=self._published_windows.views(
                self.windows.frozen(), first, self.windows.is_scraped_enough
            ),
            windows_held=self.windows.counts(),
            budgets=budget_views(self.budgets.frozen(), self._budgets_born, first),
            sensors=tuple(self._bank_sample.sensors),
            resets=dict(accounts.resets),
            exit_mode=self._exit_mode,
            clock_method=self._clock_method,
            exits_observed=dict(accounts.exits_observed),
            exits_lost=accounts.exits_lost,
            cpu_overbooked=(self.cpu_balance.samples, self.cpu_balance.nanoseconds),
            state_saved_at=self.saved_at,
            state_save_failures=self.save_failures,
            state_damages=self.damages,
            boot_id=self._boot_id,
            machine=self._machine,
            hardware=self._hardware,
        )
