"""Workloads that are windows by themselves: a SLURM job, a unit, a container, from first process to last."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from ..config.schema import AutomaticWindow
from ..config.schema import Windows as WindowSettings
from ..model import Workload
from .book import Window
from .errors import ApiError
from .model import OpenRequest

_LOG = logging.getLogger(__name__)
# Marks a window in its tags, so that it is known again after a restart.
KIND, NAME = "automatic", "workload"


class AutomaticWindows:
    """Which workloads are windows, and which window each has now. Single writer: the sampler."""

    def __init__(self, settings: WindowSettings) -> None:
        self._open: dict[Workload, str] = {}
        self._decided: dict[Workload, OpenRequest | None] = {}
        self._refused: set[Workload] = set()
        self._rules: list[tuple[str, re.Pattern[str], str]] = []
        self.configure(settings)

    def configure(self, settings: WindowSettings) -> None:
        """Take rules over; what is open goes on."""
        rules = list(settings.automatic)
        if settings.slurm:
            rules.append(AutomaticWindow(kind="slurm"))
        self._rules = [(rule.kind, re.compile(rule.match), rule.phase) for rule in rules]
        self._decided = {}

    def request(self, workload: Workload, pid: int) -> OpenRequest | None:
        """How to open the workload's window; None when it is none."""
        if not self._rules or workload in self._refused:
            return None
        if workload not in self._decided:
            if len(self._decided) > 10_000:  # workloads come and go for months
                self._decided = {}
            self._decided[workload] = self._decide(workload, pid)
        return self._decided[workload]

    def _decide(self, workload: Workload, pid: int) -> OpenRequest | None:
        for kind, pattern, phase in self._rules:
            if kind == workload.kind and pattern.fullmatch(workload.name):
                tags = {KIND: workload.kind, NAME: workload.name}
                return OpenRequest(name=workload.name[:128], phase=phase, pid=pid, tags=tags)
        return None

    def window_of(self, workload: Workload) -> str | None:
        """The workload's open window."""
        return self._open.get(workload)

    def open_windows(self) -> Mapping[str, Workload]:
        """Window id -> workload."""
        return {window_id: workload for workload, window_id in self._open.items()}

    def opened(self, workload: Workload, window_id: str) -> None:
        """The workload's window has begun."""
        self._open[workload] = window_id

    def closed(self, window_id: str) -> None:
        """A window ended; if the workload comes back, it begins another."""
        for workload, known in list(self._open.items()):
            if known == window_id:
                del self._open[workload]

    def refused(self, workload: Workload, error: ApiError) -> None:
        """The book does not take it (too many are open). Said once per workload, not tried again."""
        self._refused.add(workload)
        _LOG.warning("no window for %s %s: %s; %s", workload.kind, workload.name, error, error.fix)

    def restored(self, window: Window) -> None:
        """An open window of before a restart."""
        kind = window.tags.get(KIND)
        if kind in ("slurm", "unit", "container", "pod"):
            self._open[Workload(window.tags.get(NAME, ""), kind, window.user)] = window.id  # type: ignore[arg-type]
