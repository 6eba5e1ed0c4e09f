"""Tables of yearly averages on this machine, one function each. Every row states its year and its source.

``data`` is the folder of gramwatt_exporter/tables. A cloud region is priced as the grid or state it lies in.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from gramwatt_exporter.intensity import zones
from gramwatt_exporter.intensity.checks import plausible
from gramwatt_exporter.intensity.providers.failures import Refused
from gramwatt_exporter.intensity.providers.mix import GenerationFactor, generated
from gramwatt_exporter.model import Factor

_GRAMS_PER_POUND_MWH = 0.45359237  # lb/MWh -> g/kWh
# Columns of codecarbon's Canadian mix -> names of our generation factors. Tidal plants are hydropower to the IPCC.
_CANADA = {
    "naturalGas": "gas",
    "nuclear": "nuclear",
    "petroleum": "oil",
    "biomass": "biomass",
    "coal": "coal",
    "solar": "solar",
    "tidal": "hydro",
    "wind": "wind",
    "hydro": "hydro",
}
_CANADA_PROVINCES = {
    "AB": "alberta",
    "BC": "british columbia",
    "MB": "manitoba",
    "NB": "new brunswick",
    "NL": "newfoundland and labrador",
    "NS": "nova scotia",
    "NT": "northwest territories",
    "NU": "nunavut",
    "ON": "ontario",
    "PE": "prince edward island",
    "QC": "quebec",
    "SK": "saskatchewan",
    "YT": "yukon",
}
_EGRID_YEAR = 2023  # folder private_infra/2023; its own _source says the same for the United States


class Row(Struct, frozen=True):
    """One year of one place. ``zone`` is what the number is for, which may be larger than what was asked."""

    grams_per_kilowatt_hour: float
    zone: str
    year: int
    factor: Factor
    source: str
    licence: str = ""
    renewable_ratio: float | None = None
    fossil_ratio: float | None = None

    @property
    def origin(self) -> str:
        """Source, year and licence in one line."""
        return f"{self.source}, {self.licence}" if self.licence else self.source


def imported(file: Path | None, zone: str) -> Row | None:
    """A row of the file that `gramwatt-exporter intensity import` writes. Refused when it is damaged."""
    if file is None or not file.exists():
        return None
    code = zones.alpha3().get(zone, zone)
    try:
        with file.open(encoding="utf-8", newline="") as handle:
            for row in csv.DictReader(handle):
                if row["code"] == code:
                    year = int(row["year"])
                    grams = float(row["grams_per_kilowatt_hour"])
                    if not plausible(grams) or not 1900 <= year <= 2200:
                        raise ValueError(f"implausible row for {code}")
                    return Row(grams, zone, year, "lifecycle", f"{row['source']} {year}")
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise Refused(
            "bad_answer",
            f"{file} cannot be used: {type(error).__name__} {error}",
            "remove it, or make it again with `gramwatt-exporter intensity import FILE`",
        ) from None
    return None


def country(data: Path, zone: str) -> Row | None:
    """Our World in Data: life-cycle average of a country."""
    code = zones.alpha3().get(zone)
    entry = _json(data / "private_infra" / "global_energy_mix.json").get(code) if code else None
    # No country's electricity has a life-cycle intensity of 0: it means "not known" there.
    if not entry or not entry.get("carbon_intensity"):
        return None
    total, year = entry.get("total_TWh") or 0.0, int(entry["year"])
    return Row(
        grams_per_kilowatt_hour=float(entry["carbon_intensity"]),
        zone=zone,
        year=year,
        factor="lifecycle",
        source=f"Our World in Data {year}",
        licence="CC BY 4.0",
        renewable_ratio=_share(entry.get("renewables_TWh"), total),
        fossil_ratio=_share(entry.get("fossil_TWh"), total),
    )


def nordic_zone(data: Path, zone: str) -> Row | None:
    """Bidding zones of Norway and Sweden (``SE-SE3``)."""
    nation, _, part = zone.partition("-")
    if nation not in ("NO", "SE"):
        return None
    entry = _json(data / "private_infra" / "nordic_emissions.json").get("data", {}).get(part)
    if not entry or not entry.get("emission_factor"):
        return None
    year = int(entry["year"])
    grams = float(entry["emission_factor"])
    return Row(grams, zone, year, "lifecycle", f"ENTSO-E mix by codecarbon {year}", "MIT")


def us_state(data: Path, zone: str) -> Row | None:
    """eGRID's total output emission rate of a state (``US-NY``): direct emissions."""
    nation, _, state = zone.partition("-")
    if nation != "US" or len(state) != 2:
        return None
    table = _json(data / "private_infra" / "2023" / "usa_emissions.json")
    year = int(table.get("_source", {}).get("year", _EGRID_YEAR))
    for entry in table.values():
        if entry.get("regionCode") == state and entry.get("emissions"):
            grams = float(entry["emissions"]) * _GRAMS_PER_POUND_MWH
            return Row(grams, zone, year, "direct", f"EPA eGRID {year}", "public domain")
    return None


