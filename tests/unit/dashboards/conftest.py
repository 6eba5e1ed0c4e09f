"""A server that answers like Prometheus, and the dashboards in front of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import uvicorn
from fastapi import FastAPI
from gramwatt_labeler.web.dashboards import router

ROOT = Path(__file__).parents[3]
EMPTY = {"status": "success", "data": {"resultType": "vector", "result": []}}


@dataclass
class Upstream:
    """What the server answers next, and what it was asked."""

    url: str = ""
    status: int = 200
    body: bytes = json.dumps(EMPTY).encode()
    content_type: str = "application/json"
    asked: list[tuple[str, str, list[tuple[str, str]]]] = field(default_factory=list)
    authorization: list[str | None] = field(default_factory=list)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    state = Upstream()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            state.asked.append((self.command, parts.path, parse_qsl(parts.query)))
            state.authorization.append(self.headers.get("Authorization"))
            self.send_response(state.status)
            self.send_header("Content-Type", state.content_type)
            self.send_header("Content-Length", str(len(state.body)))
            self.end_headers()
            self.wfile.write(state.body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def boards(tmp_path: Path) -> Path:
    """A folder with one dashboard, one broken file and one that is something else."""
    folder = tmp_path / "dashboards"
    folder.mkdir()
    (folder / "mine.json").write_text(
        json.dumps({"title": "My <board>", "description": "Of mine", "panels": []})
    )
    (folder / "broken.json").write_text("{")
    (folder / "other.json").write_text("[]")
    (tmp_path / "secret.json").write_text(json.dumps({"title": "secret", "panels": []}))
    return folder


class Client:
    """Asks the dashboards, served for real on a port of their own."""

    def __init__(self, prometheus_url: str, folder: Path) -> None:
        app = FastAPI()
        app.include_router(router(prometheus_url, folder, {"Authorization": "Bearer for-prometheus-only"}))
        self._server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + 20
        while not self._server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    def request(self, method: str, path: str, **more: Any) -> requests.Response:
        return requests.request(method, self.url + path, timeout=20, allow_redirects=False, **more)

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.request("GET", path, **more)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)


@pytest.fixture
def serve() -> Iterator[Callable[[str, Path], Client]]:
    """Dashboards of a folder in front of a Prometheus."""
    running: list[Client] = []

    def start(prometheus_url: str, folder: Path) -> Client:
        running.append(Client(prometheus_url, folder))
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture
def client(serve: Callable[[str, Path], Client], upstream: Upstream, boards: Path) -> Client:
    return serve(upstream.url, boards)
