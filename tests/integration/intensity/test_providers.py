"""Every provider against a real server: its shape understood, every fault refused with a reason a person can use."""

from __future__ import annotations

import typing
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.config import schema
from gramwatt_exporter.errors import ConfigError, GramwattError, NotHere
from gramwatt_exporter.intensity.providers.co2signal import Co2SignalProvider
from gramwatt_exporter.intensity.providers.failures import Refused, Unavailable
from gramwatt_exporter.intensity.providers.http import Http
from gramwatt_exporter.intensity.providers.secret import Secret
from grid_providers import EUROPE, GERMANY, PROVIDERS, by_hand, fetch, make
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HOUR = 3600.0


ZONES = {kind: zone for kind, (zone, _, _) in PROVIDERS.items() if kind != "co2signal (old)"}


def test_every_provider_that_uses_the_network_is_tested() -> None:
    structs = [struct for struct in typing.get_args(schema.Provider) if hasattr(struct, "base_url")]
    assert {struct.__struct_config__.tag for struct in structs} == set(ZONES), "add it to PROVIDERS"


@pytest.mark.parametrize("kind", ZONES)
def test_latest_is_understood_and_one_call(grid: Any, environ: dict[str, str], kind: str) -> None:
    provider = make(grid, environ, kind)
    value = fetch(provider, grid).values[-1]
    assert len([call for call in grid.calls if call.path != "/login"]) == 1
    assert (value.zone, value.provider) == (ZONES[kind], kind)
    assert 0 <= grid.now - value.at <= HOUR
    assert value.basis == ("marginal" if kind == "watttime" else "average")
    expected = {
        "co2signal": (grid.told(value.at), "estimated", "lifecycle"),
        "electricitymaps": (grid.told(value.at), "estimated", "lifecycle"),
        "carbonintensity-uk": (grid.truth(value.at) + 7, "estimated", "direct"),
        "rte": (grid.truth(value.at), "measured", "direct"),
        "energidataservice": (grid.truth(value.at), "measured", "direct"),
        "energy-charts": (pytest.approx(by_hand(GERMANY)), "estimated", "lifecycle"),
        "entsoe": (pytest.approx(by_hand(EUROPE)), "estimated", "lifecycle"),
        "watttime": (453.59237, "forecast", "direct"),
    }[kind]
    assert (pytest.approx(value.grams_per_kilowatt_hour), value.method, value.factor) == expected
    assert all(call.headers["user-agent"].startswith("gramwatt-exporter/") for call in grid.calls)


