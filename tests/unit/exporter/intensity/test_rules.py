"""The pure rules: quota, plausibility, time stamps, the generation mix, cloud regions, yearly tables."""

from __future__ import annotations

import csv
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from gramwatt_exporter.config.schema import IntensityConfig
from gramwatt_exporter.errors import ConfigError
from gramwatt_exporter.intensity import registry, zones
from gramwatt_exporter.intensity.checks import checked
from gramwatt_exporter.intensity.providers import annual_tables, mix, parse
from gramwatt_exporter.intensity.providers.annual import AnnualProvider
from gramwatt_exporter.intensity.providers.failures import Unavailable
from gramwatt_exporter.intensity.providers.http import retry_after
from gramwatt_exporter.intensity.quota import Quota
from gramwatt_exporter.intensity.refresher import Refresher
from gramwatt_exporter.model import Fetched, ForecastPoint, Intensity
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 3, 2, 12, 10, tzinfo=UTC).timestamp()


def value(grams: float = 50.0, at: float = NOW - 600, zone: str = "FR") -> Intensity:
    return Intensity(grams, zone, "test", "average", "measured", "lifecycle", at)


# --- quota


@pytest.mark.slow
@given(st.lists(st.integers(0, 900), max_size=200), st.integers(1, 30), st.integers(0, 200))
def test_no_hour_ever_has_more_calls_than_the_limit(waits: list[int], limit: int, restart: int) -> None:
    quota, now, made = Quota(limit), 1e9, []
    for index, wait in enumerate(waits):
        now += wait
        if index == restart:
            quota = Quota(limit, quota.calls)
        if quota.next_at(now) <= now:
            quota.spend(now)
            made.append(now)
    assert all(sum(start <= call < start + 3600 for call in made) <= limit for start in made)


@pytest.mark.slow
@given(st.lists(st.integers(-(10**6), 10**6), max_size=100))
def test_a_jumping_clock_never_locks_the_quota_for_more_than_an_hour(jumps: list[int]) -> None:
    quota, now = Quota(5), 1e9
    for jump in jumps:
        now += jump
        assert quota.next_at(now) <= now + 3600
        if quota.next_at(now) <= now:
            quota.spend(now)


# --- checks


@pytest.mark.parametrize("grams", [-0.1, 2000.1, 1e9, float("nan"), float("inf")])
def test_what_no_grid_can_have_is_refused(grams: float) -> None:
    with pytest.raises(Unavailable) as caught:
        checked(Fetched(values=(value(grams),)), "FR", NOW)
    assert caught.value.reason == "implausible"


@pytest.mark.parametrize("grams", [1.0, 2000.0])
def test_the_bounds_are_plausible(grams: float) -> None:
    assert checked(Fetched(values=(value(grams),)), "FR", NOW).values[0].grams_per_kilowatt_hour == grams


def test_two_clocks_may_differ_by_five_minutes() -> None:
    assert checked(Fetched(values=(value(at=NOW + 299),)), "FR", NOW).values[0].at == NOW
    with pytest.raises(Unavailable) as caught:
        checked(Fetched(values=(value(at=NOW + 301),)), "FR", NOW)
    assert caught.value.reason == "future"


def test_one_bad_row_costs_one_row_but_a_wrong_zone_all() -> None:
    good, bad = value(at=NOW - 7200), value(1e9)
    assert checked(Fetched(values=(bad, good)), "FR", NOW).values == (good,)
    with pytest.raises(Unavailable, match="DE"):
        checked(Fetched(values=(good, value(zone="DE"))), "FR", NOW)


def test_rows_and_forecasts_come_out_in_order_without_nonsense() -> None:
    points = (ForecastPoint(NOW + 7200, 3.0), ForecastPoint(NOW, 1.0), ForecastPoint(NOW + 3600, -5.0))
    fetched = checked(Fetched(values=(value(), value(at=NOW - 7200)), forecast=points), "FR", NOW)
    assert [each.at for each in fetched.values] == [NOW - 7200, NOW - 600]
    assert [point.grams_per_kilowatt_hour for point in fetched.forecast] == [1.0, 3.0]


# --- parse


@pytest.mark.parametrize(
    "text",
    ["2026-03-02T12:10Z", "2026-03-02T12:10:00.000Z", "2026-03-02T13:10:00+01:00", "2026-03-02T12:10:00"],
)
def test_times_are_read_as_utc_or_by_their_offset(text: str) -> None:
    assert parse.moment(text) == NOW


@pytest.mark.parametrize("text", [None, 5, "", "yesterday", "2026-13-01", "9999-99-99T00:00Z", ["x"]])
def test_what_is_no_time_is_none(text: object) -> None:
    assert parse.moment(text) is None


@pytest.mark.parametrize(
    ("given_value", "number"), [(1, 1.0), (1.5, 1.5), (True, None), ("1", None), (None, None)]
)
def test_only_numbers_are_numbers(given_value: object, number: float | None) -> None:
    assert parse.number(given_value) == number


