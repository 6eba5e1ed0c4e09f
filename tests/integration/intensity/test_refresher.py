"""The refresher against a real server in virtual time: the chain, the quota, restarts, clocks, the cache."""

from __future__ import annotations

import collections
import itertools
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.config.scalars import Duration
from gramwatt_exporter.config.schema import (
    Annual,
    Co2Signal,
    ElectricityMaps,
    IntensityConfig,
    WattTime,
)
from gramwatt_exporter.intensity import registry
from gramwatt_exporter.intensity.revisions import Revisions
from gramwatt_exporter.units import milligrams_per_kilowatt_hour
from refreshing import DAY, HOUR, busiest_hour, configured, live, started
from thorough import first, spread


def test_a_live_value_takes_over_and_says_everything_about_itself(grid: Any, environ: dict[str, str]) -> None:
    keeper = started(grid, environ)
    before = keeper.current().average
    assert before is not None
    assert before.provider == "annual"
    value = keeper.refresh_once(grid.now).average
    assert value is not None
    assert (value.zone, value.provider, value.basis, value.method) == (
        "FR",
        "co2signal",
        "average",
        "estimated",
    )
    assert value.estimation == "TIME_SLICER_AVERAGE"


@pytest.mark.parametrize(
    ("refresh", "kind"), spread([1.0, 60.0, 150.0, 600.0, 3600.0], [Co2Signal, ElectricityMaps])
)
def test_a_day_never_exceeds_the_free_tier(
    grid: Any, environ: dict[str, str], kind: Any, refresh: float
) -> None:
    keeper = started(grid, environ, configured(grid, kind(base_url=grid.url), refresh=Duration(refresh)))
    live(keeper, grid, DAY)
    assert busiest_hour(grid) <= 24
    assert len(grid.calls) <= DAY / refresh + 1
    assert len(grid.calls) >= min(DAY / refresh, 24 * 24) * 0.8


def test_one_token_in_two_providers_shares_one_quota(grid: Any, environ: dict[str, str]) -> None:
    grid.fault = "500"
    both = (Co2Signal(base_url=grid.url), ElectricityMaps(base_url=grid.url))
    live(started(grid, environ, configured(grid, *both, refresh=Duration(60))), grid, DAY / 2)
    assert busiest_hour(grid) <= 24


@pytest.mark.parametrize("restarts", first([110, 400]))  # in two hours, in eight
def test_restarting_all_day_never_exceeds_the_free_tier(
    grid: Any, environ: dict[str, str], tmp_path: Path, restarts: int
) -> None:
    config = configured(grid, refresh=Duration(60))
    for _ in range(restarts):
        started(grid, environ, config, tmp_path).refresh_once(grid.now)
        grid.now += 70
    assert busiest_hour(grid) <= 24


def test_every_aspect_gets_its_turn_one_call_at_a_time(grid: Any, environ: dict[str, str]) -> None:
    keeper = started(grid, environ, configured(grid, ElectricityMaps(base_url=grid.url)))
    state = live(keeper, grid, 2 * HOUR)
    paths = [call.path.partition("/v3/")[2] for call in grid.calls]
    assert paths[0] == "carbon-intensity/latest"
    assert set(paths) == {
        "carbon-intensity/latest",
        "carbon-intensity/history",
        "carbon-intensity/forecast",
        "power-breakdown/latest",
    }
    assert paths.count("carbon-intensity/latest") >= len(paths) / 2
    assert all(later.at - earlier.at >= 600 for earlier, later in itertools.pairwise(grid.calls))
    assert len(state.history) >= 24
    assert state.forecast[0].at <= grid.now
    assert state.average is not None
    assert (state.average.renewable_ratio, state.average.fossil_ratio) == (0.31, pytest.approx(0.06))


def test_a_plan_without_forecasts_is_no_failure(grid: Any, environ: dict[str, str]) -> None:
    grid.forecasts = False
    keeper = started(grid, environ, configured(grid, ElectricityMaps(base_url=grid.url)))
    state = live(keeper, grid, DAY)
    assert state.forecast == ()
    assert dict(state.refresh_failures) == {}
    assert sum(call.path.endswith("forecast") for call in grid.calls) == 1


