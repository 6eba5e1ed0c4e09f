"""GPU energy that a window may have used, where nothing shows whether it did: the upper bound, never 0 by default.

A window may have used a GPU when one of its processes held a context. Where the driver reports no contexts, every
window may have.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from msgspec import Struct

from ..model import DeviceUse, MergedSample
from .gpu_booking import Find, GpuShares

# An idle GPU's power varies by so much (percent); a process may have drawn what is beyond that.
_IDLE_PERCENT = 110
# A GPU that never drew less than this part of what it can draw may have worked all the time: accelerators idle at 10 to
# 20 % of their limit (MI300X 140 of 750 W, H100 70 of 700 W).
_IDLE_PART = 0.25
_SECOND = 1_000_000_000


class UnknownCharges(Protocol):
    """The part of the window book that this needs."""

    @property
    def open_ids(self) -> Collection[str]: ...

    def charge_unknown(self, window_id: str, component: str, microjoules: int) -> None: ...


class _Watched(Struct):
    """One GPU: up to when its energy is delivered or charged, its last step, the extremes of its mean power
    (microwatts), the processes that might have used it."""

    at_ns: int
    step_uj: int = 0
    step_ns: int = 0
    highest: int = 0
    lowest: int | None = None
    holders: frozenset[int] | None = None  # None: the driver does not say
    waits: bool = False  # for a counter that stands still
    missing: bool = False
    missing_ns: int = 0  # for how long
    charged: int = 0  # microjoules, for that time

    def least(self, most_watts: float | None) -> int:
        """Microwatts that it certainly draws idle; 0 where it may have worked all the time."""
        lowest = self.lowest or 0
        return 0 if most_watts is not None and lowest > most_watts * _IDLE_PART * 1_000_000 else lowest


class GpuUnknown:
    """Charges windows with GPU energy of unknown owner. ``now_ns`` is the boot clock at the sample."""

    def __init__(self, windows: UnknownCharges) -> None:
        self._windows = windows
        self._gpus: dict[str, _Watched] = {}

    def booked(
        self,
        name: str,
        microjoules: int,
        nanoseconds: int,
        use: DeviceUse | None,
        shares: GpuShares,
        find: Find,
        most_watts: float | None = None,
    ) -> None:
        """A step was shared: its unowned part may belong to the processes that may have used the GPU.

        ``most_watts`` is the most that the GPU draws.
        """
        watched = self._gpus.setdefault(name, _Watched(0))
        before = watched.holders
        reported = use is not None and (use.method != "none" or bool(use.holders))
        watched.holders = use.holders if use is not None and reported else None
        watched.step_uj, watched.step_ns = microjoules, nanoseconds
        if nanoseconds > 0:
            power = microjoules * _SECOND // nanoseconds
            if power > watched.highest and watched.missing_ns:  # it may have drawn so much then
                self._charge_missing(before, (power - watched.highest) * watched.missing_ns // _SECOND, find)
            watched.highest = max(watched.highest, power)
            watched.lowest = power if watched.lowest is None else min(watched.lowest, power)
        if not shares.unattributed:
            return
        if use is not None and any(find(pid) is None for pid in use.weights):
            self._charge(self._windows.open_ids, shares.unattributed)
            return
        pids: set[int] = set()
        if use is not None:
            pids = {*use.holders, *use.weights, *(before or ())}.union(*(group.pids for group in use.groups))
        if pids:
            self._charge(self._of(pids, find), shares.unattributed)
            return
        # The sensor reports no process, as hwmon, or a process came and went between two reads: any process may have
        # drawn the energy beyond the least power of the GPU so far.
        idle = max(shares.idle, watched.least(most_watts) * nanoseconds // _SECOND)
        if microjoules * 100 > idle * _IDLE_PERCENT:
            self._charge(self._windows.open_ids, min(shares.unattributed, microjoules - idle))

    def missed(self, name: str, microjoules: int, find: Find) -> None:
        """Energy of a time in which the GPU was not read, less what is already charged for it."""
        watched = self._gpus.get(name)
        rest = microjoules - (0 if watched is None else watched.charged)
        if rest > 0:
            holders = None if watched is None else watched.holders
            self._charge(self._windows.open_ids if holders is None else self._of(holders, find), rest)

    def sampled(self, sensor_set: MergedSample, now_ns: int, find: Find) -> None:
        """A sample was taken: a GPU that stopped delivering may draw as much as its most so far."""
        delivered = {step.device.name for step in sensor_set.steps if step.device.component == "gpu"}
        waiting = {device.name for device in sensor_set.waiting} | sensor_set.known_until.keys()
        for step in sensor_set.refused:
            watched = self._gpus.get(step.device.name)
            if watched is not None and step.device.name in delivered | waiting:  # else it is missing
                most = watched.highest * step.nanoseconds // _SECOND
                self._charge_missing(watched.holders, most, find)
        for name, watched in self._gpus.items():
            was_missing = watched.missing
            watched.missing = name not in delivered and name not in waiting
            watched.waits = name in waiting and name not in delivered
            if watched.waits:
                continue  # its energy may still come
            elapsed, watched.at_ns = now_ns - watched.at_ns, now_ns
            if name in delivered:
                watched.charged = watched.missing_ns = 0
            if watched.missing and elapsed < now_ns:
                most = watched.highest * elapsed // _SECOND
                watched.missing_ns += elapsed
                if not was_missing:  # a counter may have stopped in the course of its last step
                    most += max(0, watched.highest * watched.step_ns // _SECOND - watched.step_uj)
                    watched.missing_ns += watched.step_ns
                watched.charged += most
                self._charge_missing(watched.holders, most, find)

    def cut(self, window_id: str, known_until: Mapping[str, int], end_ns: int) -> None:
        """A window is closed while the users of the GPUs up to its end are not yet known."""
        for name, watched in self._gpus.items():
            until_ns = known_until.get(name, watched.at_ns if watched.waits else end_ns)
            if until_ns < end_ns:
                self._charge((window_id,), watched.highest * (end_ns - until_ns) // _SECOND)

    def _charge_missing(self, holders: frozenset[int] | None, microjoules: int, find: Find) -> None:
        self._charge(self._windows.open_ids if holders is None else self._of(holders, find), microjoules)

    def _charge(self, windows: Iterable[str], microjoules: int) -> None:
        for window in windows:
            self._windows.charge_unknown(window, "gpu", microjoules)

    @staticmethod
    def _of(pids: Collection[int], find: Find) -> set[str]:
        """The windows of these processes."""
        return {window for pid in pids if (found := find(pid)) is not None for window in found[0].windows}
