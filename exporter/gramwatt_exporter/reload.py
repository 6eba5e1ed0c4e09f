"""Apply new settings while running (SIGHUP). The log names changed settings that need a restart."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from . import log
from .assembly import Exporter
from .budgets import BudgetBook
from .config import Config, Loaded
from .errors import GramwattError
from .intensity.registry import build as build_providers

_LOG = logging.getLogger(__name__)
_NEEDS_RESTART = ("web", "path", "state", "socket", "sensors", "machine")


def apply(exporter: Exporter, loaded: Loaded, environ: Mapping[str, str]) -> None:
    """Runs on the loop's thread. All or nothing: everything that may be refused is built before anything changes."""
    old, new = exporter.config, loaded.config
    state_dir = Path(old.state.dir) if old.state.dir else None
    try:
        providers = build_providers(new.intensity, environ, state_dir)
        take_tcp = _tcp(exporter, new)
        exporter.web.reload()
    except GramwattError as error:
        _LOG.error("the new settings are refused and the old ones stay in force: %s", error)
        return
    take_tcp()
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
    sampler.membership.configure(new.windows)
    sampler.series.configure(new.process)
    sampler.configure_workloads(new.workloads)
    sampler.extras.configure(new)
    exporter.loop.interval = exporter.node.interval = float(new.sampling.interval)
    exporter.config = new
    waiting = [name for name in _NEEDS_RESTART if getattr(new, name) != getattr(old, name)]
    if replace(new.windows.tcp, token_file="") != replace(old.windows.tcp, token_file=""):
        waiting.append("windows.tcp")
    if waiting:
        _LOG.warning("settings are reloaded; changes under %s need a restart", ", ".join(waiting))
    else:
        _LOG.info("settings are reloaded")


def _tcp(exporter: Exporter, new: Config) -> Callable[[], None]:
    """Read tokens and certificates again; the result takes them over."""
    if exporter.tcp_api is None or not new.windows.tcp.listen_address:
        return lambda: None
    return exporter.tcp_api.prepare(new.windows.tcp)
