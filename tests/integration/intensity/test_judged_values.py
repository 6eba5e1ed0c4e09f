"""Values, forecasts and shares that cannot be true are no values: zeros, units, doubles, wrong clocks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from gramwatt_exporter.config.schema import IntensityConfig
from gramwatt_exporter.intensity import registry
from gramwatt_exporter.intensity.providers.failures import Unavailable
from gramwatt_exporter.intensity.refresher import Refresher
from gramwatt_exporter.model import Aspect
from grid_providers import HOUR, failure, fetch, keep, live, make, replace, settings


def test_a_life_cycle_zero_leaves_the_yearly_average_in_force(grid: Any, environ: dict[str, str]) -> None:
    keeper = keep(grid, environ, None, settings(grid, "electricitymaps"))
    replace(grid, "electricitymaps", "latest", 200, lambda answer: {**answer, "carbonIntensity": 0})
    state = keeper.refresh_once(grid.now)
    assert state.average is not None
    assert state.average.provider == "annual"
    assert state.refresh_failures == {("electricitymaps", "implausible"): 1}


@pytest.mark.parametrize(("around", "believed"), [(6, True), (600, False)])
def test_a_direct_zero_is_believed_where_the_hours_before_it_were_small(
    grid: Any, environ: dict[str, str], around: int, believed: bool
) -> None:
    keeper = keep(grid, environ, None, settings(grid, "electricitymaps", factor="direct"))

    def told(amount: int) -> Any:
        return lambda answer: {**answer, "carbonIntensity": amount, "emissionFactorType": "direct"}

    nothing_else: dict[str, tuple[int, Any]] = {
        "history": (404, {}),
        "forecast": (404, {}),
        "breakdown/latest": (404, {}),
    }
    grid.replaced = {**nothing_else, "intensity/latest": (200, told(around))}
    keeper.refresh_once(grid.now)
    grid.now += HOUR
    grid.replaced = {**nothing_else, "intensity/latest": (200, told(0))}
    value = live(keeper, grid, 0.5).average
    assert value is not None
    assert value.provider == "electricitymaps"
    assert value.grams_per_kilowatt_hour == (0 if believed else around)


def test_a_first_answer_of_zero_is_not_believed_of_britain(grid: Any, environ: dict[str, str]) -> None:
    keeper = keep(grid, environ, None, settings(grid, "carbonintensity-uk"))
    replace(grid, "carbonintensity-uk", "latest", 200, lambda a: half_hour(a, forecast=0, actual=None))
    state = keeper.refresh_once(grid.now)
    assert state.refresh_failures == {("carbonintensity-uk", "implausible"): 1}
    assert state.average is not None
    assert state.average.provider == "annual"


def test_a_zero_that_was_believed_leaves_when_the_history_speaks_against_it(
    grid: Any, environ: dict[str, str]
) -> None:
    keeper = keep(grid, environ, None, settings(grid, "electricitymaps", factor="direct"))  # FR: 56 a year

    def direct(answer: Any) -> Any:
        return {**answer, "history": [{**row, "emissionFactorType": "direct"} for row in answer["history"]]}

    nothing_else: dict[str, tuple[int, Any]] = {"forecast": (404, {}), "breakdown/latest": (404, {})}
    zero = {"carbonIntensity": 0, "emissionFactorType": "direct"}
    grid.replaced = {
        **nothing_else,
        "intensity/latest": (200, lambda answer: {**answer, **zero}),
        "history": (200, direct),
    }
    first = keeper.refresh_once(grid.now).average
    assert first is not None
    assert first.grams_per_kilowatt_hour == 0
    value = live(keeper, grid, 0.25).average
    assert value is not None
    assert value.grams_per_kilowatt_hour > 100


@pytest.mark.parametrize("kind", ["electricitymaps", "carbonintensity-uk", "energidataservice"])
def test_zero_placeholders_at_the_end_of_a_forecast_are_cut_off(
    grid: Any, environ: dict[str, str], kind: str
) -> None:
    provider = make(grid, environ, kind)
    whole = fetch(provider, grid, "forecast").forecast

    def ended(value: Any) -> Any:
        if isinstance(value, list) and len(value) > 10:
            return [*value[:-6], *(zeroed(row) for row in value[-6:])]
        return {key: ended(item) for key, item in value.items()} if isinstance(value, dict) else value

    def zeroed(row: Any) -> Any:
        amounts = ("carbonIntensity", "forecast", "CO2Emission")
        return {
            key: zeroed(item) if isinstance(item, dict) else 0 if key in amounts else item
            for key, item in row.items()
        }

    replace(grid, kind, "forecast", 200, ended)
    assert fetch(provider, grid, "forecast").forecast == whole[:-6]


def test_five_minute_zeros_of_denmark_are_no_values(grid: Any, environ: dict[str, str]) -> None:
    provider = make(grid, environ, "energidataservice")
    newest = fetch(provider, grid).values[-1].at

    def ended(answer: Any) -> Any:
        rows = answer["records"]
        return {**answer, "records": [{**row, "CO2Emission": 0} for row in rows[:3]] + rows[3:]}

    replace(grid, "energidataservice", "latest", 200, ended)
    assert fetch(provider, grid).values[-1].at == newest - 3 * 300


def half_hour(answer: Any, **told: Any) -> Any:
    row = answer["data"][-1]
    return {**answer, "data": [{**row, "intensity": {**row["intensity"], **told}}]}


@pytest.mark.parametrize(
    ("told", "grams", "method"),
    [
        ({"forecast": 125, "actual": 118}, 118, "measured"),
        ({"forecast": 125, "actual": None}, 125, "estimated"),
        ({"forecast": 125, "actual": 0}, 125, "estimated"),  # a placeholder
        ({"forecast": 125, "actual": -3}, 125, "estimated"),
        ({"forecast": 125, "actual": 10**9}, 125, "estimated"),
        ({"forecast": 8, "actual": 0}, 0, "measured"),
        ({"forecast": None, "actual": 118}, 118, "measured"),
    ],
)
def test_what_britain_measured_counts_where_it_can_be_true(
    grid: Any, environ: dict[str, str], told: dict[str, Any], grams: float, method: str
) -> None:
    provider = make(grid, environ, "carbonintensity-uk")
    replace(grid, "carbonintensity-uk", "latest", 200, lambda answer: half_hour(answer, **told))
    value = fetch(provider, grid).values[-1]
    assert (value.grams_per_kilowatt_hour, value.method) == (grams, method)


@pytest.mark.parametrize("order", [1, -1])
def test_a_measured_row_wins_over_a_forecast_row_for_the_same_half_hour(
    grid: Any, environ: dict[str, str], order: int
) -> None:
    provider = make(grid, environ, "carbonintensity-uk")

    def twice(answer: Any) -> Any:
        rows = [half_hour(answer, forecast=125, actual=actual)["data"][0] for actual in (118, None)]
        return {"data": rows[::order]}

    replace(grid, "carbonintensity-uk", "history", 200, twice)
    (value,) = fetch(provider, grid, "history").values
    assert (value.grams_per_kilowatt_hour, value.method) == (118, "measured")


def test_a_later_forecast_does_not_replace_what_was_measured(grid: Any, environ: dict[str, str]) -> None:
    keeper = keep(grid, environ, None, settings(grid, "carbonintensity-uk"))
    replace(grid, "carbonintensity-uk", "latest", 200, lambda a: half_hour(a, forecast=125, actual=118))
    keeper.refresh_once(grid.now)
    grid.now += 11 * 60
    replace(grid, "carbonintensity-uk", "latest", 200, lambda a: half_hour(a, forecast=130, actual=None))
    value = keeper.refresh_once(grid.now).average
    assert value is not None
    assert (value.grams_per_kilowatt_hour, value.method) == (118, "measured")


def test_an_estimate_without_its_flag_is_known_by_its_method(grid: Any, environ: dict[str, str]) -> None:
    provider = make(grid, environ, "electricitymaps")
    replace(grid, "electricitymaps", "latest", 200, lambda a: {**a, "isEstimated": None})
    assert fetch(provider, grid).values[0].method == "estimated"


@pytest.mark.parametrize("unit", ["kgCO2eq/kWh", "lbs/MWh"])
@pytest.mark.parametrize("aspect", ["latest", "history", "forecast"])
def test_an_answer_in_another_unit_is_refused(
    grid: Any, environ: dict[str, str], aspect: Aspect, unit: str
) -> None:
    provider = make(grid, environ, "electricitymaps")
    replace(grid, "electricitymaps", aspect, 200, lambda answer: {**answer, "unit": "gCO2eq/kWh"})
    fetch(provider, grid, aspect)
    replace(grid, "electricitymaps", aspect, 200, lambda answer: {**answer, "unit": unit})
    assert "g/kWh is expected" in failure(provider, grid, aspect).fix


@pytest.mark.parametrize("unit", ["kgCO2eq/kWh", "lbs/MWh"])
@pytest.mark.parametrize("aspect", ["latest", "history", "forecast"])
def test_a_row_says_its_own_unit_and_zone(
    grid: Any, environ: dict[str, str], aspect: Aspect, unit: str
) -> None:
    """The answer around it is silent, or of the unit that is expected."""
    provider = make(grid, environ, "electricitymaps")

    def each(wrong: dict[str, str]) -> Callable[[Any], Any]:
        def spoiled(answer: Any) -> Any:
            if aspect == "latest":
                return {"zone": answer["zone"], "unit": "gCO2eq/kWh", "data": {**answer, **wrong}}
            return {**answer, aspect: [{**row, **wrong} for row in answer[aspect]]}

        return spoiled

    replace(grid, "electricitymaps", aspect, 200, each({}))
    fetch(provider, grid, aspect)
    replace(grid, "electricitymaps", aspect, 200, each({"unit": unit}))
    assert "g/kWh is expected" in failure(provider, grid, aspect).fix
    replace(grid, "electricitymaps", aspect, 200, each({"zone": "PL"}))
    assert failure(provider, grid, aspect).reason == "wrong_zone"


def test_the_old_answer_says_its_unit_beside_its_value(grid: Any, environ: dict[str, str]) -> None:
    provider = make(grid, environ, "co2signal (old)")
    replace(
        grid, "co2signal (old)", "latest", 200, lambda a: {**a, "data": {**a["data"], "unit": "kgCO2eq/kWh"}}
    )
    assert "g/kWh is expected" in failure(provider, grid, "latest").fix


def test_a_forecast_made_hours_ago_is_as_old_as_that(grid: Any, environ: dict[str, str]) -> None:
    """Its steps go on for a day, and the one in force is minutes old."""
    provider = make(grid, environ, "watttime")

    def made(hours: float) -> float:
        meta = {"generated_at": datetime.fromtimestamp(grid.now - hours * 3600, UTC).isoformat()}
        replace(grid, "watttime", "latest", 200, lambda a: {**a, "meta": {**a["meta"], **meta}})
        return float(grid.now - fetch(provider, grid).values[0].at)

    assert made(0) < 300
    assert made(5) == pytest.approx(5 * 3600)


def test_another_signal_is_no_intensity(grid: Any, environ: dict[str, str]) -> None:
    provider = make(grid, environ, "watttime")
    meta = {"signal_type": "health_damage"}
    replace(grid, "watttime", "latest", 200, lambda a: {**a, "meta": {**a["meta"], **meta}})
    assert failure(provider, grid, "latest").reason == "bad_answer"


@pytest.mark.parametrize(
    "shares",
    [
        {"renewablePercentage": 0.31, "fossilFreePercentage": 0.94},  # ratios
        {"renewablePercentage": 131, "fossilFreePercentage": 94},
        {"renewablePercentage": 80, "fossilFreePercentage": 40},
        {"renewablePercentage": -1, "fossilFreePercentage": 94},
    ],
)
def test_shares_that_cannot_be_are_refused(
    grid: Any, environ: dict[str, str], shares: dict[str, float]
) -> None:
    provider = make(grid, environ, "electricitymaps")
    replace(grid, "electricitymaps", "mix", 200, lambda answer: {**answer, **shares})
    assert failure(provider, grid, "mix").reason == "implausible"


@pytest.mark.parametrize(("extra", "refused"), [(0.4, False), (30.0, True), (-60.0, True)])
def test_a_generation_mix_sums_to_a_hundred_percent(
    grid: Any, environ: dict[str, str], extra: float, refused: bool
) -> None:
    provider = make(grid, environ, "carbonintensity-uk")

    def changed(answer: Any) -> Any:
        mix = [
            {**row, "perc": row["perc"] + extra} if row["fuel"] == "gas" else row
            for row in answer["data"]["generationmix"]
        ]
        return {"data": {**answer["data"], "generationmix": mix}}

    replace(grid, "carbonintensity-uk", "mix", 200, changed)
    if refused:
        assert failure(provider, grid, "mix").reason == "implausible"
    else:
        assert fetch(provider, grid, "mix").mix is not None


# --- clocks


@pytest.mark.parametrize(
    ("off", "told"),
    [(-5 * HOUR, "5.0 h behind"), (8 * HOUR, "8.0 h ahead of"), (3 * 86400, "3 days ahead of")],
)
def test_a_wrong_clock_of_this_machine_is_named_by_how_much(
    grid: Any, environ: dict[str, str], off: float, told: str
) -> None:
    grid.date = grid.now
    true = grid.now
    config = IntensityConfig(zone="FR", providers=[settings(grid, "electricitymaps")])
    keeper = Refresher(config, registry.build(config, environ, None), None, lambda: true + off)
    state = keeper.refresh_once(true + off)
    assert state.average is None
    assert told in state.message
    assert "timedatectl" in state.message


def test_a_provider_with_the_wrong_time_is_not_blamed_on_this_machine(
    grid: Any, environ: dict[str, str]
) -> None:
    grid.date = grid.now
    grid.fault = "future"
    config = IntensityConfig(zone="FR", providers=[settings(grid, "electricitymaps")])
    keeper = Refresher(config, registry.build(config, environ, None), None, lambda: grid.now)
    state = keeper.refresh_once(grid.now)
    assert "agree" in state.message
    assert "24.0 h ahead" in state.message


@pytest.mark.parametrize("off", [-5 * HOUR, 5 * HOUR])
def test_a_wait_until_a_date_holds_whatever_this_machines_clock_says(
    grid: Any, environ: dict[str, str], off: float
) -> None:
    grid.date = grid.now
    grid.fault, grid.retry_after = "429", "Mon, 02 Mar 2026 12:11:30 GMT"
    provider = make(grid, environ, "co2signal")
    with pytest.raises(Unavailable) as caught:
        provider.fetch("latest", "FR", grid.now + off)
    assert caught.value.retry_after == 90.0


def test_values_of_days_ago_are_called_that_once(
    grid: Any, environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    keeper = keep(grid, environ, None, settings(grid, "electricitymaps"))
    replace(grid, "electricitymaps", "latest", 200, lambda a: {**a, "datetime": "2026-02-27T12:00:00.000Z"})
    state = keeper.refresh_once(grid.now)
    assert state.refresh_failures == {("electricitymaps", "stale"): 1}
    assert "3 days old" in keeper.providers()[0].problem
    live(keeper, grid, 12)
    assert sum("intensity.max_age" in record.getMessage() for record in caplog.records) == 1


def test_the_hour_that_comes_twice_in_autumn_is_two_hours(grid: Any, environ: dict[str, str]) -> None:
    provider = make(grid, environ, "rte")
    grid.now = datetime(2026, 10, 25, 2, 0, tzinfo=UTC).timestamp()
    times = {
        "2026-10-25T02:30:00+02:00": 31,
        "2026-10-25T02:30:00+01:00": 32,
        "2026-10-25T02:45:00+02:00": 33,
    }

    def doubled(answer: Any) -> Any:
        row = answer["results"][0]
        return {"results": [{**row, "date_heure": at, "taux_co2": grams} for at, grams in times.items()]}

    replace(grid, "rte", "latest", 200, doubled)
    assert [value.grams_per_kilowatt_hour for value in fetch(provider, grid).values] == [31, 33, 32]
