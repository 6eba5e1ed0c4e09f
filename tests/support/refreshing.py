"""A refresher in virtual time, as its own thread would run it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from gramwatt_exporter.config.schema import (
    Annual,
    Co2Signal,
    IntensityConfig,
)
from gramwatt_exporter.intensity import registry
from gramwatt_exporter.intensity.refresher import Refresher
from gramwatt_exporter.model import IntensityState

HOUR, DAY = 3600.0, 86400.0


def configured(grid: Any, *first: Any, **options: Any) -> IntensityConfig:
    providers = [*(first or (Co2Signal(base_url=grid.url),)), Annual()]
    return IntensityConfig(**{"zone": "FR", "providers": providers, **options})


def started(
    grid: Any, environ: dict[str, str], config: IntensityConfig | None = None, cache: Path | None = None
) -> Refresher:
    config = config or configured(grid)
    return Refresher(
        config, registry.build(config, environ, cache), cache, lambda: grid.now, chance=random.Random(1)
    )


def live(keeper: Refresher, grid: Any, seconds: float, step: float = 30.0) -> IntensityState:
    """Let time pass as the refresher's own thread would see it."""
    end = grid.now + seconds
    while grid.now < end:
        keeper.refresh_once(grid.now)
        grid.now += step
    return keeper.refresh_once(grid.now)


def busiest_hour(grid: Any) -> int:
    times = sorted(call.at for call in grid.calls)
    return max(sum(1 for other in times if at <= other < at + HOUR) for at in times)
