"""Which counters are one, seen through two doors, told by what they show."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from gramwatt_exporter.model import Device, EnergyReading
from gramwatt_exporter.sensors.mirrors import APART_AFTER, TELLING_UJ, TOGETHER_AFTER, Mirrors
from gramwatt_exporter.sensors.steps import name_of

WRAP = 65_532_610_987
HIGH = 2 * TELLING_UJ


def readings(values: Sequence[int], names: Sequence[str], component: str = "cpu") -> list[EnergyReading]:
    return [
        EnergyReading(Device(component, name, "rapl", 0.05), value, 0, WRAP)  # type: ignore[arg-type]
        for name, value in zip(names, values, strict=True)
    ]


def hidden(mirrors: Mirrors, values: Sequence[int], names: Sequence[str], now_ns: int = 0) -> set[str]:
    return {name_of(key) for key in mirrors.settle(readings(values, names), now_ns)}


DIES = ["package-0-die-0", "package-0-die-1"]
TWO = ["package-0", "package-1"]


def test_dies_that_show_one_total_are_one_at_the_first_look() -> None:
    assert hidden(Mirrors(), [52_113_000_000, 52_113_003_000], DIES) == {"package-0-die-1"}


def test_dies_with_counters_of_their_own_are_two() -> None:
    """As on Cascade Lake AP."""
    assert hidden(Mirrors(), [52_113_000_000, 49_000_000_000], DIES) == set()


def test_one_total_is_known_over_the_wrap() -> None:
    assert hidden(Mirrors(), [WRAP - 1_000, 2_000], DIES) == {"package-0-die-1"}


def test_nought_twice_says_nothing() -> None:
    assert hidden(Mirrors(), [0, 0], DIES) == set()


@pytest.mark.parametrize(
    ("packages", "one"),
    [(2, False), (None, False), (1, True), (0, True)],  # as many as counters; unknown; fewer; a guest
)
def test_packages_with_one_total_are_one_only_where_that_is_odd(packages: int | None, one: bool) -> None:
    assert bool(hidden(Mirrors(lambda: packages), [HIGH, HIGH + 900], TWO)) is one


def test_two_sockets_just_after_the_boot_are_two() -> None:
    """Their totals are still small and may be near each other."""
    assert hidden(Mirrors(lambda: 0), [40_000_000, 40_000_001], TWO) == set()


def test_three_small_totals_are_no_chance() -> None:
    names = [f"package-{n}" for n in range(4)]
    assert hidden(Mirrors(lambda: 0), [40_000_000] * 4, names) == set(names[1:])


def test_memories_are_one_where_their_packages_are() -> None:
    names = [("cpu", "package-0"), ("cpu", "package-1"), ("dram", "dram-0"), ("dram", "dram-1")]
    for equal, expected in ((True, {"package-1", "dram-1"}), (False, set())):
        values = [HIGH, HIGH if equal else HIGH // 2, 10**9, 10**9 + 1]
        sample = [
            reading
            for (component, name), value in zip(names, values, strict=True)
            for reading in readings([value], [name], component)
        ]
        assert {name_of(key) for key in Mirrors(lambda: 0).settle(sample, 0)} == expected


def test_a_torn_look_changes_nothing_and_more_of_them_do() -> None:
    mirrors, value = Mirrors(), HIGH
    for number in range(1, 20):
        value += 20_000_000
        late = value if number % 2 else value - 20_000_000  # its file is renewed a moment later
        assert hidden(mirrors, [value, late], DIES) == {"package-0-die-1"}
    for number in range(1, APART_AFTER + 1):
        value += 20_000_000
        expected = {"package-0-die-1"} if number < APART_AFTER else set()
        assert hidden(mirrors, [value, value - 90_000_000], DIES) == expected


def test_two_that_were_apart_are_one_only_after_several_equal_looks() -> None:
    mirrors, value = Mirrors(), HIGH
    assert hidden(mirrors, [value, value - 20_000_000], DIES) == set()
    for number in range(1, TOGETHER_AFTER + 1):
        value += 20_000_000
        expected = {"package-0-die-1"} if number == TOGETHER_AFTER else set()
        assert hidden(mirrors, [value, value], DIES) == expected


def test_who_was_compared_for_long_is_compared_no_more() -> None:
    mirrors = Mirrors()
    for number in range(30):
        hidden(mirrors, [HIGH + number, HIGH // 2], DIES)
    assert mirrors.all_apart
