"""The pure parts of the NVIDIA sensor: integration and its uncertainty, the past of a counter, the rows' clock."""

from __future__ import annotations

import random

import pytest
from gramwatt_exporter.sensors.drivers.nvidia.history import History
from gramwatt_exporter.sensors.drivers.nvidia.row_clock import Moment, RowClock
from gramwatt_exporter.sensors.drivers.nvidia.rows import Row
from gramwatt_exporter.sensors.power_reader import LONGEST_GAP_NS, PowerReader
from hypothesis import given
from hypothesis import strategies as st

SECOND = 1_000_000_000
US = 1_000_000


def _reader(max_watts: float | None = None) -> PowerReader:
    return PowerReader(lambda: None, lambda: 0, max_watts)


@pytest.mark.slow
@given(st.integers(0, 10**9), st.lists(st.integers(1, 10 * SECOND), min_size=1, max_size=20))
def test_steady_power_is_integrated_to_the_microjoule(microwatts: int, pauses: list[int]) -> None:
    reader, now = _reader(), 0
    reader.take(microwatts, now)
    for pause in pauses:
        now += pause
        reader.take(microwatts, now)
    assert reader.drain()[-1] == (now, microwatts * now // SECOND)
    assert reader.drain() == []
    assert reader.uncertainty_ratio == 0.05


@pytest.mark.slow
def test_the_uncertainty_covers_what_happens_between_two_values() -> None:
    """Bursts at random moments, read once a second: in most worlds the truth lies within two sigma."""
    chance, within = random.Random(4), 0
    for _ in range(100):
        edges, t = [], 0.0
        while t < 100:
            t += chance.uniform(0.5, 6)
            edges.append(t)

        def watts(t: float, edges: list[float] = edges) -> float:
            return 400.0 if sum(edge <= t for edge in edges) % 2 else 50.0

        reader = _reader()
        for second in range(101):
            reader.take(round(watts(second) * 1e6), second * SECOND)
        said = reader.drain()[-1][1] / 1e6
        truth = sum(watts(step / 50 + 0.01) / 50 for step in range(5000))
        within += abs(said - truth) <= 2 * reader.uncertainty_ratio * said
    assert within >= 90


def test_power_that_is_implausible_or_long_ago_is_not_integrated() -> None:
    reader = _reader(300.0)
    for at, watts in ((0, 100), (1, 5000), (2, 100), (2 + LONGEST_GAP_NS // SECOND + 1, 100)):
        reader.take(watts * 1_000_000, at * SECOND)
    assert [energy for _, energy in reader.drain()] == [0, 200_000_000, 200_000_000]
    assert reader.refused == 1


def test_the_past_of_a_counter_is_between_its_readings() -> None:
    history = History()
    for at, energy in ((10, 100), (20, 300), (20, 999), (15, 999), (40, 400)):
        history.add(at, energy)
    assert [history.at(at) for at in (0, 10, 15, 20, 30, 40, 99)] == [100, 100, 200, 300, 350, 400, 400]
    assert (history.reading_before(19), history.reading_after(19)) == (10, 20)
    assert (history.reading_before(5), history.reading_after(99)) == (10, 40)
    history.forget_before(20)
    assert history.at(25) == 325


def _moment(seconds: float, wall: float = 1e9) -> Moment:
    boot = round(seconds * US)
    return Moment(boot * 1000, {"wall": boot + round(wall * US), "boot": boot, "monotonic": boot})


def _follow(clock: RowClock, offset: float, seconds: range, late: float = 0.05) -> list[int]:
    """Ask every second; the stamps are ``offset`` beyond the time since boot. Returns the times of believed rows."""
    found = []
    for second in seconds:
        rows = [Row(7, round((second - late + offset) * US), 50, 0)]
        moment = _moment(second)
        for row in clock.judge(rows, moment, _moment(second - 1)):
            found.append(clock.boot_ns(row.stamp_us, moment) // 1_000_000)
    return found


@pytest.mark.parametrize("offset", [0.0, 1e9])
@pytest.mark.parametrize("late", [0.05, 1.5])
def test_a_known_clock_is_recognised_and_lateness_is_seen(offset: float, late: float) -> None:
    clock = RowClock()
    times = range(1001, 1010)
    assert _follow(clock, offset, times, late) == [1000 * t - round(late * 1000) for t in times]
    assert clock.settled_us >= late * US


def test_another_clock_is_followed_and_its_jumps_too() -> None:
    clock = RowClock()
    assert len(_follow(clock, -500.0, range(1001, 1010))) == 9
    believed = _follow(clock, 7200.0, range(1010, 1020))
    assert len(believed) >= 8  # it is doubted for the second that shows that it goes on
    assert abs(believed[-1] - 1_019_000) <= 100


def test_a_row_ahead_of_every_other_is_dropped_and_moves_nothing() -> None:
    clock = RowClock()
    _follow(clock, 1e9, range(1, 5))
    newest = clock.newest_us
    tomorrow = Row(8, round((1e9 + 86_400) * US), 50, 0)
    good = Row(7, round((1e9 + 4.95) * US), 50, 0)
    assert clock.judge([tomorrow, good], _moment(5), _moment(4)) == [good]
    assert clock.newest_us > newest
    assert clock.dropped == 1
    for second in range(6, 20):  # alone, it stands still, as no clock does
        assert clock.judge([tomorrow], _moment(second), _moment(second - 1)) == []
