"""An error is read by its text, whatever its status, for every provider and everything it is asked for."""

from __future__ import annotations

from typing import Any

import pytest
from gramwatt_exporter.config.schema import IntensityConfig, Rte
from gramwatt_exporter.intensity import registry
from gramwatt_exporter.intensity.providers.failures import Refused, Unavailable
from gramwatt_exporter.model import Aspect
from grid_providers import JSON_CASES, failure, fetch, keep, live, make, replace, settings

NO_DATA = 'No recent data for zone "US-MIDW-MISO"'


@pytest.mark.parametrize(
    ("status", "key"),
    [(200, "error"), (200, "message"), (400, "message"), (404, "error"), (422, "detail"), (500, "error")],
)
@pytest.mark.parametrize(("kind", "aspect"), JSON_CASES)
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
        (404, {"error": "We could not find any recent data for zone 'FR'"}, "no_value"),
        (404, {"error": "Could not retrieve carbon intensity for zone FR"}, "no_value"),
        (404, {"error": "No observations for zone FR"}, "no_value"),
        (404, {"error": "Pas de données récentes pour la zone FR"}, "no_value"),
        (404, '{"error": "données indisponibles"}'.encode("latin-1"), "no_value"),
        (404, {"error": "Kein Wert für diese Zone verfügbar"}, "no_value"),
        (404, {"error": "No hay datos recientes para la zona FR"}, "no_value"),
        (404, {"error": "No data: unknown zone FR"}, "unknown_zone"),
        (404, {"error": "We do not have a zone called FR"}, "unknown_zone"),
        (404, {"error": "Zone inconnue : FR"}, "unknown_zone"),
        (404, {"message": "Cannot GET /v3/carbon-intensity/latest?zone=FR"}, "no_such_route"),
        (404, {"message": "This version of the API has been shut down"}, "no_such_route"),
        (403, {"message": "Your trial has expired"}, "unauthorized"),
        (400, {"message": "account suspended"}, "unauthorized"),
        (400, {"message": "limit of 30 requests per hour exceeded"}, "rate_limited"),
        (403, {"message": "You have used all your requests"}, "rate_limited"),
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


@pytest.mark.parametrize("kind", ["electricitymaps", "co2signal (old)"])
def test_words_of_an_unknown_language_about_the_zone_are_not_taken_for_a_wrong_address(
    grid: Any, environ: dict[str, str], kind: str
) -> None:
    provider = make(grid, environ, kind)
    replace(grid, kind, "latest", 404, {"error": "FR: 没有数据"})
    error = failure(provider, grid, "latest")
    assert (type(error), error.reason) == (Unavailable, "no_value")
    assert "set intensity.zone" in error.fix  # it may be the zone


@pytest.mark.parametrize("kind", ["electricitymaps", "co2signal"])
@pytest.mark.parametrize("factor", ["marginal", "consumption", 7])
def test_a_factor_of_another_name_prices_nothing(
    grid: Any, environ: dict[str, str], kind: str, factor: object
) -> None:
    provider = make(grid, environ, kind)
    replace(grid, kind, "latest", 200, lambda answer: {**answer, "emissionFactorType": factor})
    error = failure(provider, grid, "latest")
    assert (type(error), error.reason) == (Refused, "bad_answer")
    assert "factor" in str(error)


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


def test_a_state_is_answered_with_the_grids_in_it(grid: Any, environ: dict[str, str]) -> None:
    provider = make(grid, environ, "electricitymaps")
    with pytest.raises(Refused) as caught:
        provider.fetch("latest", "US-CA", grid.now)
    assert caught.value.reason == "unknown_zone"
    assert "US-CAL-CISO, US-CAL-IID" in caught.value.fix


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
