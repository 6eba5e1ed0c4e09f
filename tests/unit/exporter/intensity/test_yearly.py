"""Zone keys of the providers, and the place whose yearly average stands in for each."""

from __future__ import annotations

import logging

import pytest
from gramwatt_exporter.config.schema import IntensityConfig
from gramwatt_exporter.errors import ConfigError
from gramwatt_exporter.intensity import registry, zones
from gramwatt_exporter.intensity.providers import annual_tables, mix
from gramwatt_exporter.intensity.providers.annual import AnnualProvider, usual
from gramwatt_exporter.intensity.providers.failures import Refused
from gramwatt_exporter.intensity.refresher import Refresher

# Keys of Electricity Maps' list (https://api.electricitymaps.com/v3/zones) in every form it has.
KEYS = (
    "AD AE AR-BAS AU AU-LH AU-NSW AU-TAS-CBI AU-TAS-FI AU-TAS-KI AU-WA-RI AX BR-CS BR-I BR-N "
    "CA-NL-LB CA-NL-NF CA-QC CL-CHP CL-SEN DK-BHM DK-DK1 EH ES-CE ES-CN-FVLZ ES-CN-LP ES-IB-MA ES-ML "
    "FO-MI FR-COR GB GB-NIR GB-ORK GB-ZET GR-IS HM IM IN-AN IN-DL IN-WE IQ-KUR IT-CNO IT-SAR JP-HKD "
    "JP-TK MX-BCS MY-EM NKR NO-NO1 NZ-NZST PH-LU PT-AC PT-MA RU-1 RU-KGD SE-SE4 SJ TF UA-CR US US-AK "
    "US-AK-SEAPA US-CAL-BANC US-CAL-CISO US-CAR-CPLE US-CENT-SWPP US-FLA-HST US-HI US-MIDA-PJM "
    "US-MIDW-MISO US-NE-ISNE US-NW-GRID US-NW-PSCO US-NY-NYIS US-SE-SOCO US-SW-WALC US-TEN-TVA "
    "US-TEX-ERCO XK XX"
)
# Territories without a grid of their own, or that no table counts.
UNCOUNTED = ("AX", "AD", "HM", "IM", "NKR", "SJ", "TF", "XK", "XX")


def yearly(zone: str, cloud: str = "") -> annual_tables.Row:
    return AnnualProvider(cloud=cloud, factors=mix.load()).row(zones.normalise(zone))


@pytest.mark.parametrize("key", KEYS.split())
def test_every_key_of_the_providers_list_is_a_zone_in_any_case(key: str) -> None:
    assert zones.normalise(key) == zones.normalise(key.lower()) == zones.normalise(f" {key} ") == key
    if zones.country(key) in UNCOUNTED:
        with pytest.raises(Refused, match=key):
            yearly(key)
        return
    row = yearly(key)
    assert row.zone in zones.yearly_places(key)
    assert 1 < row.grams_per_kilowatt_hour < 1200
    assert str(row.year) in row.origin
    assert row.licence


@pytest.mark.parametrize(
    ("written", "zone"),
    [
        ("SE3", "SE-SE3"),
        ("no1", "NO-NO1"),
        ("dk1", "DK-DK1"),
        ("EL", "GR"),
        ("de_lu", "DE"),
        ("UK-NIR", "GB-NIR"),
        ("AUS-NSW", "AU-NSW"),
    ],
)
def test_other_names_of_a_zone(written: str, zone: str) -> None:
    assert zones.normalise(written) == zone


@pytest.mark.parametrize(
    "written", ["CAISO", "California", "US-", "US--CA", "SE5", "NKR-1", "XX-1", "48.85,2.35", "U S"]
)
def test_what_is_no_zone_is_refused_with_examples_of_zones(written: str) -> None:
    with pytest.raises(ConfigError, match=r"intensity\.zone.*US-CA.*US-CAL-CISO"):
        zones.normalise(written)


