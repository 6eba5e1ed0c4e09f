"""From one sample of the machine to what each CPU package's step teaches of its idle draw. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from ..model import Device, EnergyStep
from .book import IdleBook
from .machine import package_number


class _Mark(Struct):
    """What was counted up to a package's last step, in nanoseconds: of all CPUs, and of its own."""

    machine_ns: int
    package_ns: int


class Learner:
    """Gives every step the CPU time of exactly its own interval, also where a meter's steps span several samples.

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
        self._machine_ns = 0
        self._package_ns: Sequence[int] = ()
        self._previous = _Mark(0, 0)
        self._marks: dict[str, _Mark] = {}

    def learn(
        self, steps: Sequence[EnergyStep], busy_ns: int, seen_ns: int, package_busy_ns: Sequence[int] = ()
    ) -> None:
        """One sample. ``busy_ns`` is since boot, ``seen_ns`` what processes used since the last sample, which is exact
        where the former goes by timer ticks."""
        before, self._busy_ns = self._busy_ns, busy_ns
        last_machine, last_packages = self._machine_ns, self._package_ns
        self._package_ns = package_busy_ns
        known = before is not None and busy_ns >= before
        if known:
            self._machine_ns += max(busy_ns - (before or 0), seen_ns)
        for step in steps:
            if step.device.component != "cpu" or step.device.idle_watts is not None:
                continue
            at = self._at(step.device)
            now = _Mark(self._machine_ns, _value(package_busy_ns, at))
            mark = self._marks.get(step.device.name) or _Mark(last_machine, _value(last_packages, at))
            self._marks[step.device.name] = now
            if not known or step.missed or step.slept_ns or step.nanoseconds <= 0:
                self._book.interrupt(step.device)
            else:
                self._observe(step, mark, now)

    def _observe(self, step: EnergyStep, mark: _Mark, now: _Mark) -> None:
        busy, cpus = now.machine_ns - mark.machine_ns, self._cpus
        place = self._packages.get(-1 if (number := package_number(step.device)) is None else number)
        if place is not None and len(self._packages) > 1 and len(self._package_ns) > place[0]:
            busy, cpus = max(0, now.package_ns - mark.package_ns), place[1]
        busy_cpus = busy / step.nanoseconds
        utilisation = min(1.0, busy_cpus / cpus)
        self._book.observe(step.device, step.microjoules, step.nanoseconds, utilisation, busy_cpus)

    def _at(self, device: Device) -> int:
        number = package_number(device)
        return self._packages.get(-1 if number is None else number, (0, 0))[0]

    def interrupt(self) -> None:
        """The processes of a sample could not be read: its steps are gone, and busy time runs on."""
        self._busy_ns = None


def _value(values: Sequence[int], at: int) -> int:
    return values[at] if at < len(values) else 0
