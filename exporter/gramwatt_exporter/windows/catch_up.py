"""After a restart of the exporter, windows are charged what their processes used meanwhile.

The processes' CPU clocks went on and so did the hardware's energy counters. So the clocks of the processes in windows
are saved with every sample, and the first sample after the restart charges the difference. What cannot be charged so
is the window's missed time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from ..model import EnergyStep, Identity
from ..processes.linux.procfiles import TICK_NS
from .model import ProcessKey
from .window import Window


class _Clock(Struct, frozen=True, array_like=True):
    pid: int
    start: int
    nanoseconds: int
    windows: list[str]


class _State(Struct, frozen=True):
    at_ns: int  # since boot, when the sample was taken
    busy_ns: int | None  # that all CPUs were busy until then
    clocks: list[_Clock]


class Member(Struct, frozen=True):
    """One process in windows and its CPU clock at the last sample."""

    identity: Identity
    nanoseconds: int
    windows: Collection[str]


def saved_clocks(at_ns: int, busy_ns: int | None, members: Iterable[Member]) -> dict[str, Any]:
    """The state that :meth:`CatchUp.restore` needs, as JSON types."""
    return {
        "at_ns": at_ns,
        "busy_ns": busy_ns,
        "clocks": [
            [member.identity.pid, member.identity.start, member.nanoseconds, sorted(member.windows)]
            for member in members
        ],
    }


class CatchUp:
    """Active from a restart on the same boot to the end of the first sample after it."""

    def __init__(self) -> None:
        self._state: _State | None = None
        self._clocks: dict[ProcessKey, _Clock] = {}  # of processes that have not been found so far

    @property
    def is_due(self) -> bool:
        """Whether the sample at hand is to be charged for the time since the restart."""
        return self._state is not None

    @property
    def busy_ns(self) -> int | None:
        """Busy time of all CPUs at the last sample before the restart."""
        return None if self._state is None else self._state.busy_ns

    def restore(self, saved: Mapping[str, Any] | None) -> list[str]:
        """Take back what :func:`saved_clocks` gave, None without windows. A line for the log when it cannot be read."""
        try:
            state = msgspec.convert(saved, _State | None)
        except msgspec.ValidationError as error:
            return [f"the saved clocks of processes in windows cannot be read: {error}"]
        if state is not None:
            self._state = state
            self._clocks = {(clock.pid, clock.start): clock for clock in state.clocks}
        return []

    def clock_before(self, identity: Identity, now: int) -> int:
        """CPU time of a process of the first sample at the last sample before the restart; ``now`` where not known, so
        that it is charged nothing."""
        if self._state is None:
            return now
        clock = self._clocks.pop((identity.pid, identity.start), None)
        if clock is not None:
            return min(clock.nanoseconds, now)
        return 0 if identity.start * TICK_NS > self._state.at_ns else now

    def finish(
        self,
        now_ns: int,
        steps: Iterable[EnergyStep],
        windows: Iterable[Window],
    ) -> dict[str, int]:
        """The first sample is booked. Which of the ``windows`` that were open before it were not charged everything,
        and for how many nanoseconds.

        A window is when all of its processes still live and the hardware counted their CPU's energy. Which process
        used a GPU meanwhile is not known.
        """
        state, self._state = self._state, None
        if state is None:
            return {}
        saved = {window for clock in state.clocks for window in clock.windows}
        lost = {window for clock in self._clocks.values() for window in clock.windows}
        self._clocks = {}
        counted = any(step.missed and step.device.component == "cpu" for step in steps)
        return {
            window.id: max(0, now_ns - max(state.at_ns, window.start_ns))
            for window in windows
            if window.id not in saved or window.id in lost or not counted or window.microjoules.get("gpu")
        }
