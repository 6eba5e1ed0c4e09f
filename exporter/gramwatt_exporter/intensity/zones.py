"""Names of grid zones: ISO 3166 countries, their sub-zones (``US-CAL-CISO``, ``DK-DK1``) and cloud regions.

A zone is written as Electricity Maps writes it: a two-letter country, perhaps a dash and a part of it.
Three-letter country codes become two letters, so that a grid has one name for all providers.
"""

from __future__ import annotations

import csv
import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from gramwatt_exporter.errors import ConfigError
from gramwatt_exporter.tables import FOLDER

_ZONE = re.compile(r"[A-Z]{2,3}(-[A-Z0-9]{1,12}){0,3}")
_FIX = (
    "write a country (FR or FRA), a state or province (US-CA, AU-NSW), a zone of app.electricitymaps.com"
    " (US-CAL-CISO), or set intensity.cloud (aws:eu-west-3)"
)
# Kosovo has no ISO 3166 code; XK/XKX are user-assigned and what grid data uses.
_USER_ASSIGNED = {"XK": "XKX"}
# Zone keys of Electricity Maps that no country code begins: Northern Cyprus and Nagorno-Karabakh.
_PROVIDERS_OWN = ("XX", "NKR")
# Names people know that are not ISO codes of a country; the European Union writes EL, market zones DE-LU.
_ALIASES = {"UK": "GB", "EL": "GR", "DE-LU": "DE"}
_BIDDING_ZONE = re.compile(r"(DK[12]|SE[1-4]|NO[1-5])")  # SE3 -> SE-SE3


@functools.cache
def alpha3() -> Mapping[str, str]:
    """Two-letter -> three-letter country codes."""
    codes = json.loads((FOLDER / "countries.json").read_text(encoding="utf-8"))
    return MappingProxyType(codes | _USER_ASSIGNED)


@functools.cache
def alpha2() -> Mapping[str, str]:
    """Three-letter -> two-letter country codes."""
    return MappingProxyType({three: two for two, three in alpha3().items()})


def normalise(zone: str, path: str = "intensity.zone") -> str:
    """A zone as configured -> its one name. Raises ConfigError naming ``path`` when no country begins it."""
    text = zone.strip().upper().replace("_", "-")
    text = _ALIASES.get(text, text)
    if _BIDDING_ZONE.fullmatch(text):
        text = f"{text[:2]}-{text}"
    country, dash, rest = text.partition("-")
    country = alpha2().get(country, _ALIASES.get(country, country))
    if not _ZONE.fullmatch(text) or (country not in alpha3() and text not in _PROVIDERS_OWN):
        raise ConfigError(path, f"{zone!r} is not a grid zone; {_FIX}")
    return country + dash + rest


def country(zone: str) -> str:
    """The two-letter country a normalised zone lies in."""
    return zone.partition("-")[0]


def yearly_places(zone: str, cloud: str = "") -> list[str]:
    """Places whose yearly average may stand for a normalised zone, the closest first, its country last.

    The zone itself, the state a cloud region lies in, the state most of a balancing area lies in, and what the
    beginnings of the zone's name stand for (AU-TAS-KI: AU-TAS).
    """
    places = [zone]
    if cloud:
        places.append(cloud_state(cloud))
    areas = _yearly_table()
    if zone in areas:
        places.append(areas[zone])
    else:
        parts = zone.split("-")
        places += ["-".join(parts[:length]) for length in range(len(parts) - 1, 1, -1)]
    places.append(country(zone))
    return list(dict.fromkeys(place for place in places if place))


def areas_of(state: str) -> list[str]:
    """Balancing areas that lie mostly in a state of the United States: providers know them, not the state."""
    return [area for area, place in _yearly_table().items() if place == state]


def in_force(zone: str, cloud: str) -> str:
    """The zone a configuration means; "" when it names none. ``zone`` wins over ``cloud``.

    Raises ConfigError for an unknown zone or cloud region.
    """
    if zone:
        return normalise(zone)
    if cloud:
        return of_cloud(cloud)
    return ""


def of_cloud(cloud: str) -> str:
    """``aws:eu-west-3`` -> ``FR``. Raises ConfigError for a region that is not in the table."""
    return _cloud_row(cloud)[0]


def cloud_state(cloud: str) -> str:
    """The state a cloud region lies in (``US-VA``), where its zone is not itself a place; else ""."""
    return _cloud_row(cloud)[1]


def _cloud_row(cloud: str) -> tuple[str, str]:
    key = cloud.strip().lower()
    table = _cloud_table()
    if key in table:
        return table[key]
    known = sorted({name.partition(":")[0] for name in table})
    if key.partition(":")[0] in known:
        raise ConfigError("intensity.cloud", f"{cloud!r} is not in the cloud table; set intensity.zone")
    raise ConfigError(
        "intensity.cloud",
        f"{cloud!r} is not PROVIDER:REGION such as aws:eu-west-3; providers: {', '.join(known)}",
    )


@functools.cache
def _cloud_table() -> Mapping[str, tuple[str, str]]:
    """``provider:region`` -> (zone, state or "")."""
    rows = table("cloud_zones.csv")
    return MappingProxyType(
        {f"{row['provider']}:{row['region']}": (row["zone"], row["annual"]) for row in rows}
    )


@functools.cache
def _yearly_table() -> Mapping[str, str]:
    """Balancing area -> the state whose yearly average stands in for it, or ""."""
    return MappingProxyType({row["zone"]: row["annual"] for row in table("annual_zones.csv")})


def table(name: str) -> list[dict[str, str]]:
    """The rows of one of the tables beside this file."""
    text = (Path(__file__).with_name("data") / name).read_text(encoding="utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if line and line[0] != "#"))
