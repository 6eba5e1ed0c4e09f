"""Processes that no sample saw alive, known by their exit messages alone."""

from __future__ import annotations

from collections.abc import Callable

from ..model import Identity, Workload
from .linux.exit_message import Exit
from .row import Row
from .sources import Identities

# Longest life of a process that the previous sample missed because it began while the sample was taken.
_FOUND_LATE_NS = 1_000_000_000


def used_lately(message: Exit, elapsed_ns: int) -> int:
    """CPU time that the process used since the previous sample, ``elapsed_ns`` ago: all of it, unless it began earlier.

    Then /proc did not show it (hidepid), and what it used before it cannot have taken from this sample.
    """
    if message.age_ns <= elapsed_ns + _FOUND_LATE_NS:
        return message.nanoseconds
    return message.nanoseconds * elapsed_ns // message.age_ns


class Unseen:
    """Makes their rows. ``new_row`` gives a row its accounts."""

    def __init__(self, identities: Identities, new_row: Callable[[Identity], Row]) -> None:
        self._identities = identities
        self._new_row = new_row

    def row(self, message: Exit, parent: Row | None) -> Row:
        """In its parent's unit or container, else a workload by its own command; in its parent's windows."""
        workload, owner = self._workload(message, parent)
        row = self._new_row(
            Identity(message.pid, 0, message.parent, message.uid, message.command, workload, owner)
        )
        if parent is not None:
            row.windows = row.trees = parent.trees
        return row

    def _workload(self, message: Exit, parent: Row | None) -> tuple[Workload, int | None]:
        """Also the owner of the workload as a whole, where it has one."""
        user_name = self._identities.user_name
        if parent is None or parent.identity.workload.kind == "command":
            return Workload(message.command, "command", user_name(message.uid)), None
        workload, owner = parent.identity.workload, parent.identity.owner
        # A job counts as root's until a process of another user is seen in it.
        if owner == 0 and message.uid and workload.kind == "slurm":
            owner = self._identities.job_owner(workload.name, message.uid, message.parent)
            return Workload(workload.name, "slurm", user_name(owner)), owner
        if owner is None:  # no user owns the whole: each process counts for its own user
            workload = Workload(workload.name, workload.kind, user_name(message.uid))
        return workload, owner
