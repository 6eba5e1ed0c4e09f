"""Workloads that are windows by themselves: a SLURM job, a unit, a container, from first process to last."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Set
from typing import cast, get_args

from ..config.schema import AutomaticWindow
from ..config.schema import Windows as WindowSettings
from ..model import Identity, Workload, WorkloadKind
from .book import Window
from .errors import ApiError
from .model import OpenRequest

_LOG = logging.getLogger(__name__)
# Mark a window in its tags, so that it is known again after a restart.
KIND, NAME, OWNER = "automatic", "workload", "owner"
_REMEMBERED = 10_000  # workloads come and go for months

Key = tuple[WorkloadKind, str, int | None]
"""What has one window: kind, name and, where users have names of their own (user services, rootless containers),
the owner's uid."""


def key_of(identity: Identity) -> Key:
    """Which window a process would be in. Who runs it makes no difference: a service has processes of several users.

    Nor does the owner of a SLURM job, who may be known later than its first process: its number is its alone.
    """
    workload = identity.workload
    return workload.kind, workload.name, None if workload.kind == "slurm" else identity.owner


class AutomaticWindows:
    """Which workloads are windows, and which window each has now. Single writer: the sampler."""

    def __init__(self, settings: WindowSettings) -> None:
        self._open: dict[Key, str] = {}
        self._members: dict[str, set[Workload]] = {}  # of each open window
        self._phases: dict[Workload, str | None] = {}
        self._refused: set[Key] = set()
        self._rules: list[tuple[str, re.Pattern[str], str]] = []
        self.configure(settings)

    def configure(self, settings: WindowSettings) -> None:
        """Take rules over; what is open goes on."""
        rules = list(settings.automatic)
        if settings.slurm:
            rules.append(AutomaticWindow(kind="slurm"))
        self._rules = [(rule.kind, re.compile(rule.match), rule.phase) for rule in rules]
        self._phases = {}

    def phase(self, workload: Workload) -> str | None:
        """The phase of the workload's window; None when it is to have none."""
        if not self._rules:
            return None
        if workload not in self._phases:
            if len(self._phases) >= _REMEMBERED:
                self._phases = {}
            self._phases[workload] = self._decide(workload)
        return self._phases[workload]

    def _decide(self, workload: Workload) -> str | None:
        for kind, pattern, phase in self._rules:
            if kind == workload.kind and pattern.fullmatch(workload.name):
                return phase
        return None

    def request(self, identity: Identity) -> OpenRequest | None:
        """How to open the window this process would be in; None when it is to have none."""
        phase = self.phase(identity.workload)
        key = kind, name, owner = key_of(identity)
        if phase is None or key in self._refused:
            return None
        tags = {KIND: kind, NAME: name}
        if owner is not None:
            tags[OWNER] = str(owner)
        return OpenRequest(name=name[:128], phase=phase, pid=identity.pid, tags=tags)

    def window_of(self, identity: Identity) -> str | None:
        """The open window this process belongs to."""
        return self._open.get(key_of(identity))

    def open_windows(self) -> Mapping[str, Set[Workload]]:
        """Window id -> workloads in it, one for each user who runs processes of it; those stopped by hand, too."""
        return self._members

    def opened(self, identity: Identity, window_id: str) -> None:
        """The window of this process has begun."""
        self._open[key_of(identity)] = window_id
        self._members[window_id] = set()

    def joined(self, workload: Workload, window_id: str) -> None:
        """A process of this workload belongs to the window."""
        self._members[window_id].add(workload)

    def closed(self, window_id: str) -> None:
        """A window ended; if the workload comes back, it begins another."""
        if self._members.pop(window_id, None) is not None:
            self._open = {key: known for key, known in self._open.items() if known != window_id}

    def refused(self, identity: Identity, error: ApiError) -> None:
        """The book does not take it (too many are open). Said once, not tried again."""
        if len(self._refused) >= _REMEMBERED:
            self._refused = set()
        self._refused.add(key_of(identity))
        workload = identity.workload
        _LOG.warning("no window for %s %s: %s; %s", workload.kind, workload.name, error, error.fix)

    def restored(self, window: Window) -> None:
        """An open window of before a restart."""
        kind, name, owner = (window.tags.get(tag, "") for tag in (KIND, NAME, OWNER))
        # A client's window has the process it was asked for, whatever tags the client gave.
        asked_for = any(pid == window.pid for pid, _ in window.processes)
        if asked_for or kind not in get_args(WorkloadKind):
            return
        workload = Workload(name, cast(WorkloadKind, kind), window.user)
        key = workload.kind, name, int(owner) if owner.isdecimal() else None
        if key not in self._open:
            self._open[key] = window.id
            self._members[window.id] = {workload}
