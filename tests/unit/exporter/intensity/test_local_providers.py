"""Configured numbers and yearly averages: no network, never a silent country."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from gramwatt_exporter.config.schema import Annual, IntensityConfig, Static
from gramwatt_exporter.errors import ConfigError
from gramwatt_exporter.intensity import registry, zones
from gramwatt_exporter.intensity.providers.annual import AnnualProvider
from gramwatt_exporter.intensity.providers.failures import Refused
from gramwatt_exporter.intensity.providers.static import StaticProvider
from gramwatt_exporter.intensity.refresher import NO_ZONE, Refresher

NOON = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC).timestamp()


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """codecarbon's data folder in miniature."""
    folder = tmp_path / "data"
    (folder / "private_infra").mkdir(parents=True)
    entry = {
        "carbon_intensity": 56.04,
        "year": 2023,
        "total_TWh": 500.0,
        "renewables_TWh": 125.0,
        "fossil_TWh": 50.0,
    }
    table = {
        "FRA": entry,
        "CAF": {**entry, "carbon_intensity": 0.0},
        "USA": {**entry, "carbon_intensity": 369.5},
    }
    (folder / "private_infra" / "global_energy_mix.json").write_text(json.dumps(table))
    return folder


def refresher(config: IntensityConfig) -> Refresher:
    return Refresher(config, registry.build(config, {}, None), None, lambda: NOON)


def test_annual_states_its_year_and_its_shares(tables: Path) -> None:
    (value,) = AnnualProvider(data=tables).fetch("latest", "FR", NOON).values
    assert value.grams_per_kilowatt_hour == 56.04
    assert value.at == datetime(2023, 1, 1, tzinfo=UTC).timestamp()
    assert value.method == "annual"
    assert value.factor == "lifecycle"
    assert (value.renewable_ratio, value.fossil_ratio) == (0.25, 0.1)
    assert "2023" in value.estimation


def test_a_part_of_a_country_gets_the_country_under_the_countrys_name(tables: Path) -> None:
    (value,) = AnnualProvider(data=tables).fetch("latest", "US-CAL-CISO", NOON).values
    assert (value.zone, value.grams_per_kilowatt_hour) == ("US", 369.5)


@pytest.mark.parametrize("zone", ["CF", "DE"])  # a zero in the table, and not in the table
def test_a_country_nobody_knows_is_refused_not_zero(tables: Path, zone: str) -> None:
    with pytest.raises(Refused, match=zone):
        AnnualProvider(data=tables).fetch("latest", zone, NOON)


@pytest.mark.slow
def test_every_country_of_the_installed_table_is_plausible() -> None:
    provider = AnnualProvider()
    rows = 0
    for code in zones.alpha3():
        try:
            row = provider.row(code)
        except Refused:
            continue
        rows += 1
        assert 0 < row.grams_per_kilowatt_hour < 2000
        assert row.year is not None
        assert 2000 <= row.year <= 2030
    assert rows > 200


@pytest.mark.parametrize(
    ("written", "zone"),
    [
        ("FR", "FR"),
        ("fra", "FR"),
        ("USA-CAL-CISO", "US-CAL-CISO"),
        ("UK", "GB"),
        ("DK1", "DK-DK1"),
        ("XKX", "XK"),
    ],
)
def test_zones_have_one_name(written: str, zone: str) -> None:
    assert zones.normalise(written) == zone


@pytest.mark.parametrize("written", ["ZZ", "France", "F", "FR;DROP", "", "FR-"])
def test_a_zone_nobody_knows_is_refused_with_what_is_allowed(written: str) -> None:
    with pytest.raises(ConfigError, match=r"intensity\.zone.*FR or FRA"):
        zones.normalise(written)


def test_a_schedule_follows_the_local_hour_and_is_its_own_forecast() -> None:
    plus_two = timezone(timedelta(hours=2))
    provider = StaticProvider(hourly=[float(hour) for hour in range(24)], timezone=plus_two)
    fetched = provider.fetch("latest", "FR", NOON)
    (value,) = fetched.values
    assert value.grams_per_kilowatt_hour == 14.0
    assert value.at == NOON - 30 * 60 - 15
    assert [point.grams_per_kilowatt_hour for point in fetched.forecast[:12]] == [
        14.0, 15.0, 16.0, 17.0, 18.0, 19.0, 20.0, 21.0, 22.0, 23.0, 0.0, 1.0,
    ]  # fmt: skip


def test_a_number_for_the_zone_wins_over_the_general_one() -> None:
    provider = StaticProvider(value=100.0, zones={"FR": 50.0})
    assert provider.fetch("latest", "FR", NOON).values[0].grams_per_kilowatt_hour == 50.0
    assert provider.fetch("latest", "DE", NOON).values[0].grams_per_kilowatt_hour == 100.0
    with pytest.raises(Refused, match="DE"):
        StaticProvider(zones={"FR": 50.0}).fetch("latest", "DE", NOON)


def test_without_a_zone_there_is_no_intensity_and_one_line_that_says_how(
    caplog: pytest.LogCaptureFixture,
) -> None:
    keeper = refresher(IntensityConfig())
    for minute in range(100):
        keeper.refresh_once(NOON + minute * 60)
    assert keeper.current().average is None
    assert keeper.current().message == NO_ZONE
    assert [record.message for record in caplog.records if "intensity.zone" in record.message] == [
        f"grid intensity: {NO_ZONE}"
    ]


def test_a_configured_number_needs_no_zone() -> None:
    value = refresher(IntensityConfig(providers=[Static(value=42.0), Annual()])).current().average
    assert value is not None
    assert (value.grams_per_kilowatt_hour, value.zone, value.method) == (42.0, "local", "configured")


def test_the_default_is_the_annual_average_of_the_configured_zone() -> None:
    value = refresher(IntensityConfig(zone="fra")).current().average
    assert value is not None
    assert (value.zone, value.provider, value.method) == ("FR", "annual", "annual")
    assert 20 < value.grams_per_kilowatt_hour < 120


def test_static_without_a_number_for_the_zone_falls_through_and_says_so() -> None:
    keeper = refresher(IntensityConfig(zone="FR", providers=[Static(zones={"DEU": 300.0}), Annual()]))
    state = keeper.refresh_once(NOON)
    assert state.average is not None
    assert state.average.provider == "annual"
    assert state.refresh_failures == {("static", "unknown_zone"): 1}


def test_an_unknown_zone_is_refused_at_start() -> None:
    with pytest.raises(ConfigError, match=r"intensity\.zone"):
        refresher(IntensityConfig(zone="Atlantis"))


def test_reload_changes_the_zone_and_refuses_a_wrong_one() -> None:
    keeper = refresher(IntensityConfig(zone="FR"))
    with pytest.raises(ConfigError):
        keeper.reload(IntensityConfig(zone="Atlantis"), [])
    config = IntensityConfig(zone="DE")
    keeper.reload(config, registry.build(config, {}, None))
    value = keeper.refresh_once(NOON).average
    assert value is not None
    assert value.zone == "DE"
