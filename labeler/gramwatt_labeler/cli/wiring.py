"""What commands that keep something work with, made from the settings: the store, jobs, the hub, Grafana."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ..annotate import Annotator
from ..appearance import Appearance
from ..config import Config
from ..errors import ConfigError, ScaleError
from ..hub.remote import Hub
from ..hub.sync import sync
from ..job_runner import JobRunner, Kind, Progress
from ..probe.asked import read_asked
from ..probe.outcome import Setup, probe
from ..scale_book.live import LiveScales
from ..scale_book.regrading import regrade
from ..scale_book.rows import ScaleRows
from ..scale_files import LoadedScale, load_scales, pick
from ..store import Store
from ..store.hub import HubRows
from ..store.jobs import Jobs
from .servers import prometheus, secret


def annotator(config: Config) -> Annotator | None:
    """None without a Grafana; raises ConfigError for one without a token."""
    if not config.grafana.url:
        return None
    token = os.environ.get("GRAMWATT_GRAFANA_TOKEN", "") or secret(
        config.grafana.token_file, "grafana.token_file"
    )
    if not token:
        raise ConfigError(
            "$.grafana.token_file", "a token is needed with grafana.url; or set GRAMWATT_GRAFANA_TOKEN"
        )
    return Annotator(config.grafana.url, token, config.grafana.timeout)


def opened(config: Config, keeps: bool = True) -> Store:
    """The store, with the colours that managers chose in force. Without ``keeps`` nothing written stays."""
    store = Store(config.database_url, keeps)
    Appearance(store.database).refresh()
    return store


def live_scales(config: Config, store: Store) -> LiveScales:
    """Those of files and those that managers made. Raises ScaleError when one that grades is missing."""
    scales = LiveScales(load_scales(config.grading.scales_dir), ScaleRows(store.database))
    pick(scales, config.grading.scales)
    return scales


def job_runner(config: Config, store: Store, scales: LiveScales) -> JobRunner:
    """Does what the pages and the API queue."""

    def again(params: Mapping[str, Any], progress: Progress) -> dict[str, int]:
        scales.forget()
        loaded = scales.get(str(params.get("scale")))
        if loaded is None:
            raise ScaleError(f"no scale {params.get('scale')!r}")
        done = 0
        named = config.grading.scales
        graded = regrade(
            store, loaded, time.time(), config.grading.hardware, grades_new=True, of_measured=named
        )
        for done, _ in enumerate(graded, 1):
            progress({"graded": done})
        return {"graded": done}

    return JobRunner(
        Jobs(store.database),
        {
            "regrade": again,
            "probe": _probing(config, store, scales),
            "hub": _syncing(config, store, scales),
        },
    )


def probe_setup(config: Config, store: Store | None, scales: Callable[[], Sequence[LoadedScale]]) -> Setup:
    """What a probe works with; without a store nothing is kept."""
    keep = store.add_evaluation if store is not None else None
    return Setup(prometheus(config), scales, keep, config.probe.allowed_hosts, config.grading.hardware)


def _probing(config: Config, store: Store, scales: LiveScales) -> Kind:
    setup = probe_setup(config, store, lambda: pick(scales, config.grading.scales))

    def run(params: Mapping[str, Any], progress: Progress) -> Any:
        asked = read_asked(params["asked"])
        return probe(asked, setup, progress, str(params["evaluation"]), str(params["by"]))

    return run


def hub(config: Config) -> Hub:
    """The hub's client. Raises ConfigError where its library is missing."""
    token = os.environ.get("HF_TOKEN", "") or secret(config.hub.token_file, "hub.token_file")
    return Hub(config.hub.endpoint, token)


def _syncing(config: Config, store: Store, scales: LiveScales) -> Kind:
    def run(params: Mapping[str, Any], progress: Progress) -> Any:
        counts = sync(
            hub(config), HubRows(store.database), scales, config.grading.scales[0], str(params["by"]), progress,
            bool(params.get("whole")), bool(params.get("texts")),
        )  # fmt: skip
        return asdict(counts)

    return run
