"""Power is the mean since the last published sample: of devices, processes and workloads alike.

A window that opens, is read or stops forces a sample that is not published (docs/adr/0007). Energy up to it is held
here and joins the next published sample: no power is a mean over a few milliseconds.
"""

from __future__ import annotations

from ..model import MergedSample
from ..processes.row import Row
from .accounts import Accounts

# A mean over a shorter time depends mostly on the moment at which the hardware renews its counter (NVML: every 0.1 s).
SHORTEST_POWER_NS = 900_000_000


class Interval:
    """Single writer of every ``power``; they stay as published until the next published sample is booked."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self.published = True  # whether the sample that is booked now will be published
        self.hot: set[Row] = set()  # rows that used CPU or GPU since the last published sample
        self.memory_held = False  # whether rows hold memory energy of a forced sample
        self._held: dict[Row, list[int]] = {}

    def begin(self, merged: MergedSample, published: bool) -> None:
        """A sample will be booked now."""
        self.published = published
        if not published:
            return
        for row in self.hot:
            row.power = [0, 0, 0, 0]
        for row, drawn in self._held.items():
            row.power = drawn
        self.hot, self._held = set(self._held), {}
        self._begin_devices(merged)

    def _begin_devices(self, merged: MergedSample) -> None:
        """A device has power when it was measured now or its slow meter's last step still stands.

        The power of a device that went away, or that was not read for a while, is not known.
        """
        measured = {(step.device.component, step.device.name) for step in merged.steps if not step.missed}
        waiting = {(device.component, device.name) for device in merged.waiting}
        for key, account in self._accounts.devices.items():
            if key in measured or (key in waiting and account.held_ns):
                account.last_uj, account.last_ns = account.held_uj, account.held_ns
            elif key not in waiting:
                account.last_uj = account.last_ns = 0
            account.held_uj = account.held_ns = 0

    def hold(self, row: Row) -> list[int]:
        """Energy of a row by component up to this forced sample; the caller adds to it."""
        drawn = self._held.get(row)
        if drawn is None:
            drawn = self._held[row] = [0, 0, 0, 0]
        return drawn

    def end(self) -> None:
        """The sample is booked: set the power of workloads, if it will be published."""
        if not self.published:
            return
        self.memory_held = False
        for workload in self._accounts.workloads.values():
            if any(workload.drawn):
                workload.power, workload.drawn = workload.drawn, [0, 0, 0, 0]
                workload.version += 1
            elif any(workload.power):
                workload.power = [0, 0, 0, 0]
                workload.version += 1