def chinese_province(data: Path, zone: str) -> Row | None:
    """The environment ministry's factor of a province (``CN-GD``): direct, CO2 only, with what provinces trade."""
    if not zone.startswith("CN-"):
        return None
    table = _json(data / "private_infra" / "2023" / "china_provincial_emissions.json")
    entry = table.get("data", {}).get(zone)
    if not entry or not entry.get("emission_factor"):
        return None
    year = int(entry["year"])
    source = f"China's Ministry of Ecology and Environment by codecarbon {year}"
    return Row(float(entry["emission_factor"]), zone, year, "direct", source, "MIT")


def australian_state(zone: str) -> Row | None:
    """National Greenhouse Accounts factor of a state or territory (``AU-NSW``): direct emissions."""
    if not zone.startswith("AU-"):
        return None
    for entry in zones.table("australian_states.csv"):
        if entry["zone"] == zone:
            grams, year = float(entry["kilograms_per_kilowatt_hour"]) * 1000, int(entry["year"])
            return Row(
                grams, zone, year, "direct", f"National Greenhouse Accounts Factors {year}", "CC BY 4.0"
            )
    return None


def canadian_province(data: Path, zone: str, factors: Mapping[str, GenerationFactor]) -> Row | None:
    """Generation of a province (``CA-QC``) times life-cycle factors."""
    nation, _, part = zone.partition("-")
    name = _CANADA_PROVINCES.get(part) if nation == "CA" else None
    if name is None:
        return None
    entry = _json(data / "private_infra" / "2023" / "canada_energy_mix.json").get(name)
    if not entry or float(entry.get("other", 0.0)) > 0:  # a share of unknown origin cannot be priced
        return None
    power: dict[str, float] = {}
    for column, kind in _CANADA.items():
        power[kind] = power.get(kind, 0.0) + float(entry.get(column, 0.0))
    mix = generated(power, factors)
    if mix is None:
        return None
    return Row(
        grams_per_kilowatt_hour=mix.grams_per_kilowatt_hour,
        zone=zone,
        year=_EGRID_YEAR,
        factor="lifecycle",
        source=f"provincial generation {_EGRID_YEAR} by codecarbon x factors",
        licence="MIT",
        renewable_ratio=mix.renewable_ratio,
        fossil_ratio=mix.fossil_ratio,
    )


def _json(file: Path) -> dict[str, Any]:
    """A table, or nothing where this version of the tables does not have it."""
    try:
        with file.open(encoding="utf-8") as handle:
            table = json.load(handle)
    except (OSError, ValueError):
        return {}
    return table if isinstance(table, dict) else {}


def _share(part: float | None, total: float) -> float | None:
    if part is None or total <= 0:
        return None
    return min(1.0, max(0.0, part / total))
