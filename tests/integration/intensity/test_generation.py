"""Providers that publish generation by type: what an intensity is made of, and what is left out or named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from gramwatt_exporter.config import schema
from gramwatt_exporter.intensity import registry
from gramwatt_exporter.intensity.providers.failures import Refused, Unavailable
from grid_providers import GERMANY, failure, fetch, make, replace
from grid_providers import settings as settings_of


def test_germany_brings_a_day_and_shares_in_one_call(grid: Any, environ: dict[str, str]) -> None:
    """Without storage, and without the newest quarter, of which one type is not there yet."""
    grid.zone = "DE"
    fetched = fetch(make(grid, environ, "energy-charts"), grid)
    assert len(fetched.values) == 95
    value = fetched.values[-1]
    assert value.at == grid.now // 900 * 900 - 2700
    assert dict(value.ways)["wind"] == pytest.approx(20000 / sum(GERMANY.values()))
    assert value.renewable_ratio == pytest.approx(41000 / sum(GERMANY.values()))
    with pytest.raises(Refused, match="US-CA"):
        make(grid, environ, "energy-charts").fetch("latest", "US-CA", grid.now)


def test_europe_reads_blocks_of_variable_size(grid: Any, environ: dict[str, str]) -> None:
    grid.zone = "FR"
    provider = make(grid, environ, "entsoe")
    values = fetch(provider, grid).values
    assert len(values) == 96
    assert [value.ways[1][0] for value in values[:1]] == ["gas"]
    assert [round(dict(value.ways)["gas"], 4) for value in (values[0], values[88], values[89])] == [
        round(5000 / 57100, 4), round(5000 / 57100, 4), round(6000 / 58100, 4),
    ]  # fmt: skip
    assert grid.calls[-1].query["in_Domain"] == "10YFR-RTE------C"
    assert grid.calls[-1].headers["accept"] == "application/xml"
    with pytest.raises(Refused, match="not US-CA"):
        provider.fetch("latest", "US-CA", grid.now)


@pytest.mark.parametrize("kind", ["energy-charts", "entsoe"])
def test_a_way_without_a_factor_gives_no_number_and_is_named(
    grid: Any, environ: dict[str, str], tmp_path: Path, kind: str
) -> None:
    table = tmp_path / "factors.yml"
    rows = yaml.safe_load((Path(registry.__file__).parent / "data" / "generation_factors.yml").read_text())
    del rows["factors"]["other"]
    table.write_text(yaml.safe_dump(rows))
    config = schema.IntensityConfig(providers=[settings_of(grid, kind)], factors_file=str(table))
    (provider,) = registry.build(config, environ, None)
    with pytest.raises(Unavailable, match="without a factor: other") as caught:
        fetch(provider, grid)
    assert "factors_file" in caught.value.fix


@pytest.mark.parametrize(
    ("answer", "reason", "said"),
    [
        (b"<Acknowledgement_MarketDocument><Reason><code>999</code><text>No matching data found</text></Reason>"
         b"</Acknowledgement_MarketDocument>", "no_value", "No matching data found"),
        (b"<Publication_MarketDocument/>", "bad_answer", "Publication_MarketDocument"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><GL_MarketDocument>&a;</GL_MarketDocument>', "bad_answer", "no XML"),
        (lambda whole: whole.replace(b"10YFR-RTE", b"10YBE-RTE"), "wrong_zone", "10YBE-RTE"),
        (lambda whole: whole.replace(b"PT15M", b"P1Y"), "bad_answer", "resolution"),
        (lambda whole: whole.replace(b"<quantity>5000.0", b"<quantity>x"), "bad_answer", "quantity"),
        (lambda whole: whole.replace(b"B20", b"B77"), "no_value", "type B77"),
        (lambda whole: whole[: len(whole) // 2], "bad_answer", "no XML"),
    ],
)  # fmt: skip
def test_what_the_platform_says_in_xml(
    grid: Any, environ: dict[str, str], answer: Any, reason: str, said: str
) -> None:
    provider = make(grid, environ, "entsoe")
    replace(grid, "entsoe", "latest", 200, answer)
    error = failure(provider, grid, "latest")
    assert (error.reason, said in str(error)) == (reason, True)


def test_hours_of_one_type_are_the_quarters_of_another(grid: Any, environ: dict[str, str]) -> None:
    """Nuclear by the hour beside gas by the quarter: every quarter has a value, with the mean of its hour."""
    grid.zone = "FR"

    def by_the_hour(whole: bytes) -> bytes:
        before, type_, after = whole.partition(b"<psrType>B14</psrType>")
        after = after.replace(b"PT15M", b"PT60M", 1)
        point = b"<Point><position>1</position><quantity>40000.0</quantity></Point>"
        second = b"<Point><position>3</position><quantity>20000.0</quantity></Point>"
        return before + type_ + after.replace(point, point + second, 1)

    replace(grid, "entsoe", "latest", 200, by_the_hour)
    values = fetch(make(grid, environ, "entsoe"), grid).values
    assert len(values) == 96
    nuclear = [dict(value.ways)["nuclear"] for value in values]
    assert nuclear[:8] == [pytest.approx(40000 / 57100)] * 8
    assert nuclear[8:88] == [pytest.approx(20000 / 37100)] * 80


def test_what_is_no_generation_is_left_out_by_how_its_name_begins(grid: Any, environ: dict[str, str]) -> None:
    grid.zone = "DE"
    provider = make(grid, environ, "energy-charts")

    def with_more(answer: Any) -> Any:
        names = (
            "Load (incl. self-consumption)",
            "Battery consumption",
            "Import Balance",
            "Residual load (x)",
        )
        more = [{"name": name, "data": [900.0] * len(answer["unix_seconds"])} for name in names]
        return answer | {"production_types": answer["production_types"] + more}

    usual = fetch(provider, grid).values
    replace(grid, "energy-charts", "latest", 200, with_more)
    assert fetch(provider, grid).values == usual


def test_a_reason_that_quotes_the_question_is_shown_without_its_token(
    grid: Any, environ: dict[str, str]
) -> None:
    grid.zone = "FR"
    token = environ["GRAMWATT_ENTSOE_TOKEN"].encode()
    text = b"no data for [securityToken=" + token + b", documentType=A75]"
    answer = b"<Acknowledgement_MarketDocument><Reason><text>" + text
    answer += b"</text></Reason></Acknowledgement_MarketDocument>"
    replace(grid, "entsoe", "latest", 200, answer)
    error = failure(make(grid, environ, "entsoe"), grid, "latest")
    assert "securityToken=***" in str(error)


@pytest.mark.parametrize(
    ("status", "answer", "reason"),
    [
        (404, {"detail": "No content available"}, "no_value"),
        (400, b"'xk' is not the code for an available country. Please refer to the API doc for information about "
              b"available countries", "unknown_zone"),
        (404, {"detail": "Not Found"}, "no_such_route"),
        (429, {"detail": "Too Many Requests"}, "rate_limited"),
    ],
)  # fmt: skip
def test_what_energy_charts_says_of_a_country_and_of_a_day(
    grid: Any, environ: dict[str, str], status: int, answer: Any, reason: str
) -> None:
    grid.zone = "DE"
    replace(grid, "energy-charts", "latest", status, answer)
    assert failure(make(grid, environ, "energy-charts"), grid, "latest").reason == reason
