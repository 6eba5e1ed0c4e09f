"""The state that survives a restart: all of it, or what changed since the last save."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from .ledger import persistence
from .ledger.changes import ChangedAccounts, ChangedText, dump_changed, dump_whole
from .ledger.storage import VERSION
from .sampler import Sampler
from .windows.window import SCRAPES_KEPT, Window

State = dict[str, Any]


class NodeState:
    """Implements ledger.changes.Source. ``sensor_state`` gives the raw hardware counters, ``scraped_at`` when a
    collector scraped last (Unix seconds, None: never)."""

    def __init__(
        self,
        sampler: Sampler,
        sensor_state: Callable[[], Mapping[str, Any]],
        boot_id: str,
        scraped_at: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._sampler = sampler
        self._sensor_state = sensor_state
        self._boot_id = boot_id
        self._scraped_at = scraped_at
        self._workloads = ChangedAccounts()
        self._departed = ChangedAccounts()
        self._sections = ChangedText()
        self._baseline = ChangedText()
        self._windows: dict[str, tuple[Any, ...]] = {}  # those that are kept
        self._given: dict[str, tuple[Any, ...]] = {}

    def whole(self) -> State:
        """All of it."""
        sampler, accounts = self._sampler, self._sampler.accounts
        workloads = dump_whole(self._workloads.all_of(accounts.workloads.values()))
        departed = dump_whole(self._departed.all_of(accounts.departed_workloads.values()))
        self._given = {window.id: _mark(window) for window in sampler.windows}
        sections, baseline = self._all_sections(), sampler.baseline.state()
        self._sections.of(sections)
        self._baseline.of(baseline)
        return {
            "version": VERSION,
            "boot_id": self._boot_id,
            "saved_at": time.time(),
            **sections,
            "baseline": baseline,
            "accounts": persistence.dump(accounts, sampler.series.shown(), workloads, departed),
            "windows": sampler.windows.state(),
        }

    def changed(self) -> State | None:
        """The changes since the last :meth:`kept`."""
        sampler, accounts = self._sampler, self._sampler.accounts
        workloads = self._workloads.of(accounts.workloads.values())
        departed = self._departed.of(accounts.departed_workloads.values())
        if workloads is None or departed is None:
            return None
        self._given = {window.id: _mark(window) for window in sampler.windows}
        windows = [
            window
            for window in sampler.windows
            if window.is_open or self._windows.get(window.id) != _mark(window)
        ]
        return {
            "saved_at": time.time(),
            **self._sections.of(self._all_sections()),
            "baseline": self._baseline.of(sampler.baseline.state()),
            "accounts": persistence.dump(
                accounts, sampler.series.shown(), dump_changed(workloads), dump_changed(departed)
            ),
            "windows": sampler.windows.state(windows),
            "gone": {"windows": [name for name in self._windows if name not in self._given]},
        }

    def kept(self) -> None:
        """The state given last is saved."""
        for part in (self._workloads, self._departed, self._sections, self._baseline):
            part.kept()
        self._windows = self._given

    def _all_sections(self) -> State:
        """Small parts of the state, each saved as a whole."""
        sampler = self._sampler
        return {
            "sensors": self._sensor_state(),
            "extras": sampler.extras.state(),
            "budgets": sampler.budgets.state(),
            "clocks": sampler.gaps.saved_clocks(sampler.booking.busy_ns),
            "scraped_at": self._scraped_at(),
        }


def _mark(window: Window) -> tuple[Any, ...]:
    """The fields that change in a finished window."""
    return window.state, min(window.scrapes, SCRAPES_KEPT), len(window.values)
