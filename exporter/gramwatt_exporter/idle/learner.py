"""Learns the idle draw of CPU packages: gives the book each step with the CPU time of the same interval. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..model import Device, EnergyStep
from .book import IdleBook
from .machine import package_number

_MOST = 2  # busy CPUs for each CPU: beyond it is no load, but a count that begins elsewhere
_MACHINE = -1  # place of a package whose own busy time is not known


class Learner:
    """Pairs every step with the CPU time of exactly its interval, also where a meter's steps span several samples.

    ``packages`` are the CPUs of each package, in the order of the busy times given to :meth:`learn`; empty where only
    the machine as a whole is known.
    """

    def __init__(
        self, book: IdleBook, cpus: int, packages: Mapping[int, frozenset[int]] | None = None
    ) -> None:
        self._book = book
        self._cpus = cpus
        self._packages = {number: (at, len(own)) for at, (number, own) in enumerate((packages or {}).items())}
        self._busy_ns: int | None = None
        self._counted = [0]  # busy time so far of each package, and last of the machine
        self._marks: dict[str, int] = {}  # the same, up to the last step of each device
        self._places: dict[str, tuple[int, int]] = {}  # index of its busy time, number of CPUs

    def learn(
        self, steps: Sequence[EnergyStep], busy_ns: int, seen_ns: int, package_busy_ns: Sequence[int] = ()
    ) -> None:
        """One sample. ``busy_ns`` is since boot, ``seen_ns`` what processes used since the last sample, which is exact
        where the former goes by timer ticks."""
        before, self._busy_ns = self._busy_ns, busy_ns
        known = before is not None and busy_ns >= before
        last, machine = self._counted, self._counted[_MACHINE]
        if before is not None and known:
            machine += max(busy_ns - before, seen_ns)
        counted = self._counted = [*package_busy_ns, machine]
        for step in steps:
            device = step.device
            if device.component != "cpu" or device.idle_watts is not None:
                continue
            at, cpus = self._place(device, len(package_busy_ns))
            mark = self._marks.get(device.name)
            if mark is None:
                mark = last[at] if len(last) == len(counted) else counted[at]
            self._marks[device.name] = counted[at]
            if not known or step.missed or step.slept_ns or step.nanoseconds <= 0:
                self._book.interrupt(device)
                continue
            busy_cpus = (counted[at] - mark) / step.nanoseconds
            # A CPU that is taken offline takes its busy time since boot with it, and brings it back.
            if not 0 <= busy_cpus <= _MOST * cpus:
                self._book.interrupt(device)
                continue
            self._book.observe(
                device, step.microjoules, step.nanoseconds, min(1.0, busy_cpus / cpus), busy_cpus
            )

    def _place(self, device: Device, packages: int) -> tuple[int, int]:
        place = self._places.get(device.name)
        if place is None:
            number = package_number(device)
            place = None if number is None or packages < 2 else self._packages.get(number)
            place = self._places[device.name] = place or (_MACHINE, self._cpus)
        return place

    def interrupt(self) -> None:
        """The processes of a sample could not be read: its steps are lost, and busy time runs on."""
        self._busy_ns = None
