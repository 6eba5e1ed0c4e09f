"""Workloads that are windows by themselves: a SLURM job, a unit, a container, from first process to last."""

from __future__ import annotations

import logging
from collections.abc import Set
from itertools import count
from typing import cast, get_args

from ..config.schema import AutomaticWindow
from ..config.schema import Windows as WindowSettings
from ..model import Identity, Workload, WorkloadKind
from ..patterns import Pattern, pattern
from .book import WindowBook
from .checks import NAME_CHARACTERS, TEXT_CHARACTERS
from .errors import ApiError
from .model import OpenRequest, Peer
from .window import Window, WorkloadKey

_LOG = logging.getLogger(__name__)
# Tags of such a window that name its workload.
KIND, NAME, OWNER = "automatic", "workload", "owner"
_REMEMBERED = 10_000  # workloads come and go for months


def key_of(identity: Identity) -> WorkloadKey:
    """The window that a process would be in. Its user makes no difference: a service has processes of several users.

    Nor does the owner of a SLURM job, which may be known only after its first process: the job's number is unique.
    """
    workload = identity.workload
    return workload.kind, workload.name, None if workload.kind == "slurm" else identity.owner


class AutomaticWindows:
    """Which workloads are windows, and which window each has now. Single writer: the sampler.

    State that must survive a restart is in the book. A workload that the book refused has the id of no window.
    """

    def __init__(self, settings: WindowSettings, book: WindowBook) -> None:
        self._book = book
        self._windows: dict[WorkloadKey, str] = {}
        self._refused: dict[str, WorkloadKey] = {}
        self._refusals = count()
        self._phases: dict[Workload, str | None] = {}
        self._rules: list[tuple[str, Pattern, str]] = []
        self.configure(settings)

    def __bool__(self) -> bool:
        """Whether any process can be in a window because of its workload."""
        return bool(self._rules or self._windows)

    def configure(self, settings: WindowSettings) -> None:
        """Apply rules. Windows of workloads that match no rule stay until :meth:`unwanted` is called; a refused
        workload is tried again."""
        rules = list(settings.automatic)
        if settings.slurm:
            rules.append(AutomaticWindow(kind="slurm"))
        self._rules = [(rule.kind, pattern(rule.match), rule.phase) for rule in rules]
        self._phases = {}
        for window_id in list(self._refused):
            self.over(window_id)

    def _phase(self, workload: Workload) -> str | None:
        """The phase of the workload's window; None when it is to have none."""
        if not self._rules:
            return None
        if workload not in self._phases:
            if len(self._phases) >= _REMEMBERED:
                self._phases = {}
            self._phases[workload] = self._decide(workload.kind, workload.name)
        return self._phases[workload]

    def _decide(self, workload_kind: str, name: str) -> str | None:
        for kind, names, phase in self._rules:
            if kind == workload_kind and names.matches(name):
                return phase
        return None

    def window_of(self, identity: Identity) -> str | None:
        """The window of this process's workload; a client may have stopped it."""
        return self._windows.get(key_of(identity)) if self._windows else None

    def begin(self, identity: Identity) -> str | None:
        """The window that this process begins, as the first one of its workload; None when no rule matches."""
        phase = self._phase(identity.workload)
        if phase is None:
            return None
        key = kind, name, owner = key_of(identity)
        tags = {KIND: kind, NAME: name[:TEXT_CHARACTERS]}
        if owner is not None:
            tags[OWNER] = str(owner)
        request = OpenRequest(name=name[:NAME_CHARACTERS], phase=phase, pid=identity.pid, tags=tags)
        uid = identity.uid if identity.owner is None else identity.owner
        try:
            window = self._book.open(request, Peer(uid, identity.pid, identity.workload.user))
        except ApiError as error:
            self._refuse(key, error)
        else:
            self._windows[key] = window.id
            self._book.automatic[window.id] = key
        return self._windows[key]

    def _refuse(self, key: WorkloadKey, error: ApiError) -> None:
        """The book refused the window (too many are open). Logged once; the next run of the workload may have a
        window."""
        window_id = self._windows[key] = f"refused {next(self._refusals)}"
        self._refused[window_id] = key
        _LOG.warning("no window for %s %s: %s; %s", key[0], key[1], error, error.fix)

    def over(self, window_id: str) -> None:
        """The workload's last process ended, or no rule matches it. If the workload comes back, another window
        begins."""
        key = self._book.automatic.pop(window_id, None) or self._refused.pop(window_id, None)
        if key is not None and self._windows.get(key) == window_id:
            del self._windows[key]

    def ended(self, present: Set[str | None]) -> list[str]:
        """Windows whose workloads have no process; ``present`` are those of all processes."""
        return [window_id for window_id in self._windows.values() if window_id not in present]

    def unwanted(self) -> list[str]:
        """Windows of workloads that match no rule any more."""
        return [
            window_id for (kind, name, _), window_id in self._windows.items() if not self._decide(kind, name)
        ]

    def restored(self) -> None:
        """Restore the windows of before a restart."""
        self._windows = {key: window_id for window_id, key in self._book.automatic.items()}
        for window_id in sorted(self._book.open_ids - self._book.automatic.keys()):
            key = _told_by_tags(self._book.get(window_id))
            if key is not None and key not in self._windows:
                self._windows[key] = window_id
                self._book.automatic[window_id] = key


def _told_by_tags(window: Window) -> WorkloadKey | None:
    """The workload of an open window that an earlier version saved, which marked it only in the tags."""
    kind, name, owner = (window.tags.get(tag, "") for tag in (KIND, NAME, OWNER))
    # A client's window has a root process, whatever its tags are.
    asked_for = any(pid == window.pid for pid, _ in window.processes)
    if asked_for or kind not in get_args(WorkloadKind):
        return None
    return cast(WorkloadKind, kind), name, int(owner) if owner.isdecimal() else None