@pytest.mark.parametrize(
    ("zone", "place"),
    [
        ("US-CAL-CISO", "US-CA"),
        ("US-TEX-ERCO", "US-TX"),
        ("US-NY-NYIS", "US-NY"),
        ("US-SE-SOCO", "US-GA"),
        ("US-NE-ISNE", "US"),  # New England: six states, and not Nebraska
        ("US-NE", "US-NE"),
        ("US-MIDW-MISO", "US"),
        ("US-AK-SEAPA", "US-AK"),
        ("AU-TAS-KI", "AU-TAS"),
        ("AU-LH", "AU"),
        ("CA-NL-LB", "CA-NL"),
        ("CN-GD", "CN-GD"),
        ("CN-XZ", "CN"),  # not in the ministry's table
        ("ES-IB-MA", "ES"),
        ("IN-WE", "IN"),
        ("GB-ORK", "GB"),
    ],
)
def test_the_closest_place_with_a_yearly_average_stands_in(zone: str, place: str) -> None:
    assert yearly(zone).zone == place


def test_the_state_of_a_cloud_region_comes_before_the_one_of_its_balancing_area() -> None:
    assert yearly("US-NW-PACE", "gcp:us-west3").zone == "US-UT"
    assert yearly("US-MIDA-PJM", "aws:us-east-1").zone == "US-VA"
    assert yearly("US-MIDA-PJM").zone == "US"


@pytest.mark.slow
def test_every_listed_balancing_area_is_a_zone_and_its_state_has_an_average() -> None:
    rows = zones.table("annual_zones.csv")
    assert len({row["zone"] for row in rows}) == len(rows) > 60
    for row in rows:
        assert zones.normalise(row["zone"]) == row["zone"]
        assert yearly(row["zone"]).zone == (row["annual"] or "US")
    assert {"US-CA", "US-FL", "US-NY", "US-TX", "US-WA", ""} <= {row["annual"] for row in rows}


def test_the_average_of_a_whole_country_is_context_for_a_zero_and_that_of_a_part_is_not() -> None:
    config = IntensityConfig(zone="PL")
    providers = registry.build(config, {}, None)
    assert 500 < (usual(providers, "PL", 2e9) or 0) < 900
    assert usual(providers, "US-CENT-SPA", 2e9) is None  # a few dams
    assert usual(providers, "XX", 2e9) is None
    assert usual([], "PL", 2e9) is None


def test_pounds_per_megawatt_hour_become_grams_per_kilowatt_hour() -> None:
    """New York, eGRID 2023: 466.616 lb/MWh; an international pound is 0.45359237 kg."""
    row = yearly("US-NY")
    assert (row.factor, row.year) == ("direct", 2023)
    assert row.grams_per_kilowatt_hour == pytest.approx(466.616 * 453.59237 / 1000)
    assert row.origin == "EPA eGRID 2023, public domain"


def test_kilograms_per_kilowatt_hour_become_grams() -> None:
    row = yearly("AU-VIC")
    assert row.grams_per_kilowatt_hour == pytest.approx(770)
    assert (row.factor, row.year) == ("direct", 2024)
    assert row.origin == "National Greenhouse Accounts Factors 2024, CC BY 4.0"
    assert {entry["zone"] for entry in zones.table("australian_states.csv")} == {
        f"AU-{state}" for state in ("ACT", "NSW", "NT", "QLD", "SA", "TAS", "VIC", "WA")
    }


def test_the_log_says_which_place_stands_in_and_where_its_number_is_from(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    config = IntensityConfig(zone="US-CAL-CISO")
    Refresher(config, registry.build(config, {}, None), None, lambda: 2e9)
    (line,) = [record.getMessage() for record in caplog.records if "now comes from" in record.getMessage()]
    assert "annual for US-CA (direct)" in line
    assert "EPA eGRID 2023, public domain" in line
    assert "US-CA stands in for US-CAL-CISO" in line