def test_the_value_is_kept_until_max_age_then_the_next_source_is_named(
    grid: Any, environ: dict[str, str]
) -> None:
    keeper = started(grid, environ)
    first = live(keeper, grid, 600).average
    assert first is not None
    grid.fault = "500"
    since = grid.now
    while True:
        value = live(keeper, grid, 300).average
        assert value is not None
        age = grid.now - value.at
        if value.provider != "co2signal":
            break
        assert age <= 6 * HOUR
        assert value.at == first.at  # the age grows, nothing pretends to be new
    assert value.provider == "annual"
    assert 5 * HOUR < grid.now - since < 7 * HOUR
    grid.fault = None
    value = live(keeper, grid, 2 * HOUR).average
    assert value is not None
    assert value.provider == "co2signal"


def test_failures_are_counted_by_reason_and_calls_become_rare(grid: Any, environ: dict[str, str]) -> None:
    grid.fault = "500"
    keeper = started(grid, environ)
    state = live(keeper, grid, DAY)
    assert state.refresh_failures == {("co2signal", "server_error"): len(grid.calls)}
    assert len(grid.calls) < 30
    gaps = [later.at - earlier.at for earlier, later in itertools.pairwise(grid.calls)]
    assert gaps[0] < gaps[1] < gaps[2]
    assert max(gaps) <= HOUR * 1.1 + 30


def test_delays_are_stretched_by_chance_never_shortened(grid: Any, environ: dict[str, str]) -> None:
    live(started(grid, environ), grid, 6 * HOUR, step=1.0)
    gaps = [later.at - earlier.at for earlier, later in itertools.pairwise(grid.calls)]
    assert len(set(gaps)) > 5
    assert min(gaps) >= 600
    assert max(gaps) <= 661


def test_retry_after_is_honoured_across_a_restart(grid: Any, environ: dict[str, str], tmp_path: Path) -> None:
    grid.fault, grid.retry_after = "429", "7200"
    live(started(grid, environ, cache=tmp_path), grid, 600)
    grid.fault = None
    live(started(grid, environ, cache=tmp_path), grid, 3 * HOUR)
    first, second, *_ = grid.calls
    assert 7200 <= second.at - first.at <= 7200 * 1.1 + 30


