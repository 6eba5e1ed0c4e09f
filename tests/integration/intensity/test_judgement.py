"""What an answer says about itself decides, for every provider and everything it is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.config.schema import (
    Annual,
    CarbonIntensityUk,
    Co2Signal,
    ElectricityMaps,
    EnergiDataService,
    IntensityConfig,
    Rte,
    WattTime,
)
from gramwatt_exporter.intensity import registry
from gramwatt_exporter.intensity.checks import checked
from gramwatt_exporter.intensity.failures import Refused, Unavailable
from gramwatt_exporter.intensity.refresher import Refresher
from gramwatt_exporter.model import Aspect, Fetched, IntensityProvider, IntensityState

HOUR = 3600.0
DISCLAIMER = "You are using a token in SANDBOX MODE: the data are deliberately not accurate."

# kind -> zone, settings, and the end of the path of each aspect
PROVIDERS: dict[str, tuple[str, Any, dict[Aspect, str]]] = {
    "electricitymaps": (
        "FR",
        ElectricityMaps,
        {
            "latest": "carbon-intensity/latest",
            "history": "carbon-intensity/history",
            "forecast": "carbon-intensity/forecast",
            "mix": "power-breakdown/latest",
        },
    ),
    "co2signal": ("FR", Co2Signal, {"latest": "carbon-intensity/latest", "history": "history"}),
    "co2signal (old)": ("FR", Co2Signal, {"latest": "/v1/latest"}),
    "carbonintensity-uk": (
        "GB",
        CarbonIntensityUk,
        {"latest": "/intensity", "history": "pt24h", "forecast": "fw48h", "mix": "/generation"},
    ),
    "rte": ("FR", Rte, {"latest": "/records"}),
    "energidataservice": ("DK-DK1", EnergiDataService, {"latest": "CO2Emis", "forecast": "CO2EmisProg"}),
    "watttime": ("US-CAL-CISO", WattTime, {"latest": "/v3/forecast"}),
}
CASES = [(kind, aspect) for kind, (_, _, paths) in PROVIDERS.items() for aspect in paths]


def settings(grid: Any, kind: str, **options: Any) -> Any:
    zone, struct, _ = PROVIDERS[kind]
    grid.zone = zone
    if kind == "watttime":
        options = {"user": "alice", "region": "CAISO_NORTH", **options}
    return struct(base_url=grid.url + ("/v1" if kind == "co2signal (old)" else ""), **options)


def make(grid: Any, environ: dict[str, str], kind: str, **options: Any) -> IntensityProvider:
    config = IntensityConfig(providers=[settings(grid, kind, **options)])
    (provider,) = registry.build(config, environ, None)
    return provider


def fetch(provider: IntensityProvider, grid: Any, aspect: Aspect = "latest") -> Fetched:
    return checked(provider.fetch(aspect, grid.zone, grid.now), grid.zone, grid.now)


def replace(grid: Any, kind: str, aspect: Aspect, status: int, answer: Any) -> None:
    grid.replaced = {PROVIDERS[kind][2][aspect]: (status, answer)}


def failure(provider: IntensityProvider, grid: Any, aspect: Aspect) -> Unavailable | Refused:
    with pytest.raises((Unavailable, Refused)) as caught:
        fetch(provider, grid, aspect)
    error = caught.value
    assert isinstance(error, Unavailable | Refused)
    return error


# --- sandbox answers


@pytest.mark.parametrize(
    "mark",
    [
        {"_disclaimer": DISCLAIMER},
        {"estimationMethod": "SANDBOX_MODE_DATA"},
        {"meta_note": "this is demo data"},
        {"sandbox": True},
        {"rows": [{"estimationMethod": "TEST_DATA"}]},
    ],
)
@pytest.mark.parametrize(("kind", "aspect"), CASES)
def test_sandbox_data_is_refused_with_the_fix(
    grid: Any, environ: dict[str, str], kind: str, aspect: Aspect, mark: dict[str, Any]
) -> None:
    provider = make(grid, environ, kind)
    fetch(provider, grid, aspect)  # without the mark it is used
    replace(grid, kind, aspect, 200, lambda answer: {**answer, **mark})
    error = failure(provider, grid, aspect)
    assert (type(error), error.reason) == (Refused, "sandbox")
    assert "another token" in error.fix
    assert "sandbox" in str(error)


def test_a_mark_in_one_row_of_a_series_is_enough(grid: Any, environ: dict[str, str]) -> None:
    provider = make(grid, environ, "electricitymaps")

    def marked(answer: Any) -> Any:
        rows = [dict(row) for row in answer["history"]]
        rows[7]["estimationMethod"] = "SANDBOX_MODE_DATA"
        return {**answer, "history": rows}

    replace(grid, "electricitymaps", "history", 200, marked)
    assert failure(provider, grid, "history").reason == "sandbox"


def keep(
    grid: Any, environ: dict[str, str], cache: Path | None, *providers: Any, **options: Any
) -> Refresher:
    config = IntensityConfig(zone=grid.zone, providers=[*providers, Annual()], **options)
    return Refresher(config, registry.build(config, environ, cache), cache, lambda: grid.now)


def live(keeper: Refresher, grid: Any, hours: float) -> IntensityState:
    for _ in range(int(hours * 60)):
        keeper.refresh_once(grid.now)
        grid.now += 60
    return keeper.refresh_once(grid.now)


@pytest.mark.parametrize("kind", ["electricitymaps", "co2signal", "co2signal (old)"])
def test_a_sandbox_token_prices_nothing_and_says_so_once(
    grid: Any, environ: dict[str, str], tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    provider = settings(grid, kind)
    for end in PROVIDERS[kind][2].values():
        grid.replaced[end] = (200, lambda answer: {**answer, "_disclaimer": DISCLAIMER})
    state = live(keep(grid, environ, tmp_path, provider), grid, 5)
    assert state.average is not None
    assert state.average.provider == "annual"
    assert (state.forecast, state.history) == ((), ())
    assert set(state.refresh_failures) == {(provider.__struct_config__.tag, "sandbox")}
    said = [record.message for record in caplog.records if "sandbox data" in record.message]
    assert len(said) == 1
    assert "another token" in said[0]
    saved = json.loads((tmp_path / "intensity.json").read_text())
    assert all(not memory["values"] and not memory["forecast"] for memory in saved["slots"].values())


def test_sandbox_history_forecast_and_shares_beside_a_real_value_are_not_used(
    grid: Any, environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    provider = settings(grid, "electricitymaps")
    for aspect, end in PROVIDERS["electricitymaps"][2].items():
        if aspect != "latest":
            grid.replaced[end] = (200, lambda answer: {**answer, "_disclaimer": DISCLAIMER})
    state = live(keep(grid, environ, None, provider), grid, 6)
    assert state.average is not None
    assert (state.average.provider, state.average.renewable_ratio) == ("electricitymaps", None)
    assert state.forecast == ()
    assert len(state.history) <= 7  # the values that were in force, not the 24 h of the answer
    assert state.refresh_failures == {("electricitymaps", "sandbox"): 3}
    assert sum("sandbox data" in record.message for record in caplog.records) == 3


def test_a_cache_written_with_sandbox_data_is_not_restored(
    grid: Any, environ: dict[str, str], tmp_path: Path
) -> None:
    provider = settings(grid, "electricitymaps")
    live(keep(grid, environ, tmp_path, provider), grid, 3)
    file = tmp_path / "intensity.json"
    saved = json.loads(file.read_text())
    (memory,) = saved["slots"].values()
    memory["values"][0]["estimation"] = "SANDBOX_MODE_DATA"
    file.write_text(json.dumps(saved))
    state = keep(grid, environ, tmp_path, provider).current()
    assert state.average is not None
    assert state.average.provider == "annual"
    assert (state.forecast, state.history) == ((), ())


# --- errors by their text

NO_DATA = 'No recent data for zone "US-MIDW-MISO"'


@pytest.mark.parametrize("status", [200, 400, 404, 422, 500])
@pytest.mark.parametrize("key", ["error", "message", "detail"])
@pytest.mark.parametrize(("kind", "aspect"), CASES)
def test_no_data_just_now_is_no_fault_of_anybody(
    grid: Any, environ: dict[str, str], kind: str, aspect: Aspect, status: int, key: str
) -> None:
    provider = make(grid, environ, kind)
    replace(grid, kind, aspect, status, {key: NO_DATA})
    error = failure(provider, grid, aspect)
    assert (type(error), error.reason) == (Unavailable, "no_value")
    assert error.fix == ""
    assert NO_DATA in str(error)


@pytest.mark.parametrize(
    ("status", "answer", "reason"),
    [
        (404, {"error": "Zone 'FR' does not exist."}, "unknown_zone"),
        (400, {"message": "Invalid zone"}, "unknown_zone"),
        (200, {"error": "Unknown zone FR"}, "unknown_zone"),
        (404, {"message": "Not Found"}, "no_such_route"),
        (404, b"<html><title>404 Not Found</title>", "no_such_route"),
        (404, b"404 page not found", "no_such_route"),
        (404, {}, "no_such_route"),
        (410, {"message": "this version is gone"}, "no_such_route"),
        (200, {"error": "Invalid auth-token"}, "unauthorized"),
        (400, {"error": "Invalid auth-token"}, "unauthorized"),
        (404, {"error": "Request unauthorized for zoneKey=FR"}, "unauthorized"),
        (403, b"Access denied", "unauthorized"),
        (402, {}, "unauthorized"),
        (401, {"message": "API rate limit exceeded"}, "rate_limited"),
        (403, {"statusCode": 403, "message": "Out of call volume quota."}, "rate_limited"),
        (200, {"error": {"message": "Too many requests"}}, "rate_limited"),
        (503, {"message": "Rate limit is exceeded"}, "rate_limited"),
        (401, {"error": NO_DATA}, "no_value"),
        (204, b"", "no_value"),
        (403, {"message": "This token is for the sandbox only"}, "sandbox"),
        (503, {"message": "Service temporarily unavailable"}, "server_error"),
        (400, {"error": "Bad Request"}, "bad_answer"),
        (200, {"status": "error", "message": "Oops"}, "bad_answer"),
        (200, {"error": True}, "bad_answer"),
    ],
)
@pytest.mark.parametrize("kind", ["electricitymaps", "co2signal (old)"])
def test_an_error_is_read_by_its_text(
    grid: Any, environ: dict[str, str], kind: str, status: int, answer: Any, reason: str
) -> None:
    provider = make(grid, environ, kind)
    replace(grid, kind, "latest", status, answer)
    error = failure(provider, grid, "latest")
    assert error.reason == reason
    fixes = {
        "unknown_zone": "set intensity.zone",
        "no_such_route": "base_url",
        "unauthorized": "check the token",
        "sandbox": "another token",
    }
    assert fixes.get(reason, "") in error.fix
    if reason == "no_such_route":
        assert f"{grid.url}/v" in str(error)


@pytest.mark.parametrize("kind", ["carbonintensity-uk", "rte", "energidataservice"])
def test_an_open_api_that_moved_is_a_wrong_address(grid: Any, environ: dict[str, str], kind: str) -> None:
    provider = make(grid, environ, kind)
    replace(grid, kind, "latest", 404, {"message": "The requested dataset does not exist."})
    error = failure(provider, grid, "latest")
    assert error.reason == "no_such_route"
    assert "base_url" in error.fix


def test_a_region_watttime_does_not_know_names_its_setting(grid: Any, environ: dict[str, str]) -> None:
    provider = make(grid, environ, "watttime")
    replace(grid, "watttime", "latest", 400, {"error": "Invalid region", "message": "Region not found"})
    error = failure(provider, grid, "latest")
    assert error.reason == "unknown_zone"
    assert "region of the watttime provider" in error.fix


def test_a_login_that_ran_out_early_is_made_anew_at_the_usual_pace(
    grid: Any, environ: dict[str, str]
) -> None:
    provider = make(grid, environ, "watttime")
    fetch(provider, grid)
    grid.now += 600
    replace(grid, "watttime", "latest", 401, {"error": "Invalid token"})
    first, second = (failure(provider, grid, "latest") for _ in range(2))
    assert (type(first), first.reason) == (Unavailable, "unauthorized")
    assert (type(second), second.reason) == (Refused, "unauthorized")  # a fresh login is refused as well
    grid.replaced = {}
    assert fetch(provider, grid).values


def test_words_are_shown_without_the_secret_and_a_short_one_does_not_hide_them(grid: Any) -> None:
    environ = {"GRAMWATT_ELECTRICITYMAPS_TOKEN": "t"}
    provider = make(grid, environ, "electricitymaps")
    replace(grid, "electricitymaps", "latest", 404, {"error": f"{NO_DATA}, token t"})
    text = str(failure(provider, grid, "latest"))
    assert "token" in text
    assert "***" in text


def test_a_user_and_password_in_base_url_are_not_shown(grid: Any, environ: dict[str, str]) -> None:
    address = grid.url.replace("http://", "http://alice:hunter2@")
    (provider,) = registry.build(IntensityConfig(providers=[Rte(base_url=address)]), environ, None)
    replace(grid, "rte", "latest", 404, {})
    assert "hunter2" not in str(failure(provider, grid, "latest"))


def test_a_gap_in_the_data_is_asked_about_at_the_usual_pace_and_the_last_value_stays(
    grid: Any, environ: dict[str, str]
) -> None:
    keeper = keep(grid, environ, None, settings(grid, "electricitymaps"))
    before = keeper.refresh_once(grid.now).average
    grid.replaced = {"": (404, {"error": NO_DATA})}
    calls = len(grid.calls)
    state = live(keeper, grid, 5)
    assert state.average is not None
    assert before is not None
    assert (state.average.provider, state.average.at) == ("electricitymaps", before.at)
    assert 5 * 60 / 12 <= len(grid.calls) - calls <= 5 * 60 / 10 + 1
    assert set(state.refresh_failures) == {("electricitymaps", "no_value")}
    grid.replaced = {}
    after = live(keeper, grid, 0.25).average
    assert after is not None
    assert after.at > before.at


@pytest.mark.parametrize("words", ["Try again in 7200 seconds.", "Quota will be replenished in 02:00:00."])
def test_a_wait_that_only_the_words_ask_for_is_kept_to(
    grid: Any, environ: dict[str, str], words: str
) -> None:
    keeper = keep(grid, environ, None, settings(grid, "electricitymaps"))
    grid.replaced = {"": (403, {"message": f"Rate limit is exceeded. {words}"})}
    live(keeper, grid, 4)
    first, second, *_ = grid.calls
    assert 7200 <= second.at - first.at <= 7200 * 1.1 + 60


# --- values


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

    nothing_else = {"history": (404, {}), "forecast": (404, {}), "breakdown/latest": (404, {})}
    grid.replaced = {**nothing_else, "intensity/latest": (200, told(around))}
    keeper.refresh_once(grid.now)
    grid.now += HOUR
    grid.replaced = {**nothing_else, "intensity/latest": (200, told(0))}
    value = live(keeper, grid, 0.5).average
    assert value is not None
    assert value.provider == "electricitymaps"
    assert value.grams_per_kilowatt_hour == (0 if believed else around)


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


def test_values_of_days_ago_are_called_that(grid: Any, environ: dict[str, str]) -> None:
    keeper = keep(grid, environ, None, settings(grid, "electricitymaps"))
    replace(grid, "electricitymaps", "latest", 200, lambda a: {**a, "datetime": "2026-02-27T12:00:00.000Z"})
    state = keeper.refresh_once(grid.now)
    assert state.refresh_failures == {("electricitymaps", "stale"): 1}
    assert "3 days old" in keeper.providers()[0].problem
