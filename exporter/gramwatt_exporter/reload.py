"""Take new settings over while running (SIGHUP): what can change does, for the rest a restart is asked for."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path

from . import log
from .assembly import Exporter
from .budgets import BudgetBook
from .config import Loaded
from .errors import GramwattError
from .intensity.registry import build as build_providers

_LOG = logging.getLogger(__name__)
_NEEDS_RESTART = ("web", "path", "state", "socket", "sensors")


def apply(exporter: Exporter, loaded: Loaded, environ: Mapping[str, str]) -> None:
    """Runs on the loop's thread. All or nothing: what could be refused is built before anything changes."""
    old, new = exporter.config, loaded.config
    state_dir = Path(old.state.dir) if old.state.dir else None
    try:
        providers = build_providers(new.intensity, environ, state_dir)
        exporter.web.reload()
    except GramwattError as error:
        _LOG.error("the new settings are refused and the old ones stay in force: %s", error)
        return
    sampler = exporter.node.sampler
    log.configure(new.log.level, new.log.format)
    for warning in loaded.warnings:
        _LOG.warning(warning)
    if new.intensity != old.intensity:
        exporter.refresher.reload(new.intensity, providers)
    if new.budgets != old.budgets:
        budgets = BudgetBook(new.budgets, time.time)
        budgets.restore(sampler.budgets.state())
        sampler.replace_budgets(budgets)
    sampler.configure_windows(new.windows)
    sampler.set_series(new.process)
    sampler.extras.configure(new)
    exporter.loop.interval = exporter.node.interval = float(new.sampling.interval)
    exporter.config = new
    waiting = [name for name in _NEEDS_RESTART if getattr(new, name) != getattr(old, name)]
    if waiting:
        _LOG.warning("settings are reloaded; changes under %s need a restart", ", ".join(waiting))
    else:
        _LOG.info("settings are reloaded")
