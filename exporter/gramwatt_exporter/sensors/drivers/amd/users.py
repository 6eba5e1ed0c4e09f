"""Which processes used a GPU between two reads, from several looks at its list of processes. Pure.

A look shows which processes are there and how long each process has been on the engines. Time that is not reported
may be all of it: of a process that has left since, or that has queues of ROCm's own. Such time goes to nobody
unless one process alone can have used it, and with it no GPU is quiet: its draw would be learned as idle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from ....model import Device, DeviceUse, Group, UseMethod
from .processes import UNKNOWN_PID

_NONE: dict[int, int] = {}
_WATT_NS = 1_000  # nanoseconds of one watt that make a microjoule


class Part(Struct, frozen=True):
    """The time between two looks. Weights have any scale within it."""

    weights: Mapping[int, int]
    method: UseMethod
    quiet: bool = False
    group: frozenset[int] = frozenset()  # processes that have all of it together


class Users:
    """Takes the looks at one GPU (``look``) and says which processes used it since the last answer (``use``).

    ``born_since(pid, at_ns)`` says whether a process began after a moment of ``now_ns``.
    """

    def __init__(self, born_since: Callable[[int, int], bool]) -> None:
        self._born_since = born_since
        self._before: dict[int, int] | None = None  # PID -> time on the engines at the last look
        self._awake_ns = 0  # when that was, in time awake
        self._seen_ns = 0  # and on the clock of births
        self._parts: list[tuple[Part, int, int]] = []  # with microjoules and nanoseconds
        self._holders: frozenset[int] = frozenset()  # seen since the last answer
        self._lowest: int | None = None  # microwatts

    def look(
        self,
        busy: dict[int, int],
        awake_ns: int,
        now_ns: int,
        microjoules: int | None,
        works: Callable[[], bool],
        all_seen: bool,
    ) -> None:
        """One look. ``microjoules`` is what was drawn since the last one, where that is known."""
        before, elapsed = self._before, awake_ns - self._awake_ns
        part = self._judge(before, busy, elapsed, works, all_seen)
        self._before, self._awake_ns, self._seen_ns = busy, awake_ns, now_ns
        self._holders |= frozenset(busy) - {UNKNOWN_PID}
        if microjoules is not None and before is not None and elapsed > 0:
            power = microjoules * 1_000_000_000 // elapsed
            self._lowest = power if self._lowest is None else min(self._lowest, power)
        self._parts.append((part, microjoules or 0, elapsed))

    def use(self, device: Device) -> DeviceUse:
        """The processes that used it since the last call. Parts count by what was drawn in them."""
        parts, self._parts = self._parts, []
        holders, self._holders = self._holders, frozenset()
        if len(parts) == 1:
            part = parts[0][0]
            alone = (Group(1, part.group),) if part.group else ()
            return DeviceUse(device, part.weights, holders, part.method, part.quiet, alone)
        weights: dict[int, int] = {}
        together: dict[frozenset[int], int] = {}
        for part, microjoules, elapsed in parts:
            if part.quiet:
                continue
            floor = (self._lowest or 0) * elapsed // 1_000_000_000
            drawn = max(microjoules - floor, elapsed // _WATT_NS, 1)
            if part.group:
                together[part.group] = together.get(part.group, 0) + drawn
                continue
            shares = part.weights or {UNKNOWN_PID: 1}
            scale = sum(shares.values())
            for pid, weight in shares.items():
                weights[pid] = weights.get(pid, 0) + max(1, drawn * weight // scale)
        quiet = bool(parts) and all(part.quiet for part, _, _ in parts)
        groups = tuple(Group(weight, pids) for pids, weight in together.items())
        method: UseMethod = "utilisation" if quiet or weights.keys() - {UNKNOWN_PID} else "none"
        if weights.keys() == {UNKNOWN_PID} and not groups:
            weights = {}
        return DeviceUse(device, weights, holders, method, quiet, groups)

    def _judge(
        self,
        before: dict[int, int] | None,
        busy: dict[int, int],
        elapsed: int,
        works: Callable[[], bool],
        all_seen: bool,
    ) -> Part:
        known = self._spent_since(before, busy, elapsed)
        left = (before or _NONE).keys() - busy.keys() - {UNKNOWN_PID}
        if len(busy) == 1 and not known:
            return Part(dict.fromkeys(busy, 1), "holder")
        if left and not busy and all_seen:
            if len(left) == 1:
                return Part(dict.fromkeys(left, 1), "holder")
            return Part(_NONE, "none", group=frozenset(left))
        complete = before is not None and len(known) == len(busy) and before.keys() <= busy.keys()
        weights = {pid: spent for pid, spent in known.items() if spent}
        if weights:
            rest = 0 if complete else elapsed - sum(weights.values())
            if rest > 0:
                weights[UNKNOWN_PID] = rest
            return Part(weights, "utilisation")
        working = complete and works()
        if working and len(busy) == 1:
            return Part(dict.fromkeys(busy, 1), "holder")  # on ROCm's own queues
        quiet = complete and all_seen and not working
        return Part(_NONE, "utilisation" if quiet else "none", quiet)

    def _spent_since(
        self, before: Mapping[int, int] | None, busy: Mapping[int, int], elapsed: int
    ) -> dict[int, int]:
        """PID -> nanoseconds since the last look, of the processes of which that is known.

        A process that began since then has spent all of its time since. One whose time went back is another process
        with the same number.
        """
        known = {}
        for pid, spent in busy.items():
            earlier = (before or _NONE).get(pid)
            if earlier is not None and spent and spent >= earlier:
                known[pid] = spent - earlier
            elif before is not None and spent and earlier is None and self._born_since(pid, self._seen_ns):
                known[pid] = min(spent, elapsed)
        return known
