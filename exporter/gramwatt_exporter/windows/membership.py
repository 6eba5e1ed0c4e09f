"""Which processes belong to which windows. No threads; the sampler calls it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..config.schema import Windows as WindowSettings
from ..processes.activity import Activity
from ..processes.row import NO_WINDOWS, Row
from ..processes.table import ProcessTable
from .book import WindowBook
from .model import EndedBy
from .window import Window
from .workload_windows import WorkloadWindows


class Membership:
    """A process inherits its parent's windows at birth. A process may also join or leave, with its descendants.

    ``budgets_of`` says which budgets match a row in the windows it is in; ``wall_clock`` gives Unix seconds.
    Single writer, as the book.
    """

    def __init__(
        self,
        settings: WindowSettings,
        book: WindowBook,
        table: ProcessTable,
        budgets_of: Callable[[Row], tuple[str, ...]],
        wall_clock: Callable[[], float],
    ) -> None:
        self._book = book
        self._table = table
        self._budgets_of = budgets_of
        self._wall_clock = wall_clock
        self._workloads = WorkloadWindows(settings, book, table, budgets_of, self._close)
        self._taken_up = False  # whether the windows of before a restart are restored

    def configure(self, settings: WindowSettings) -> None:
        """Apply other bounds and other rules for automatic windows: these begin and end with the next sample."""
        self._book.settings = settings
        self._workloads.configure(settings)

    # --- one sample

    def begin_sample(self) -> None:
        """Before any process is read."""
        self._table.watch_windows(bool(self._book.open_ids))
        if not self._taken_up:
            self._workloads.restore()

    def join(self, activity: Activity, number: int) -> None:
        """Put every process that was found in sample ``number`` into its windows, before its energy is booked."""
        if not self._taken_up:
            self._take_up()
            self._workloads.take_up()
            self._taken_up = True
        for row, _ in activity.exited:
            row.follow_account()  # its exit message may come long after its workload left the table
        if self._table.windows_open:
            self._join_born()
            self._join_unseen(activity, number)
        self._workloads.join_all(activity)

    def missed(self) -> None:
        """The sample failed: the processes it found are looked at in the next one."""
        self._workloads.missed()

    def settle(self) -> None:
        """After booking: end the windows of workloads without processes, and apply new rules."""
        self._workloads.settle()

    def without_processes(self) -> list[str]:
        """Open windows of clients without a living process."""
        ids = self._book.open_ids - self._book.automatic.keys()
        return [window_id for window_id in ids if not self._has_process(window_id)]

    # --- trees of processes

    def attach(self, window_id: str, root: Row) -> None:
        """The tree below ``root`` belongs to the window from now on."""
        window = self._book.get(window_id)
        for row in self._table.tree(root, window.away):
            row.trees = row.trees | {window_id}
            if window_id not in row.windows:
                row.windows = row.windows | {window_id}
                row.budgets = self._budgets_of(row)
                if (row.identity.pid, row.identity.start) not in window.left:  # else it has been counted
                    self._book.joined(window_id)
        self._table.watch_windows(True)

    def leave(self, window_id: str, root: Row) -> None:
        """Take the tree below ``root`` out of a client's window, but for processes that joined themselves."""
        self._book.remove_process(window_id, (root.identity.pid, root.identity.start))
        for row in self._table.tree(root, self._book.get(window_id).processes):
            row.trees = (row.trees - {window_id}) or NO_WINDOWS
            # a process cannot leave the window of its workload
            if window_id in row.windows and row.own_window != window_id:
                row.windows = (row.windows - {window_id}) or NO_WINDOWS
                row.budgets = self._budgets_of(row)

    def detach(self, window_id: str) -> None:
        """Take all processes out of a closed window."""
        for row in self._table.rows:
            if window_id in row.windows:
                row.windows = (row.windows - {window_id}) or NO_WINDOWS
                row.trees = (row.trees - {window_id}) or NO_WINDOWS
                row.budgets = self._budgets_of(row)

    def renamed(self, row: Row) -> None:
        """The process has another identity (exec), and stays in the windows it was in."""
        row.budgets = self._budgets_of(row)
        self._workloads.join(row)

    # --- inside

    def _take_up(self) -> None:
        """Restore the trees of open windows after a restart."""
        for window_id in self._book.open_ids:
            window = self._book.get(window_id)
            for row in self._roots(window):
                for member in self._table.tree(row, window.away):
                    member.trees = member.trees | {window_id}
                    member.windows = member.windows | {window_id}
                    member.budgets = self._budgets_of(member)

    def _join_born(self) -> None:
        for row in self._table.born:
            for window_id in row.trees:
                self._book.joined(window_id, start=row.identity.start)
            if row.windows:
                row.budgets = self._budgets_of(row)

    def _join_unseen(self, activity: Activity, number: int) -> None:
        """Join processes that no sample saw alive. A later message may charge them for the rest."""
        for row, _ in activity.exited:
            if row.born_tick == 0:
                row.born_tick = number
                for window_id in row.windows:
                    self._book.joined(window_id)
                if row.windows:
                    row.budgets = self._budgets_of(row)

    def _close(self, window_id: str, ended_by: EndedBy) -> None:
        self._book.stop(window_id, self._wall_clock(), ended_by)
        self.detach(window_id)

    def _has_process(self, window_id: str) -> bool:
        """Whether a root process of the window still lives."""
        return any(True for _ in self._roots(self._book.get(window_id)))

    def _roots(self, window: Window) -> Iterator[Row]:
        """The living root processes of the window."""
        for pid, start in window.processes:
            row = self._table.find(pid)
            if row is not None and row.identity.start == start:
                yield row