FAULTS = {
    "null": "no_value",
    "401": "unauthorized",
    "403": "unauthorized",
    "429": "rate_limited",
    "500": "server_error",
    "503": "server_error",
    "truncated": "bad_answer",
    "html": "bad_answer",
    "empty": "bad_answer",
    "list": "bad_answer",
    "endless": "bad_answer",
    "redirect": "redirected",
    "hang_up": "bad_answer",
    "huge": "implausible",
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", ZONES)
def test_every_fault_is_refused_with_its_reason(
    grid: Any, environ: dict[str, str], kind: str, fault: str
) -> None:
    provider = make(grid, environ, kind)
    grid.fault = fault
    with pytest.raises((Unavailable, Refused)) as caught:
        fetch(provider, grid)
    assert isinstance(caught.value, (Unavailable, Refused))
    expected = {FAULTS[fault]}
    if kind in ("watttime", "energy-charts", "entsoe") and fault in ("null", "huge"):
        expected = {"no_value", "implausible"}
    if fault == "hang_up":
        expected.add("network")
    assert caught.value.reason in expected
    for secret in (*environ.values(), "bearer-1-secret"):
        assert secret not in str(caught.value) + repr(caught.value) + str(getattr(caught.value, "fix", ""))


@pytest.mark.parametrize("location", ["http://[::1", "//", "\x7f://?#", "/login", ""])
def test_a_redirect_to_no_address_is_a_redirect(grid: Any, environ: dict[str, str], location: str) -> None:
    provider = make(grid, environ, "electricitymaps")
    grid.fault, grid.location = "redirect", location
    with pytest.raises(Unavailable) as caught:
        fetch(provider, grid)
    assert caught.value.reason == "redirected"


@pytest.mark.parametrize("kind", ["co2signal", "electricitymaps", "energidataservice", "watttime"])
def test_an_answer_for_another_zone_is_refused(grid: Any, environ: dict[str, str], kind: str) -> None:
    provider = make(grid, environ, kind)
    grid.fault = "wrong_zone"
    with pytest.raises(Unavailable, match="CA-QC") as caught:
        fetch(provider, grid)
    assert caught.value.reason == "wrong_zone"


@pytest.mark.parametrize("kind", ["co2signal", "electricitymaps", "rte", "energidataservice"])
def test_a_value_from_the_future_is_refused_and_the_clock_suspected(
    grid: Any, environ: dict[str, str], kind: str
) -> None:
    provider = make(grid, environ, kind)
    grid.fault = "future"
    with pytest.raises(Unavailable) as caught:
        fetch(provider, grid)
    assert caught.value.reason == "future"
    assert "clock" in caught.value.fix


@pytest.mark.parametrize("kind", ["carbonintensity-uk", "watttime"])
def test_where_future_rows_are_normal_there_is_just_no_value(
    grid: Any, environ: dict[str, str], kind: str
) -> None:
    provider = make(grid, environ, kind)
    grid.fault = "future"
    with pytest.raises(Unavailable) as caught:
        fetch(provider, grid)
    assert caught.value.reason == "no_value"


@pytest.mark.parametrize("fault", ["nan", "text"])
def test_something_that_is_no_number_is_refused(grid: Any, environ: dict[str, str], fault: str) -> None:
    provider = make(grid, environ, "electricitymaps")
    grid.fault = fault
    with pytest.raises(Unavailable) as caught:
        fetch(provider, grid)
    assert caught.value.reason == "bad_answer"


@pytest.mark.parametrize("fault", ["silence", "drip"])
def test_a_slow_body_is_given_up(grid: Any, environ: dict[str, str], fault: str) -> None:
    token = Secret("co2signal", "GRAMWATT_CO2SIGNAL_TOKEN", "", environ)
    provider = Co2SignalProvider(Http(grid.url, patience=(1.0, 0.3, 0.3)), token)
    grid.fault = fault
    with pytest.raises(Unavailable) as caught:
        fetch(provider, grid)
    assert caught.value.reason == "timeout"


def test_a_closed_port_is_a_network_problem_with_a_hint(environ: dict[str, str]) -> None:
    token = Secret("co2signal", "GRAMWATT_CO2SIGNAL_TOKEN", "", environ)
    with pytest.raises(Unavailable) as caught:
        Co2SignalProvider(Http("http://127.0.0.1:9"), token).fetch("latest", "FR", 0.0)
    assert caught.value.reason == "network"
    assert "HTTPS_PROXY" in caught.value.fix


def test_a_dead_proxy_is_named(grid: Any, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://user:hunter2@127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(Unavailable) as caught:
        fetch(make(grid, environ, "co2signal", base_url="http://api.invalid"), grid)
    assert caught.value.reason == "proxy"
    assert "hunter2" not in str(caught.value) + caught.value.fix


def test_a_proxy_is_used_requests_usual_way(
    grid: Any, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", grid.url)
    monkeypatch.setenv("no_proxy", "")
    provider = make(grid, environ, "co2signal", base_url="http://api.invalid")
    assert fetch(provider, grid).values


def test_a_private_authority_is_refused_until_it_is_named_requests_usual_way(
    grid_tls: Any,
    authority: Any,
    environ: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(Unavailable) as caught:
        fetch(make(grid_tls, environ, "co2signal"), grid_tls)
    assert caught.value.reason == "tls"
    assert "REQUESTS_CA_BUNDLE" in caught.value.fix
    assert grid_tls.calls == []
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    assert fetch(make(grid_tls, environ, "co2signal"), grid_tls).values


@pytest.mark.parametrize("header", ["90", "Mon, 02 Mar 2026 12:11:30 GMT"])
def test_retry_after_is_read_as_seconds_or_a_date(grid: Any, environ: dict[str, str], header: str) -> None:
    provider = make(grid, environ, "co2signal")
    grid.fault, grid.retry_after = "429", header
    with pytest.raises(Unavailable) as caught:
        fetch(provider, grid)
    assert caught.value.retry_after == 90.0


def test_legacy_shape_by_its_address(grid: Any, environ: dict[str, str]) -> None:
    provider = make(grid, environ, "co2signal", base_url=f"{grid.url}/v1")
    (value,) = fetch(provider, grid).values
    assert grid.calls[-1].path == "/v1/latest"
    assert grid.calls[-1].headers["auth-token"]
    assert value.fossil_ratio == pytest.approx(0.065)
    with pytest.raises(NotHere):
        provider.fetch("history", "FR", grid.now)


def test_the_shape_is_found_out_one_call_at_a_time(grid: Any, environ: dict[str, str]) -> None:
    provider = make(grid, environ, "co2signal")
    grid.legacy_only = True
    with pytest.raises(Unavailable, match="old"):
        fetch(provider, grid)
    assert fetch(provider, grid).values
    assert [call.path for call in grid.calls] == ["/v3/carbon-intensity/latest", "/v1/latest"]
    grid.legacy_only, grid.current_only = False, True  # the old host goes offline
    with pytest.raises(Unavailable, match="current"):
        fetch(provider, grid)
    assert fetch(provider, grid).values
    assert len(grid.calls) == 4


@pytest.mark.parametrize("kind", ["co2signal", "electricitymaps"])
def test_an_unknown_zone_is_told_and_never_answered_by_the_callers_address(
    grid: Any, environ: dict[str, str], kind: str
) -> None:
    provider = make(grid, environ, kind)
    with pytest.raises(Refused, match="DE") as caught:
        provider.fetch("latest", "DE", grid.now)
    assert caught.value.reason == "unknown_zone"
    assert grid.calls[-1].query["disableCallerLookup"] == "true"
    assert grid.calls[-1].query["shouldUseFallbackCallerLookup"] == "false"


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_electricitymaps_versions(grid: Any, environ: dict[str, str], version: str) -> None:
    provider = make(grid, environ, "electricitymaps", version=version, factor="direct", estimations=False)
    fetch(provider, grid)
    assert grid.calls[-1].path == f"/{version}/carbon-intensity/latest"
    assert grid.calls[-1].query["emissionFactorType"] == "direct"
    assert grid.calls[-1].query["disableEstimations"] == "true"
    history = fetch(provider, grid, "history").values
    assert len(history) == 24
    assert [value.at for value in history] == sorted(value.at for value in history)
    assert [value.method for value in history].count("estimated") == 1
    assert all(value.grams_per_kilowatt_hour == grid.told(value.at) for value in history)
    forecast = fetch(provider, grid, "forecast").forecast
    assert [point.grams_per_kilowatt_hour for point in forecast] == [
        grid.truth(point.at) for point in forecast
    ]


def test_electricitymaps_shares(grid: Any, environ: dict[str, str]) -> None:
    mix = fetch(make(grid, environ, "electricitymaps"), grid, "mix").mix
    assert mix is not None
    assert (mix.renewable_ratio, mix.fossil_ratio) == (0.31, pytest.approx(0.06))


def test_great_britain_history_forecast_and_shares(grid: Any, environ: dict[str, str]) -> None:
    provider = make(grid, environ, "carbonintensity-uk")
    history = fetch(provider, grid, "history").values
    assert history[0].method == "measured"
    assert history[-1].method == "estimated"
    assert {value.grams_per_kilowatt_hour - grid.truth(value.at) for value in history} == {0, 7}
    forecast = fetch(provider, grid, "forecast").forecast
    assert len(forecast) == 96
    mix = fetch(provider, grid, "mix").mix
    assert mix is not None
    assert (mix.renewable_ratio, mix.fossil_ratio) == (pytest.approx(0.45), pytest.approx(0.30))


def test_france_brings_history_and_shares_in_one_call(grid: Any, environ: dict[str, str]) -> None:
    fetched = fetch(make(grid, environ, "rte"), grid)
    assert len(fetched.values) == 100
    value = fetched.values[-1]
    assert value.renewable_ratio == pytest.approx(18000 / 63000)
    assert value.fossil_ratio == pytest.approx(5000 / 63000)


def test_france_by_generation_times_factors(grid: Any, environ: dict[str, str], tmp_path: Path) -> None:
    value = fetch(make(grid, environ, "rte", factor="lifecycle"), grid).values[-1]
    by_hand = (100 * 650 + 4900 * 490 + 40000 * 12 + 8000 * 11 + 2000 * 48 + 7000 * 24 + 1000 * 230) / 63000
    assert value.grams_per_kilowatt_hour == pytest.approx(by_hand)
    assert (value.factor, value.method, value.estimation) == (
        "lifecycle",
        "estimated",
        "generation x factors",
    )


def test_denmark_needs_its_half(grid: Any, environ: dict[str, str]) -> None:
    provider = make(grid, environ, "energidataservice")
    assert len(fetch(provider, grid).values) == 288
    assert len(fetch(provider, grid, "forecast").forecast) == 288
    with pytest.raises(Refused, match="DK-DK1 and DK-DK2"):
        provider.fetch("latest", "DK", grid.now)


def test_watttime_logs_in_again_only_when_it_must(grid: Any, environ: dict[str, str]) -> None:
    provider = make(grid, environ, "watttime")
    for _ in range(4):
        fetched = fetch(provider, grid)
        grid.now += 10 * 60
    paths = [call.path for call in grid.calls]
    assert paths.count("/login") == 2
    assert paths.count("/v3/forecast") == 4
    assert len(fetched.forecast) == 288


@pytest.mark.parametrize(
    ("kind", "zone"),
    [
        ("rte", "DE"),
        ("carbonintensity-uk", "FR"),
        ("energidataservice", "SE"),
        ("energy-charts", "US-CA"),
        ("entsoe", "US-CA"),
    ],
)
def test_a_national_provider_says_what_it_knows(
    grid: Any, environ: dict[str, str], kind: str, zone: str
) -> None:
    with pytest.raises(Refused, match=zone) as caught:
        make(grid, environ, kind).fetch("latest", zone, grid.now)
    assert "remove the provider" in caught.value.fix
    assert grid.calls == []


def test_a_token_file_is_read_anew_and_wins(grid: Any, environ: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("wrong\n")
    provider = make(grid, environ, "co2signal", token_file=str(file))
    with pytest.raises(Refused, match="refused the token"):
        fetch(provider, grid)
    file.write_text(environ["GRAMWATT_CO2SIGNAL_TOKEN"] + "\n")
    assert fetch(provider, grid).values


@pytest.mark.parametrize("content", [None, "", "two words", "tok\u00e9n", "\x00\x01"])
def test_a_token_nobody_can_use_never_reaches_the_network(
    grid: Any, environ: dict[str, str], tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    provider = make(grid, environ, "co2signal", token_file=str(file))
    with pytest.raises(Refused) as caught:
        fetch(provider, grid)
    assert caught.value.reason == "no_token"
    assert "GRAMWATT_CO2SIGNAL_TOKEN" in caught.value.fix
    assert not content or content not in str(caught.value)
    assert grid.calls == []


def test_no_object_shows_its_secret(grid: Any, environ: dict[str, str]) -> None:
    token = Secret("co2signal", "GRAMWATT_CO2SIGNAL_TOKEN", "", environ)
    assert environ["GRAMWATT_CO2SIGNAL_TOKEN"] not in repr(token) + str(token)


def test_a_base_url_that_is_none_is_refused_by_its_key(grid: Any, environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"\$\.intensity\.providers\[0\]\.base_url"):
        make(grid, environ, "rte", base_url="odre.opendatasoft.com")


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.just("2026-03-02T12:00Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def broken(answer: Any, data: st.DataObject) -> Any:
    """``answer`` with anything at all in one place."""
    if isinstance(answer, list) and answer and data.draw(st.booleans()):
        return [broken(answer[0], data), *answer[1:]]
    if isinstance(answer, dict) and answer and data.draw(st.integers(0, 9)):
        key = data.draw(st.sampled_from(sorted(answer)))
        return {**answer, key: broken(answer[key], data)}
    return data.draw(anything)


@pytest.mark.parametrize("kind", ZONES)
@given(data=st.data())
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_the_server_says_is_a_plausible_value_or_one_of_our_errors(
    grid: Any, environ: dict[str, str], kind: str, data: st.DataObject
) -> None:
    provider = make(grid, environ, kind)
    grid.fault = None
    fetch(provider, grid)  # logs in, and shows the path
    call = grid.calls[-1]
    _, answer = grid.answer(call.path, call.query, call.headers)
    grid.fault, grid.body = "json", broken(answer, data)
    try:
        fetched = fetch(provider, grid)
    except GramwattError:
        return
    for value in fetched.values:
        assert 0 <= value.grams_per_kilowatt_hour <= 2000
        assert value.at <= grid.now
        assert value.zone == grid.zone


def test_every_failure_is_one_of_ours(grid: Any, environ: dict[str, str]) -> None:
    provider = make(grid, environ, "electricitymaps")
    for fault in (*FAULTS, "nan", "text", "wrong_zone", "future"):
        for aspect in ("latest", "history", "forecast", "mix"):
            grid.fault = fault
            try:
                fetched = fetch(provider, grid, aspect)
            except GramwattError:
                continue
            assert not fetched.values or fault == "nan"
