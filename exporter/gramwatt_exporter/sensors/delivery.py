"""Whether a counter delivers. A read without an error is not enough: its steps must be plausible. Pure.

A hypervisor may show powercap with every counter at 0, a counter may stand still, a firmware may show absurd values:
each is read without an error. No package, memory or board in use draws nothing, so a counter without a step is judged
by time alone, busy or idle. A sleeping GPU draws nothing, so GPUs are not judged by this.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from msgspec import Struct

STILL_SECONDS = 20  # without a step: a counter stands still, or after twice its longest time to one
LEAST_MICROWATTS = 5_000  # no package, memory or board draws less, even if the counter moves
STILL_READS = 3  # and read so often
SLOWEST_NS = 300_000_000_000  # no counter takes longer to bring a step
_SECOND = 1_000_000_000
_LONGEST_NS = 60 * _SECOND

Fault = Literal["", "still", "refused", "below"]


class _Record(Struct):
    good_ns: int  # time of its last step
    reads: int = 0  # since then
    refused: int = 0  # steps among them that were refused
    energy: int = 0  # microjoules since then
    slowest_ns: int = 0  # longest time to a step so far
    fault: Fault = ""


class Delivery:
    """The latest steps of each counter, by ``key_of``."""

    def __init__(self) -> None:
        self.faults: dict[str, Fault] = {}  # of the counters with a fault
        self.version = 0  # raised when a fault begins or ends
        self._records: dict[str, _Record] = {}

    def fault(self, key: str) -> Fault:
        """Why a counter's steps cannot be used: "still", "refused", "below" (its own parts); "" if they can."""
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
        standstill may not be booked: another source counted the same time.
        """
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = _Record(now_ns)
        record.energy += microjoules
        least = LEAST_MICROWATTS * min(now_ns - record.good_ns, _LONGEST_NS) // _SECOND
        if not refused and (not draws or (microjoules > 0 and record.energy >= least)):
            usable = record.fault == ""
            if record.reads:  # else the counter was not read (a suspend, an outage), which is no fault of it
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
        """Whether a counter shows less than one of its parts."""
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
