"""From settings to providers, in the configured order. Only those asked for are imported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gramwatt_exporter.config import schema
from gramwatt_exporter.errors import ConfigError
from gramwatt_exporter.intensity import zones
from gramwatt_exporter.intensity.providers import mix
from gramwatt_exporter.intensity.providers.http import Http, SessionFactory
from gramwatt_exporter.intensity.providers.secret import Secret
from gramwatt_exporter.model import IntensityProvider

ANNUAL_FILE = "annual.csv"
CO2SIGNAL_TOKEN = "GRAMWATT_CO2SIGNAL_TOKEN"  # noqa: S105 - names of variables, no secrets
ELECTRICITYMAPS_TOKEN = "GRAMWATT_ELECTRICITYMAPS_TOKEN"  # noqa: S105
ENTSOE_TOKEN = "GRAMWATT_ENTSOE_TOKEN"  # noqa: S105
WATTTIME_PASSWORD = "GRAMWATT_WATTTIME_PASSWORD"  # noqa: S105


def build(
    config: schema.IntensityConfig,
    environ: Mapping[str, str],
    state_dir: Path | None,
    session_factory: SessionFactory | None = None,
) -> list[IntensityProvider]:
    """One provider per entry of ``intensity.providers``, same order; makes no call.

    Without entries: CO2 Signal or Electricity Maps where its token is in ``environ``, then the yearly average.

    ``environ`` is where tokens are looked up; ``state_dir`` may hold an imported annual.csv. Raises ConfigError
    naming the entry, or the zone.
    """
    zones.in_force(config.zone, config.cloud)  # an unknown zone is refused before anything is built
    return [
        _provider(settings, config, f"$.intensity.providers[{index}]", environ, state_dir, session_factory)
        for index, settings in enumerate(config.providers or _by_token(environ))
    ]


def _by_token(environ: Mapping[str, str]) -> list[schema.Provider]:
    if environ.get(CO2SIGNAL_TOKEN, "").strip():
        return [schema.Co2Signal(), schema.Annual()]
    if environ.get(ELECTRICITYMAPS_TOKEN, "").strip():
        return [schema.ElectricityMaps(), schema.Annual()]
    return [schema.Annual()]


def annual_file(settings: schema.Annual, state_dir: Path | None) -> Path | None:
    """Where an imported table of yearly averages is looked for."""
    if settings.file:
        return Path(settings.file)
    return state_dir / ANNUAL_FILE if state_dir is not None else None


def _provider(
    settings: schema.Provider,
    config: schema.IntensityConfig,
    path: str,
    environ: Mapping[str, str],
    state_dir: Path | None,
    session_factory: SessionFactory | None,
) -> IntensityProvider:
    if isinstance(settings, schema.Static):
        table = {zones.normalise(zone, f"{path}.zones"): grams for zone, grams in settings.zones.items()}
        if settings.value is None and not settings.hourly and not table:
            raise ConfigError(path, "a static provider needs value, hourly or zones")
        from .providers.static import StaticProvider

        return StaticProvider(settings.value, settings.hourly, table, settings.factor)
    if isinstance(settings, schema.Annual):
        from .providers.annual import AnnualProvider

        return AnnualProvider(
            annual_file(settings, state_dir),
            "" if config.zone else config.cloud,
            mix.load(config.factors_file),
        )
    http = Http(settings.base_url, session_factory, f"{path}.base_url")
    if isinstance(settings, schema.Co2Signal):
        from .providers.co2signal import Co2SignalProvider

        return Co2SignalProvider(http, Secret("co2signal", CO2SIGNAL_TOKEN, settings.token_file, environ))
    if isinstance(settings, schema.ElectricityMaps):
        from .providers.electricitymaps import ElectricityMapsProvider

        return ElectricityMapsProvider(
            http,
            Secret("electricitymaps", ELECTRICITYMAPS_TOKEN, settings.token_file, environ),
            version=settings.version,
            factor=settings.factor,
            estimations=settings.estimations,
        )
    if isinstance(settings, schema.CarbonIntensityUk):
        from .providers.carbonintensity_uk import CarbonIntensityUkProvider

        return CarbonIntensityUkProvider(http)
    if isinstance(settings, schema.Rte):
        from .providers.rte import RteProvider

        return RteProvider(http, mix.load(config.factors_file), settings.factor)
    if isinstance(settings, schema.EnergiDataService):
        from .providers.energidataservice import EnergiDataServiceProvider

        return EnergiDataServiceProvider(http)
    if isinstance(settings, schema.EnergyCharts):
        from .providers.energy_charts import EnergyChartsProvider

        return EnergyChartsProvider(http, mix.load(config.factors_file))
    if isinstance(settings, schema.Entsoe):
        from .providers.entsoe import EntsoeProvider

        token = Secret("entsoe", ENTSOE_TOKEN, settings.token_file, environ)
        return EntsoeProvider(http, token, mix.load(config.factors_file))
    password = Secret("watttime", WATTTIME_PASSWORD, settings.password_file, environ)
    from .providers.watttime import WattTimeProvider

    return WattTimeProvider(http, settings.user, password, settings.region)
