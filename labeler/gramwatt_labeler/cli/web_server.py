"""The web pages behind a socket, for ``watch`` and ``serve``."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from ..config import Config
from ..errors import ConfigError
from ..published import Published
from ..scale_files import LoadedScale
from ..store import Store
from ..web.app import create_app
from ..web.door import host_of
from . import exit_codes
from .servers import output, prometheus, prometheus_headers


def build(
    config: Config,
    registry: CollectorRegistry,
    published: Published,
    store: Store,
    scales: Mapping[str, LoadedScale],
    wake_jobs: Callable[[], None] = lambda: None,
) -> FastAPI:
    """The application over these grades and metrics. ``wake_jobs`` is called when there is a new job."""
    return create_app(
        registry,
        published,
        store,
        scales,
        config.grading.scales[0],
        output(config).page,
        config.prometheus.url,
        Path(config.web.dashboards_dir),
        prometheus_headers(config),
        [*config.web.allowed_hosts, host_of(config.base_url)],
        prometheus(config),
        wake_jobs=wake_jobs,
        hardware=config.grading.hardware,
        probe_hosts=config.probe.allowed_hosts,
        more_scales=config.grading.scales[1:],
    )


def run(app: FastAPI, config: Config) -> int:
    """Serve until SIGINT or SIGTERM; returns the exit code. Raises ConfigError when it cannot listen."""
    host, port = config.listen
    settings = uvicorn.Config(
        app,
        host=host,
        port=port,
        http="h11",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=3,
    )
    server = uvicorn.Server(settings)
    # uvicorn ends on these, then raises them again for the handlers that were there before: ours, which need no more.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    try:
        server.run()
    except SystemExit:
        raise ConfigError(
            "$.web.listen_address", f"cannot listen on {config.web.listen_address}; is the port taken?"
        ) from None
    return 0 if server.started else exit_codes.ERROR
