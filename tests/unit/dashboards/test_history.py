"""The made-up history: always the same, conserved, and as rare at first as it should be."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from grafana.history.build import history, moments
from grafana.history.grid import DAY, best, intensity, mix
from grafana.history.series import History

NOW = 1_795_000_000.0


@pytest.fixture(scope="module")
def made() -> History:
    return history(NOW, moments(NOW, DAY, late=1800, early=3600))


def last(made: History, metric: str, *by: str) -> dict[tuple[str, ...], float]:
    """The last values of a counter, added up by labels."""
    sums: dict[tuple[str, ...], float] = defaultdict(float)
    for name, series in made.series.items():
        head, _, text = name.partition("{")
        if head == f"gramwatt_{metric}" and series.values:
            labels = dict(re.findall(r'(\w+)="([^"]*)"', text))
            sums[tuple(labels[label] for label in by)] += series.values[-1]
    return dict(sums)


@pytest.mark.slow
def test_the_same_moment_gives_the_same_history(made: History) -> None:
    again = history(NOW, moments(NOW, DAY, late=1800, early=3600))
    assert again.series.keys() == made.series.keys()
    assert all(again.series[name].values == series.values for name, series in made.series.items())


@pytest.mark.slow
def test_energy_is_conserved(made: History) -> None:
    by = ("instance", "component", "device")
    energy = last(made, "device_energy_joules_total", *by)
    parts = last(made, "device_energy_partition_joules_total", *by)
    assert energy.keys() == parts.keys()
    for device, joules in energy.items():
        assert parts[device] == pytest.approx(joules, rel=1e-9)
    busy = sum(
        joules
        for (part,), joules in last(made, "device_energy_partition_joules_total", "part").items()
        if part in ("live", "exited")
    )
    assert sum(last(made, "user_energy_joules_total").values()) == pytest.approx(busy, rel=1e-9)
    rows = sum(last(made, "process_energy_joules_total").values())
    assert rows == pytest.approx(busy, rel=1e-9)


def test_times_rise_and_reach_beyond_now(made: History) -> None:
    times = list(made.times)
    assert times == sorted(set(times))
    assert times[0] <= NOW - DAY + 3600
    assert times[-1] > NOW + 2 * 3600
    for name, series in made.series.items():
        assert list(series.moments) == sorted(set(series.moments)), name


def test_the_grid_is_cleanest_where_it_says() -> None:
    assert sum(mix(NOW).values()) == pytest.approx(1)
    start, mean = best(NOW, 3)
    assert NOW - 900 <= start <= NOW + DAY
    assert (
        mean
        <= min(
            sum(intensity(begin + 900 * quarter) for quarter in range(12)) / 12
            for begin in (NOW // 900 * 900 + 1800 * step for step in range(40))
        )
        + 1e-9
    )
