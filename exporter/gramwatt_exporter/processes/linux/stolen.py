"""On a virtual machine: subtracts stolen time from the CPU time that is known by the age of ended processes."""

from __future__ import annotations

from msgspec.structs import replace

from .taskstats import Exit


class StolenTime:
    """The age of a process goes on while the hypervisor runs other guests. Nothing shows which process lost the time:
    it is taken off all exits in equal shares. The waited-for time of parents corrects what was taken off too much."""

    def __init__(self) -> None:
        self._counter: int | None = None
        self._left = (
            0  # of the previous sample, not taken off: the counter is not read together with the exits
        )

    def take_off(self, exits: list[Exit], counter: int) -> list[Exit]:
        """The exits without it. ``counter`` is nanoseconds stolen since boot."""
        stolen = 0 if self._counter is None else max(0, counter - self._counter)
        self._counter = counter
        by_age = sum(ended.by_age_ns for ended in exits)
        cut = min(stolen + self._left, by_age)
        self._left = min(stolen, stolen + self._left - cut)
        if not cut:
            return exits
        return [
            replace(ended, nanoseconds=ended.nanoseconds - -(-ended.by_age_ns * cut // by_age))
            for ended in exits
        ]
