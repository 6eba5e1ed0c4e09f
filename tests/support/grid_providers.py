"""Each provider of grid intensity, made to talk to the test's own server, and how to spoil one of its answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.config.schema import (
    Annual,
    CarbonIntensityUk,
    Co2Signal,
    ElectricityMaps,
    EnergiDataService,
    EnergyCharts,
    Entsoe,
    IntensityConfig,
    Rte,
    WattTime,
)
from gramwatt_exporter.intensity import registry
from gramwatt_exporter.intensity.checks import checked
from gramwatt_exporter.intensity.providers.failures import Refused, Unavailable
from gramwatt_exporter.intensity.refresher import Refresher
from gramwatt_exporter.model import Aspect, Fetched, IntensityProvider, IntensityState

HOUR = 3600.0

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
    "energy-charts": ("DE", EnergyCharts, {"latest": "public_power"}),
    "entsoe": ("FR", Entsoe, {"latest": "/api"}),
    "watttime": ("US-CAL-CISO", WattTime, {"latest": "/v3/forecast"}),
}
CASES = [(kind, aspect) for kind, (_, _, paths) in PROVIDERS.items() for aspect in paths]
JSON_CASES = [case for case in CASES if case[0] != "entsoe"]
"""Those whose answers are JSON; what the platform of ENTSO-E says in XML is in test_generation.py."""


def settings(grid: Any, kind: str, **options: Any) -> Any:
    zone, struct, _ = PROVIDERS[kind]
    grid.zone = zone
    if kind == "watttime":
        options = {"user": "alice", "region": "CAISO_NORTH", **options}
    address = grid.url + ("/v1" if kind == "co2signal (old)" else "")
    return struct(**{"base_url": address, **options})


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


# MW by way of generating in what the test's server answers as Energy-Charts and as ENTSO-E, newest complete moment.
GERMANY = {"coal": 10000, "gas": 5000, "biomass": 5000, "hydro": 2000, "wind": 20000, "wind_offshore": 4000,
           "solar": 10000, "other": 100}  # fmt: skip
EUROPE = {"gas": 6000, "coal": 4000, "nuclear": 40000, "wind": 8000, "other": 100}


def by_hand(megawatts: dict[str, int]) -> float:
    factors = {"coal": 820, "gas": 490, "nuclear": 12, "hydro": 24, "wind": 11, "wind_offshore": 12, "solar": 48,
               "biomass": 230, "other": 700}  # fmt: skip
    return sum(factors[way] * amount for way, amount in megawatts.items()) / sum(megawatts.values())
