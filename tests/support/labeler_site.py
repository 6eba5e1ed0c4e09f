"""The whole labeler on a port of its own, over a store of the test's."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from gramwatt_labeler.published import Published
from gramwatt_labeler.scale_files import load_scales
from gramwatt_labeler.store import Store
from gramwatt_labeler.web.app import create_app
from prometheus_client import CollectorRegistry

DASHBOARDS = Path(__file__).parents[2] / "grafana" / "dashboards"


def application(store: Store) -> FastAPI:
    """All of it; nobody is where it looks for Prometheus."""
    return create_app(
        CollectorRegistry(), Published(), store, load_scales(), "gramwatt", lambda one: f"http://lab/evaluations/{one}",
        "http://127.0.0.1:9", DASHBOARDS,
    )  # fmt: skip


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off", http="h11"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
