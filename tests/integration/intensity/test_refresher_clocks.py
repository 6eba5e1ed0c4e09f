"""The refresher when clocks are wrong: set back, set forward, slow, jumping."""

from __future__ import annotations

import threading
from typing import Any

from gramwatt_exporter.answers import intensity_answer
from gramwatt_exporter.config.scalars import Duration
from gramwatt_exporter.config.schema import (
    Annual,
    Co2Signal,
    IntensityConfig,
)
from gramwatt_exporter.intensity import registry
from gramwatt_exporter.intensity.refresher import Refresher
from refreshing import DAY, HOUR, configured, live, started


def test_a_clock_set_back_neither_silences_nor_floods(grid: Any, environ: dict[str, str]) -> None:
    keeper = started(grid, environ, configured(grid, refresh=Duration(60)))
    live(keeper, grid, HOUR)
    real = grid.now
    grid.now -= DAY
    calls = len(grid.calls)
    state = live(keeper, grid, HOUR)
    assert len(grid.calls) > calls
    assert len(grid.calls) - calls <= 24
    assert state.average is not None
    assert state.average.at <= grid.now
    grid.now = real
    state = live(keeper, grid, 2 * HOUR)
    assert state.average is not None
    assert state.average.provider == "co2signal"
    assert grid.now - state.average.at <= 2 * HOUR


def test_a_clock_set_forward_again_and_again_does_not_loosen_the_quota(
    grid: Any, environ: dict[str, str]
) -> None:
    config = configured(grid, refresh=Duration(60))
    passed = 0.0
    keeper = Refresher(
        config, registry.build(config, environ, None), None, lambda: grid.now, steady=lambda: passed
    )
    for minute in range(120):
        passed += 60
        grid.now += 2 * HOUR if minute % 10 == 0 else 60
        keeper.refresh_once(grid.now)
    assert 24 < len(grid.calls) <= 2 * 24 + 1


def test_a_machine_whose_clock_is_slow_says_so(grid: Any, environ: dict[str, str]) -> None:
    grid.fault = "future"
    keeper = started(grid, environ, IntensityConfig(zone="FR", providers=[Co2Signal(base_url=grid.url)]))
    state = live(keeper, grid, HOUR)
    assert state.average is None
    assert "clock" in state.message


def test_a_clock_set_forward_drops_what_is_now_too_old(grid: Any, environ: dict[str, str]) -> None:
    keeper = started(grid, environ)
    live(keeper, grid, 600)
    grid.fault = "500"
    grid.now += 8 * HOUR
    value = keeper.refresh_once(grid.now).average
    assert value is not None
    assert value.provider == "annual"


def test_a_yearly_average_holds_while_the_clock_is_not_set(grid: Any, environ: dict[str, str]) -> None:
    """A machine without a clock battery begins in 1970."""
    keeper = started(grid, environ, IntensityConfig(zone="FR", providers=[Annual()]))
    right, state = grid.now, keeper.refresh_once(grid.now)
    assert state.average is not None
    grid.now = 100.0
    again = started(grid, environ, IntensityConfig(zone="FR", providers=[Annual()]))
    assert again.current().average == again.refresh_once(grid.now).average == state.average
    assert intensity_answer(again.current(), grid.now)["average"]["age_seconds"] == 0.0
    grid.now = right
    assert again.refresh_once(grid.now).average == state.average


def test_an_answer_that_is_hours_old_is_a_failure_with_its_own_name(
    grid: Any, environ: dict[str, str]
) -> None:
    keeper = started(grid, environ, configured(grid, max_age=Duration(300)))
    state = keeper.refresh_once(grid.now)  # ten past: the hour's value is ten minutes old
    assert state.average is not None
    assert state.average.provider == "annual"
    assert state.refresh_failures == {("co2signal", "stale"): 1}


def test_a_wall_clock_that_jumps_is_noticed_by_whoever_asks(grid: Any, environ: dict[str, str]) -> None:
    """The thread itself sleeps until something is due: nothing wakes a machine at rest to look at the clock."""
    config = configured(grid)
    keeper = Refresher(
        config, registry.build(config, environ, None), None, lambda: grid.now, steady=lambda: 1000.0
    )

    def calls_become(count: int) -> bool:
        for _ in range(200):
            if len(grid.calls) >= count:
                return True
            keeper.current()
            threading.Event().wait(0.05)
        return False

    keeper.start()
    try:
        assert calls_become(1)
        asked = len(grid.calls)
        grid.now += 5
        keeper.current()
        assert len(grid.calls) == asked
        grid.now += 6 * HOUR
        assert calls_become(asked + 1)
    finally:
        keeper.stop()