def test_a_number_too_large_for_a_float_is_none() -> None:
    assert parse.number(10**400) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("Mon, 02 Mar 2026 12:12:00 GMT", 120.0),
        ("Mon, 02 Mar 2026 12:00:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("-5", None),
    ],
)
def test_retry_after(header: str, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


# --- mix


def test_the_built_in_factors_all_name_their_source() -> None:
    factors = mix.load()
    assert factors["coal"].grams_per_kilowatt_hour == 820
    assert {name for name, factor in factors.items() if factor.fossil} == {"coal", "gas", "oil"}
    assert not any(factor.fossil and factor.renewable for factor in factors.values())


def test_a_mix_is_the_weighted_mean_with_shares() -> None:
    result = mix.generated({"coal": 1.0, "wind": 3.0, "solar": -2.0}, mix.load())
    assert result is not None
    assert result.grams_per_kilowatt_hour == (820 + 3 * 11) / 4
    assert (result.renewable_ratio, result.fossil_ratio) == (0.75, 0.25)


def test_a_share_nobody_knows_makes_no_number() -> None:
    assert mix.generated({"wind": 1.0, "fusion": 1.0}, mix.load()) is None
    assert mix.generated({}, mix.load()) is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("factors: {coal: {grams_per_kilowatt_hour: 5000, source: x}}", "coal"),
        ("factors: {coal: {grams_per_kilowatt_hour: 5}}", "source"),
        ("factors: {coal: {grams: 5, source: x}}", "grams"),
        ("[", "YAML|parsing|expected"),
        ("factors: {coal: 2026-13-45}", "does not exist"),
        ("factors: {coal: {source: x}, coal: {source: y}}", "'coal' is given twice"),
        ("factors: " + "[" * 100_000, "nested too deeply"),
    ],
)
def test_an_edited_table_is_checked_row_by_row(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "factors.yml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=named) as caught:
        mix.load(str(file))
    assert caught.value.path == "$.intensity.factors_file"


def test_an_edited_table_is_used(tmp_path: Path) -> None:
    file = tmp_path / "factors.yml"
    file.write_text("factors: {coal: {grams_per_kilowatt_hour: 1000, fossil: true, source: own}}")
    result = mix.generated({"coal": 2.0}, mix.load(str(file)))
    assert result is not None
    assert result.grams_per_kilowatt_hour == 1000


# --- cloud regions and yearly tables


def cloud_rows() -> list[dict[str, str]]:
    file = Path(zones.__file__).parent / "data" / "cloud_zones.csv"
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


@pytest.mark.slow
def test_every_cloud_region_is_once_there_and_has_a_zone_and_a_yearly_average() -> None:
    rows = cloud_rows()
    keys = [f"{row['provider']}:{row['region']}" for row in rows]
    assert len(keys) == len(set(keys)) > 120
    for key, row in zip(keys, rows, strict=True):
        assert zones.normalise(row["zone"]) == row["zone"] == zones.of_cloud(key)
        found = AnnualProvider(cloud=key, factors=mix.load()).row(row["zone"])
        assert 0 < found.grams_per_kilowatt_hour < 1200
        assert found.zone in (row["zone"], row["annual"], zones.country(row["zone"]))


def test_a_cloud_region_becomes_its_grid() -> None:
    config = IntensityConfig(cloud="AWS:eu-west-3")
    state = Refresher(config, registry.build(config, {}, None), None, lambda: NOW).current()
    assert state.average is not None
    assert state.average.zone == "FR"


def test_a_zone_wins_over_a_cloud_region() -> None:
    config = IntensityConfig(zone="DE", cloud="aws:us-east-1")
    state = Refresher(config, registry.build(config, {}, None), None, lambda: NOW).current()
    assert state.average is not None
    assert state.average.zone == "DE"


def test_a_wait_until_a_date_is_by_the_clock_of_the_host() -> None:
    date = "Mon, 02 Mar 2026 12:12:00 GMT"
    two_minutes_before = NOW
    for clock in (NOW - 5 * 3600, NOW, NOW + 5 * 3600):
        assert retry_after(date, clock, two_minutes_before) == 120.0
    assert retry_after(date, NOW, NOW + 86400) == 120.0  # a Date after it is no clock to go by


@pytest.mark.parametrize("cloud", ["aws", "aws:mars-1", "ibm:eu-de", ":", "eu-west-3"])
def test_an_unknown_cloud_region_is_refused(cloud: str) -> None:
    with pytest.raises(ConfigError, match=r"intensity\.cloud"):
        registry.build(IntensityConfig(cloud=cloud), {}, None)


@pytest.mark.parametrize(
    ("zone", "factor", "low", "high"),
    [
        ("US-WY", "direct", 500, 1000),
        ("CA-QC", "lifecycle", 20, 40),
        ("CA-AB", "lifecycle", 300, 700),
        ("SE-SE3", "lifecycle", 15, 45),
        ("NO-NO2", "lifecycle", 15, 45),
    ],
)
def test_parts_of_countries_have_their_own_average(zone: str, factor: str, low: float, high: float) -> None:
    row = AnnualProvider(factors=mix.load()).row(zone)
    assert (row.zone, row.factor) == (zone, factor)
    assert low < row.grams_per_kilowatt_hour < high
    assert str(row.year) in row.source


def test_a_missing_or_damaged_installed_table_is_no_crash(tmp_path: Path) -> None:
    (tmp_path / "private_infra").mkdir()
    (tmp_path / "private_infra" / "global_energy_mix.json").write_text("{")
    assert annual_tables.country(tmp_path, "FR") is None
    assert annual_tables.us_state(tmp_path, "US-NY") is None


@pytest.mark.slow
def test_without_a_network_provider_neither_requests_nor_codecarbon_is_imported() -> None:
    """The exporter is to stay under 40 MB; the two would cost 17 and 100."""
    script = (
        "import sys\n"
        "from gramwatt_exporter.config.schema import IntensityConfig\n"
        "from gramwatt_exporter.intensity import registry\n"
        "from gramwatt_exporter.intensity.refresher import Refresher\n"
        "config = IntensityConfig(zone='FR')\n"
        "state = Refresher(config, registry.build(config, {}, None), None, lambda: 2e9).refresh_once(2e9)\n"
        "assert state.average is not None\n"
        "print([name for name in ('requests', 'codecarbon', 'pycountry', 'pandas') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
