"""Which processes are in the automatic windows of workloads. No threads; Membership calls it."""

from __future__ import annotations

from collections.abc import Callable

from ..config.schema import Windows as WindowSettings
from ..processes.activity import Activity
from ..processes.row import NO_WINDOWS, Row
from ..processes.table import ProcessTable
from .automatic import AutomaticWindows
from .book import WindowBook
from .errors import ApiError
from .model import EndedBy
from .window import Window


class WorkloadWindows:
    """Puts every process into its workload's window. A child does not inherit it: a process may start processes of
    other workloads, as process 1 does all day.

    ``budgets_of`` says which budgets match a row in the windows it is in; ``close`` ends a window now. Single writer,
    as the book.
    """

    def __init__(
        self,
        settings: WindowSettings,
        book: WindowBook,
        table: ProcessTable,
        budgets_of: Callable[[Row], tuple[str, ...]],
        close: Callable[[str, EndedBy], None],
    ) -> None:
        self._automatic = AutomaticWindows(settings, book)
        self._book = book
        self._table = table
        self._budgets_of = budgets_of
        self._close = close
        self._all_rows = False  # whether to check the known processes, too
        self._configured = True

    def configure(self, settings: WindowSettings) -> None:
        """Apply other rules. Windows begin and end by them with the next sample."""
        self._automatic.configure(settings)
        self._configured = True

    # --- one sample

    def restore(self) -> None:
        """After a restart, before any process is read: it would begin its workload's window anew."""
        self._automatic.restored()

    def take_up(self) -> None:
        """After a restart, when all processes are read: a workload that began since then gets its own window."""
        if not self._book.restarted:
            return
        runs_on = {
            self._automatic.window_of(row.identity)
            for row in self._table.rows
            if self._book.lived_before(row.identity.start)
        }
        for window_id in self._automatic.ended(runs_on):
            self._end(window_id, "exit")

    def missed(self) -> None:
        """The sample failed: the processes it found are looked at in the next one."""
        self._all_rows = True

    def join_all(self, activity: Activity) -> None:
        """Join every process of this sample, alive or not, before its energy is booked."""
        rows = self._table.rows if self._all_rows else self._table.born
        self._all_rows = False
        if not self._automatic:
            return
        for row in rows:
            self.join(row)
        for gone in activity.departed:  # another process may have taken its pid
            successor = self._table.find(gone.identity.pid)
            if successor is not None:
                self.join(successor)
        for row, _ in activity.exited:
            if row.own_window is None and self._automatic.window_of(row.identity) is not None:
                self.join(row)

    def settle(self) -> None:
        """After booking: end the windows of workloads without processes, and apply new rules."""
        if self._automatic:
            for window_id in self._automatic.ended({row.own_window for row in self._table.rows}):
                self._end(window_id, "exit")
        if self._configured:
            self._configured = False
            for window_id in self._automatic.unwanted():
                self._end(window_id, "stop")
            # Only now: their earlier energy belongs to no window.
            for row in self._table.rows:
                self.join(row)

    def _end(self, window_id: str, ended_by: EndedBy) -> None:
        self._automatic.over(window_id)
        if window_id in self._book.open_ids:  # else a client stopped it
            self._close(window_id, ended_by)

    # --- one process

    def join(self, row: Row) -> None:
        """Put the process into its workload's window, and take it out of others. The first process begins the
        window."""
        identity = row.identity
        window_id = self._automatic.window_of(identity) or self._automatic.begin(identity)
        if window_id != row.own_window:
            self._leave(row)
            row.own_window = window_id
        window = None if window_id is None else self._recording(window_id)
        if window is None:
            return  # stopped by a client: it stays stopped until its workload's last process ends
        if identity.workload.kind == "slurm" and identity.owner:
            # A job may begin with only root's slurmstepd: another user owns the window once known.
            window.uid, window.user = identity.owner, identity.workload.user
        if window.id not in row.windows:
            row.windows = row.windows | {window.id}
            row.budgets = self._budgets_of(row)
            self._book.joined(window.id, start=identity.start)
            self._table.watch_windows(True)

    def _leave(self, row: Row) -> None:
        """The process changed its workload. It stays in the windows of its tree."""
        own = row.own_window
        if own in row.windows and own not in row.trees:
            row.windows = (row.windows - {own}) or NO_WINDOWS
            row.budgets = self._budgets_of(row)

    def _recording(self, window_id: str) -> Window | None:
        try:
            window = self._book.get(window_id)
        except ApiError:  # refused, or finished and dropped since
            return None
        return window if window.is_open else None
