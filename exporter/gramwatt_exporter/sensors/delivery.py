"""Whether a counter delivers: it is believed by the steps it brings, not because it answers. Pure.

A hypervisor shows powercap with every counter at 0, a package's counter stands still, every value of a firmware is
absurd: each is read without an error. No package, memory or board in use draws nothing, so a counter without a step
is judged by time alone, busy or idle. A GPU asleep draws nothing, and is never judged by that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from msgspec import Struct

STILL_SECONDS = 20  # without a step for so long, or twice as long as it ever took: it stands still
LEAST_MICROWATTS = 5_000  # less is no power of a package, a memory or a board, though the counter moves
STILL_READS = 3  # and read so often
SLOWEST_NS = 300_000_000_000  # no counter takes longer to bring a step
_SECOND = 1_000_000_000
_LONGEST_NS = 60 * _SECOND

Fault = Literal["", "still", "refused", "below"]


class _Record(Struct):
    good_ns: int  # when it last brought a step
    reads: int = 0  # since then
    refused: int = 0  # of them, those that were not believed
    energy: int = 0  # microjoules since then
    slowest_ns: int = 0  # the longest it took
    fault: Fault = ""


class Delivery:
    """What each counter (by ``key_of``) brought lately."""

    def __init__(self) -> None:
        self.faults: dict[str, Fault] = {}  # of those that have one
        self.version = 0  # moves when a fault comes or goes
        self._records: dict[str, _Record] = {}

    def fault(self, key: str) -> Fault:
        """Why its steps cannot be used: "still", "refused", "below" (its own parts), or ""."""
        return self.faults.get(key, "")

    def state(self) -> dict[str, str]:
        """What to save: the counters whose steps cannot be used, and why."""
        return dict(self.faults)

    def restore(self, saved: Mapping[str, str], now_ns: int) -> None:
        """Go on from ``state``: a counter that stood still before a restart is not believed anew for 20 s."""
        for key, fault in saved.items():
            if fault in get_args(Fault) and fault:
                record = self._records[str(key)] = _Record(now_ns)
                self._set(str(key), record, fault)  # type: ignore[arg-type] # one of its values, as just asked

    def _set(self, key: str, record: _Record, fault: Fault) -> None:
        if fault == record.fault:
            return
        record.fault = fault
        self.version += 1
        if fault:
            self.faults[key] = fault
        else:
            self.faults.pop(key, None)

    def note(self, key: str, draws: bool, microjoules: int, refused: bool, now_ns: int) -> bool:
        """It was read: a step, a refused one, or one of 0 uJ. Returns whether the step may be booked.

        ``draws`` says that it draws power at every moment in which the machine is awake. The step that ends a
        standstill may not be booked: it may span the whole of it, which another source counted.
        """
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = _Record(now_ns)
        record.energy += microjoules
        least = LEAST_MICROWATTS * min(now_ns - record.good_ns, _LONGEST_NS) // _SECOND
        if not refused and (not draws or (microjoules > 0 and record.energy >= least)):
            usable = record.fault == ""
            if (
                record.reads
            ):  # else nobody looked (a suspend, an outage), which says nothing about the counter
                record.slowest_ns = min(SLOWEST_NS, max(record.slowest_ns, now_ns - record.good_ns))
            record.good_ns, record.reads, record.refused, record.energy = now_ns, 0, 0, 0
            if record.fault != "below":
                self._set(key, record, "")
            return usable
        record.reads += 1
        record.refused += refused
        if (
            record.fault != "below"
            and record.reads >= STILL_READS
            and now_ns - record.good_ns > max(STILL_SECONDS * _SECOND, 2 * record.slowest_ns)
        ):
            self._set(key, record, "refused" if 2 * record.refused >= record.reads else "still")
        return record.fault == "" and not refused

    def below(self, key: str, is_below: bool, now_ns: int) -> None:
        """Whether it shows less than a part of it does."""
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = _Record(now_ns)
        if is_below:
            self._set(key, record, "below")
        elif record.fault == "below":
            self._set(key, record, "")


class PartOfWhole:
    """Compares a device with the inner meters that are part of it: no part draws more than the whole."""

    WINDOW_NS = 10_000_000_000
    RATIO = 1.05
    SLACK_UJ = 1_000_000

    def __init__(self) -> None:
        self._windows: dict[tuple[str, str], list[int]] = {}  # (whole, part) -> ns, its uJ, the part's uJ

    def compare(self, whole: str, part: str, nanoseconds: int, energy: int, part_energy: int) -> bool | None:
        """Take one step of both; True once the part drew more over a whole window, False if not, else None.

        A whole that stands still is known as such, and nothing is compared with it.
        """
        if energy <= 0:
            self._windows.pop((whole, part), None)
            return None
        window = self._windows.setdefault((whole, part), [0, 0, 0])
        for index, amount in enumerate((nanoseconds, energy, part_energy)):
            window[index] += amount
        if window[0] < self.WINDOW_NS:
            return None
        del self._windows[whole, part]
        return window[2] > window[1] * self.RATIO + self.SLACK_UJ
