"""Charge the energy of memory to the processes that hold it: the one loop of a sample over every process."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..model import DRAM
from ..processes.row import Row
from .accounts import Accounts
from .interval import Interval

ChargeOthers = Callable[[Row, int, int, int | None], None]
"""Charges windows and budgets of a row: component, microjoules, price."""


class MemoryCharges:
    """Once a sample, for all memories together."""

    def __init__(self, accounts: Accounts, interval: Interval, charge_others: ChargeOthers) -> None:
        self._accounts = accounts
        self._interval = interval
        self._charge_others = charge_others
        self._shown = False  # whether rows show memory power

    def charge(self, rows: Sequence[Row], parts: Sequence[int], price: int | None) -> None:
        """``parts`` are microjoules in the order of the rows; empty when no memory was measured."""
        interval = self._interval
        if not parts:
            if not interval.published or not (self._shown or interval.memory_held):
                return
            parts = [0] * len(rows)
        if not interval.published:
            interval.memory_held = True
            self._hold(rows, parts, price)
        elif interval.memory_held:
            self._hold(rows, parts, price)
            for row in rows:
                row.power[DRAM], row.memory_held = row.memory_held, 0
            self._shown = True
        else:
            self._shown = any(parts)
            self._show(rows, parts, price)
        self._charge_workloads(price or 0)
        total = sum(parts)
        self._accounts.used[DRAM] += total
        self._accounts.used_emission_units[DRAM] += total * (price or 0)

    def _show(self, rows: Sequence[Row], parts: Sequence[int], price: int | None) -> None:
        mg = price or 0
        # Every process holds memory, so this is the longest loop of a sample: it avoids every call and test it can.
        for row, part in zip(rows, parts, strict=True):
            if part:
                row.power[DRAM] = part
                row.microjoules[DRAM] += part
                row.account.memory += part
                if mg:
                    row.emission_units[DRAM] += part * mg
                if row.windows or row.budgets:
                    self._charge_others(row, DRAM, part, price)
            elif row.power[DRAM]:
                row.power[DRAM] = 0

    def _hold(self, rows: Sequence[Row], parts: Sequence[int], price: int | None) -> None:
        """The same for a forced sample, whose share is held: no power changes."""
        mg = price or 0
        for row, part in zip(rows, parts, strict=True):
            if part:
                row.memory_held += part
                row.microjoules[DRAM] += part
                row.account.memory += part
                if mg:
                    row.emission_units[DRAM] += part * mg
                if row.windows or row.budgets:
                    self._charge_others(row, DRAM, part, price)

    def _charge_workloads(self, mg: int) -> None:
        for workload in self._accounts.workloads.values():
            part = workload.memory
            if part:
                workload.microjoules[DRAM] += part
                workload.emission_units[DRAM] += part * mg
                workload.drawn[DRAM] += part
                workload.memory = 0
                workload.version += 1