def test_a_refused_token_is_said_once_without_the_token(
    grid: Any, environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    grid.fault = "401"
    state = live(
        started(grid, environ, IntensityConfig(zone="FR", providers=[Co2Signal(base_url=grid.url)])),
        grid,
        DAY,
    )
    assert len(grid.calls) <= 25
    assert state.average is None
    assert "check the token" in state.message
    refusals = [record for record in caplog.records if "from co2signal" in record.message]
    assert len(refusals) == 1
    assert environ["GRAMWATT_CO2SIGNAL_TOKEN"] not in caplog.text + state.message


def test_a_later_provider_is_asked_only_while_the_first_has_nothing(
    grid: Any, environ: dict[str, str]
) -> None:
    config = configured(grid, Co2Signal(base_url=f"{grid.url}/v1"), ElectricityMaps(base_url=grid.url))
    keeper = started(grid, environ, config)
    live(keeper, grid, 2 * HOUR)
    assert {call.path for call in grid.calls} == {"/v1/latest"}
    grid.fault = "null"
    live(keeper, grid, 7 * HOUR)
    assert any(call.path.startswith("/v3") for call in grid.calls)


@pytest.mark.parametrize(
    ("variable", "kinds"),
    [
        ("GRAMWATT_CO2SIGNAL_TOKEN", ["co2signal", "annual"]),
        ("GRAMWATT_ELECTRICITYMAPS_TOKEN", ["electricitymaps", "annual"]),
        ("GRAMWATT_OTHER", ["annual"]),
    ],
)
def test_a_token_in_the_environment_is_enough_unless_providers_are_listed(
    variable: str, kinds: list[str]
) -> None:
    def built(config: IntensityConfig, token: str) -> list[str]:
        return [provider.kind for provider in registry.build(config, {variable: token}, None)]

    assert built(IntensityConfig(zone="FR"), "some-token") == kinds
    assert built(IntensityConfig(zone="FR"), " ") == ["annual"]
    assert built(IntensityConfig(zone="FR", providers=[Annual()]), "some-token") == ["annual"]


def test_a_provider_behind_the_yearly_average_is_said_to_be_useless(
    grid: Any, environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    started(grid, environ, IntensityConfig(zone="FR", providers=[Annual(), Co2Signal(base_url=grid.url)]))
    assert "after annual are asked only for zones it does not know: co2signal" in caplog.text


def test_marginal_never_stands_in_for_average(grid: Any, environ: dict[str, str]) -> None:
    watttime = WattTime(user="alice", region="CAISO_NORTH", base_url=grid.url)
    state = live(started(grid, environ, IntensityConfig(zone="FR", providers=[watttime])), grid, 600)
    assert state.average is None
    assert state.forecast == ()
    assert state.marginal is not None
    assert state.marginal.basis == "marginal"
    assert state.marginal_forecast[0].at <= grid.now
    assert len(state.marginal_forecast) >= 286
    both = live(started(grid, environ, configured(grid, watttime)), grid, 600)
    assert both.average is not None
    assert both.marginal is not None
    assert (both.average.provider, both.marginal.provider) == ("annual", "watttime")


def test_the_thread_refreshes_and_ends(grid: Any, environ: dict[str, str]) -> None:
    keeper = started(grid, environ)
    keeper.start()
    try:
        for _ in range(200):
            value = keeper.current().average
            if value is not None and value.provider == "co2signal":
                break
            threading.Event().wait(0.05)
        assert value is not None
        assert value.provider == "co2signal"
    finally:
        keeper.stop()
    assert "intensity" not in {thread.name for thread in threading.enumerate()}


def test_a_reader_never_waits_for_a_provider_that_hangs(grid: Any, environ: dict[str, str]) -> None:
    grid.fault = "silence"
    keeper = started(grid, environ)
    keeper.start()
    for _ in range(200):
        if grid.calls:
            break
        threading.Event().wait(0.05)
    assert grid.calls  # the call hangs in the server now
    value = keeper.current().average
    assert value is not None
    assert value.provider == "annual"
    grid.closing.set()
    keeper.stop(timeout=10)


FAULTS = (
    None, "null", "401", "429", "500", None, "truncated", "html", "wrong_zone", "future", "huge", "redirect", None,
    "hang_up", "text", "empty", "endless",
)  # fmt: skip


def test_a_week_with_a_faulty_provider_names_the_source_of_every_gram(
    grid: Any, environ: dict[str, str], tmp_path: Path
) -> None:
    """A tick a minute, 60 J each; the fault changes every 5 hours, the exporter restarts every day.

    The total, by source, is exact; and total plus revision is the total priced with what became known.
    """
    grid.retry_after = "900"
    start = grid.now
    grid.fault = lambda now: FAULTS[int((now - start) // (5 * HOUR)) % len(FAULTS)]
    config = configured(grid, max_age=Duration(2 * HOUR))
    energy, total, by_source = 60_000_000, 0, collections.Counter[tuple[str, str]]()
    sources: list[str] = []
    used: list[tuple[float, int]] = []  # hour, mg/kWh
    known: dict[float, int] = {}  # mg/kWh by hour, as last told
    revisions = Revisions()
    while grid.now < start + 7 * DAY:
        if (grid.now - start) % DAY == 0:
            keeper = started(grid, environ, config, tmp_path)
            saved = json.loads(json.dumps(revisions.state()))
            revisions = Revisions()
            revisions.restore(saved)
        keeper.refresh_once(grid.now)
        state = keeper.current()
        value = state.average
        assert value is not None
        assert value.zone == "FR"
        assert 0 <= value.grams_per_kilowatt_hour <= 2000
        assert value.at <= grid.now
        assert value.provider == "annual" or grid.now - value.at <= 2 * HOUR
        price = milligrams_per_kilowatt_hour(value.grams_per_kilowatt_hour)
        revisions.book(value, energy, grid.now)
        revisions.observe(state.history, grid.now)
        known |= {
            past.at: milligrams_per_kilowatt_hour(past.grams_per_kilowatt_hour) for past in state.history
        }
        used.append((grid.now // HOUR * HOUR, price))
        total += energy * price
        by_source[value.provider, value.method] += energy * price
        sources.append(value.provider)
        grid.now += 60
    assert sum(by_source.values()) == total
    assert {provider for provider, _ in by_source} == {"co2signal", "annual"}
    assert all(method in ("measured", "estimated", "annual") for _, method in by_source)
    assert busiest_hour(grid) <= 24
    switches = sum(1 for earlier, later in itertools.pairwise(sources) if earlier != later)
    assert 2 <= switches <= 2 * 7 * DAY / (5 * HOUR)
    revision = revisions.emission_units()["FR"]
    assert revision != 0
    assert total + revision == sum(energy * known.get(hour, price) for hour, price in used)
