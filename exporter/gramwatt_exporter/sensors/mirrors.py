"""Two devices with one counter, recognised by the same total and the same steps. Pure.

On Zen 1 every die shows the socket's counter (package-0-die-0, package-0-die-1); a guest of Xen sees one package per
virtual CPU, all of them the host's. Counters of two sockets count alike, too, but their totals differ: they drift apart
by joules within minutes of the boot.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import combinations

from msgspec import Struct

from ..model import Device, EnergyReading, Reading
from .claims import HOLD_SECONDS
from .steps import key_of

# Between two reads of one counter it moves by at most the energy of a refresh (1 ms): 0.3 J at 300 W.
TOLERANCE_UJ = 300_000
# The totals of two sockets under the same load differ by a part in a thousand at least. Below this total, equal values
# prove nothing about counters of different packages; less is enough for two that are equal at the first look, which
# comes long after the boot as a rule.
TELLING_UJ = 5_000_000_000
TELLING_FIRST_UJ = 500_000_000
MANY = 3  # so many equal values are no chance, at any total
APART_AFTER = 3  # different values in a row: one of two files may be a moment older than the other
TOGETHER_AFTER = 5  # equal values in a row after which two different counters count as one
SETTLED_AFTER = 20  # different values in a row that end the comparison
_DIE = re.compile(r"-die-\d+$")
_SECOND = 1_000_000_000


class _Pair(Struct):
    one: bool  # one counter
    equal: int = 0  # values in a row
    different: int = 0


class Mirrors:
    """Finds devices whose counter is another device's.

    ``packages`` is the number of packages that the kernel knows; 0 in a guest, which may see any counters of the host;
    None where unknown.
    """

    def __init__(self, packages: Callable[[], int | None] = lambda: None) -> None:
        self._packages = packages
        self._known: int | None = None
        self._asked = False
        self._pairs: dict[tuple[str, str], _Pair] = {}
        self.counted_before: frozenset[str] = frozenset()  # counted as two before a restart
        self._hidden: dict[str, tuple[str, int]] = {}  # key -> key of the counted one, and when

    @property
    def all_apart(self) -> bool:
        """Whether all pairs were compared for long enough, and all are different."""
        return not self._hidden and all(pair.different >= SETTLED_AFTER for pair in self._pairs.values())

    def has_twin(self, key: str) -> bool:
        """Whether another device shows the same counter, also while this one cannot be read."""
        return any(pair.one and key in keys for keys, pair in self._pairs.items())

    def settle(self, readings: Sequence[Reading], now_ns: int) -> dict[str, str]:
        """The readings of one sensor that must not count: key -> key of the counted device."""
        groups: dict[str, list[EnergyReading]] = {}
        for reading in readings:
            of = reading.of
            if (
                isinstance(reading, EnergyReading)
                and isinstance(of, Device)
                and of.component in ("cpu", "dram")
            ):
                groups.setdefault(of.component, []).append(reading)
        seen: dict[str, EnergyReading] = {}
        for _, group in sorted(groups.items()):  # packages first: they decide which memories may be one
            seen.update({key_of(reading.of): reading for reading in group})
            if len(group) > 1:
                self._compare(group, now_ns)
        for key, (first, _) in list(self._hidden.items()):
            if first in seen:
                self._hidden[key] = (first, now_ns)
        return {
            key: first
            for key, (first, at) in self._hidden.items()
            if key in seen and now_ns - at <= HOLD_SECONDS * _SECOND
        }

    def _compare(self, group: Sequence[EnergyReading], now_ns: int) -> None:
        keys = {id(reading): key_of(reading.of) for reading in group}
        for first, second in combinations(group, 2):
            pair_key = (keys[id(first)], keys[id(second)])
            pair = self._pairs.get(pair_key)
            if pair is not None and pair.different >= SETTLED_AFTER:
                continue
            equal = first.microjoules > 0 and _distance(first, second) <= TOLERANCE_UJ
            if pair is None:
                apart = self.counted_before.issuperset(pair_key)
                one = equal and self._may_be_one(
                    first, second, group, TELLING_UJ if apart else TELLING_FIRST_UJ
                )
                pair = self._pairs[pair_key] = _Pair(one)
            if equal:
                pair.equal, pair.different = pair.equal + 1, 0
                if not pair.one and pair.equal >= TOGETHER_AFTER:
                    pair.one = self._may_be_one(first, second, group, TELLING_UJ)
            else:
                pair.equal, pair.different = 0, pair.different + 1
                if pair.different >= APART_AFTER:
                    pair.one = False
        hidden: dict[str, str] = {}
        for first, second in combinations(group, 2):
            shown, other = keys[id(first)], keys[id(second)]
            if self._pairs[shown, other].one and shown not in hidden:
                hidden.setdefault(other, shown)
        for key in keys.values():
            if key in hidden:
                self._hidden[key] = (hidden[key], now_ns)
            else:
                self._hidden.pop(key, None)

    def _may_be_one(
        self, first: EnergyReading, second: EnergyReading, group: Sequence[EnergyReading], telling: int
    ) -> bool:
        """Whether two counters with equal totals are one: dies of a package are; packages only if equality is
        unlikely."""
        a, b = first.of, second.of
        assert isinstance(a, Device)
        if _DIE.sub("", a.name) == _DIE.sub("", b.name):
            return True
        if a.component == "dram":
            packages = [f"device|{of.source}|cpu|package-{of.name.removeprefix('dram-')}" for of in (a, b)]
            return self._hidden.get(packages[1], ("", 0))[0] == packages[0]
        if a.component != "cpu" or not self._odd(len({_DIE.sub("", reading.of.name) for reading in group})):
            return False
        if min(first.microjoules, second.microjoules) >= telling:
            return True
        return sum(_distance(first, other) <= TOLERANCE_UJ for other in group) >= MANY

    def _odd(self, packages: int) -> bool:
        """Whether there are more counters than packages that the kernel knows of."""
        if not self._asked:
            self._known, self._asked = self._packages(), True
        return self._known is not None and packages > self._known


def _distance(first: EnergyReading, second: EnergyReading) -> int:
    """Difference of two totals, over the wrap where that is smaller."""
    apart = abs(first.microjoules - second.microjoules)
    wraps_at = first.wraps_at
    return apart if wraps_at is None or apart > wraps_at else min(apart, wraps_at + 1 - apart)
