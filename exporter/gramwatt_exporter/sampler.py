"""One sample: read every sensor and every process, book the energy. The order of it, and nothing else.

The loop (loop.py) calls this from one thread; all other threads read the frozen Snapshot.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from .budget_matching import BudgetMatching
from .budgets import BudgetBook
from .config import Config
from .config.schema import Workloads
from .idle import Learner
from .ledger.booking import Booking
from .ledger.cpu_balance import CpuBalance
from .ledger.eviction import Eviction
from .ledger.save_status import SaveStatus
from .model import Identity, IntensityState, MergedSample
from .picture import Picture, Progress
from .processes.activity import Activity
from .processes.linux.kernel import KernelCounters
from .processes.row import Row
from .sampler_parts import About, Books, Clocks, Readers
from .series import ProcessSeries
from .snapshot import Snapshot
from .windows.ending import Ending
from .windows.gaps import Gaps
from .windows.membership import Membership
from .windows.meters import WindowMeters
from .windows.model import EndedBy
from .windows.outcome import OutcomeFields


class Sampler:
    """Single writer of the accounts, the process table, the windows and the budgets."""

    def __init__(
        self,
        config: Config,
        readers: Readers,
        books: Books,
        intensity: Callable[[], IntensityState],
        clocks: Clocks,
        about: About,
    ) -> None:
        self._readers = readers
        self._intensity = intensity
        self._clocks = clocks
        cpus = readers.kernel.cpus
        self.accounts, self.baseline, self.extras = books.accounts, books.baseline, books.extras
        self.windows, self.catch_up = books.windows, books.catch_up
        self._learner = books.learner or Learner(books.baseline, cpus)
        self.matching = BudgetMatching(books.budgets, books.windows)
        self.table = readers.make_table(self._new_row)
        self.membership = Membership(
            config.windows, books.windows, self.table, self.matching.of_row, clocks.wall
        )
        self.booking = Booking(
            books.accounts, books.baseline, books.windows, books.budgets, books.budgets.matches({}), cpus
        )
        self.series = ProcessSeries(
            config.process, books.accounts, self.table, lambda: self.booking.interval.hot
        )
        self.table.listen(self.series.relabel, self.membership.renamed, books.catch_up.clock_before)
        if books.catch_up.is_due:
            self.booking.resume(books.catch_up.busy_ns)
        self.gaps = Gaps(books.catch_up, books.windows, self.table)
        self._ending = Ending(
            books.windows, self.membership, self.booking.gpu_unknown.cut, clocks.wall, clocks.boottime_ns
        )
        self._meters = WindowMeters(books.windows, books.baseline, books.extras.floor_microjoules)
        self.cpu_balance = CpuBalance(lambda: readers.kernel.cpus)
        self.picture = Picture(books, readers, self.series, self.cpu_balance, about)
        self._eviction = Eviction(books.accounts)
        self.configure_workloads(config.workloads)
        self._lost_before = books.accounts.exits_lost
        self._published_ns: int | None = None  # when the last published sample was taken
        self._merged: MergedSample | None = None  # the last answer of the sensors
        self.progress = Progress()

    def configure_workloads(self, settings: Workloads) -> None:
        """Use other bounds of workloads from now on."""
        self.accounts.places.most = settings.max
        self._eviction.keep_seconds = settings.keep
        self.picture.workloads.configure(settings.series)

    @property
    def budgets(self) -> BudgetBook:
        """The budgets in force."""
        return self.matching.budgets

    # --- one sample

    def sample(self, published: bool = True) -> None:
        """Read and book everything that happened since the previous sample.

        One that is not ``published`` is forced by a window: power and ranks stay those of the last published one.
        """
        try:
            self._sample(published)
        except Exception:
            self.progress.failures += 1
            raise

    def _sample(self, published: bool) -> None:
        began = time.perf_counter()
        now_ns, self.progress.at = self._clocks.boottime_ns(), self._clocks.wall()
        merged = self._merged = self._readers.sensor_set.read()
        state = self.progress.intensity = self._intensity()
        self.progress.sensors = merged.sensors
        try:
            open_before = self.windows.open_ids
            counters, activity = self._read_processes(merged)
        except Exception:
            self._missed(merged, state, now_ns)
            raise
        if published:
            self._publish(now_ns)
        rows, find, is_late = self.table.rows, self.table.find_user, self.catch_up.is_due
        self.booking.book(merged, counters, activity, rows, find, state.average, published, is_late)
        self.gaps.sampled(merged.steps, open_before, now_ns)
        self.booking.gpu_unknown.sampled(merged, now_ns, self.table.find_user)
        self.extras.book(merged.steps, state, self._clocks.wall(), now_ns)
        self._count_exits(activity)
        self.series.departed(activity)
        if published:  # the hottest go by the energy of a whole interval
            self.series.rank(now_ns)
        self.accounts.book_users()
        if self._eviction.evict((row.account for row in self.table.rows), now_ns):
            self.series.leave_the_others()
        self._settle_windows()
        self.progress.samples += 1
        self.progress.seconds = time.perf_counter() - began

    def _read_processes(self, merged: MergedSample) -> tuple[KernelCounters, Activity]:
        """Read the processes and put new ones into their windows."""
        counters = self._readers.kernel.read()
        if merged.uses or merged.known_until:
            self.table.keep_ended()
        self.membership.begin_sample()
        began_ns = self._clocks.boottime_ns()
        activity = self.table.update(counters)
        if not self.catch_up.is_due:
            self._check_cpu_time(activity, began_ns)
        self._learner.learn(merged.steps, counters.busy_ns, activity.seen_ns, counters.package_busy_ns)
        self._meters.describe(merged)
        self.membership.join(activity, self.progress.samples + 1)
        return counters, activity

    def _missed(self, merged: MergedSample, state: IntensityState, now_ns: int) -> None:
        """Book the energy of a failed sample as unattributed: the sensors do not report it again."""
        self.membership.missed()
        self.gaps.failed(now_ns)
        self._learner.interrupt()
        self.booking.book_missed(merged, state.average)
        self.extras.book(merged.steps, state, self._clocks.wall(), now_ns)

    def _publish(self, now_ns: int) -> None:
        self.series.count_published()
        before, self._published_ns = self._published_ns, now_ns
        self.progress.interval_ns = 0 if before is None else max(0, now_ns - before)

    def _check_cpu_time(self, activity: Activity, began_ns: int) -> None:
        in_ticks = 0 if self._readers.clock_method == "clock" else len(activity.live)
        in_ticks += 0 if self._readers.exit_mode == "taskstats" else len(activity.exited)
        self.cpu_balance.observe(activity.seen_ns, began_ns, self._clocks.boottime_ns(), in_ticks)

    def _count_exits(self, activity: Activity) -> None:
        observed, mode = self.accounts.exits_observed, self._readers.exit_mode
        observed[mode] = observed.get(mode, 0) + activity.exits_observed
        self.accounts.exits_lost = self._lost_before + self._readers.exits_lost()

    def _settle_windows(self) -> None:
        """After booking: end windows without living processes, and drop old windows."""
        self.windows.sampled(self._clocks.wall())
        self.membership.settle()
        for window_id in self.membership.without_processes():
            self.end_window(window_id, "exit")
        self.windows.expire(self._clocks.wall())

    # --- what happens between two samples

    def scraped(self, scrapes: int) -> None:
        """Count scrapes of the last snapshot: finished windows and ended processes leave after some scrapes."""
        if scrapes:
            self.windows.scraped(scrapes)
        self.series.scraped(scrapes)

    def end_window(
        self,
        window_id: str,
        ended_by: EndedBy,
        values: Mapping[str, float] | None = None,
        outcome: OutcomeFields | None = None,
    ) -> bool:
        """End a window, after a sample; see :meth:`Ending.end`. Raises ApiError."""
        known_until = self._merged.known_until if self._merged is not None else {}
        return self._ending.end(window_id, ended_by, known_until, values, outcome)

    def replace_budgets(self, budgets: BudgetBook) -> None:
        """Use other budgets from now on; every process is matched again."""
        self.matching.replace(budgets)
        self.picture.replace_budgets(budgets)
        self.booking.replace_budgets(budgets, budgets.matches({}))
        for row in self.table.rows:
            row.budgets = self.matching.of_row(row)

    def freeze(self, saves: SaveStatus | None = None) -> Snapshot:
        """Everything as it is after the last sample."""
        assert self._merged is not None, "sample() comes first"
        return self.picture.freeze(self.progress, saves or SaveStatus(), self.table, self._merged.memory)

    # --- rows

    def _new_row(self, identity: Identity) -> Row:
        row = Row(identity, self.accounts.workload(identity.workload))
        row.budgets = self.matching.of_row(row)
        return row
