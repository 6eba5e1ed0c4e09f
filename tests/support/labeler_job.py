"""The labeler's job with everything around it, one poll at a time: store, labels, metrics, pages, a Grafana."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import requests
import uvicorn
from fastapi import FastAPI
from gramwatt_labeler.annotate import Annotator
from gramwatt_labeler.metrics import Health
from gramwatt_labeler.output import Output
from gramwatt_labeler.prometheus import Prometheus
from gramwatt_labeler.published import Published
from gramwatt_labeler.scale_files import load_scales, pick
from gramwatt_labeler.store import Store
from gramwatt_labeler.watch import Watch
from gramwatt_labeler.web.app import create_app
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

GRADEABLE = {
    "short", "steady", "reset-long", "twice", "hostile", "no-uncertainty", "replicas", "lagging", "renamed",
    "renamed-reset", "succeeded", "over",
}  # fmt: skip
REFUSED = {
    "reset-short", "restarted", "gpu-lost", "two-samples", "zero", "no-task", "crashed", "killed", "raised", "vanished",
    "tiny", "absurd", "huge",
}  # fmt: skip
NEVER_MEASURED = {"beyond", "distant"}  # tried three times, then refused
SCALES = str(Path(__file__).parents[1] / "fixtures" / "scales")
DOCS = Path(__file__).parents[2] / "docs" / "labeler.md"


class Site:
    """The application behind a real server on a port of its own, started with the first call."""

    def __init__(self, app: FastAPI) -> None:
        self._server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def get(
        self, path: str, params: Mapping[str, str | int] | None = None, accept: str = "*/*"
    ) -> requests.Response:
        if not self._thread.is_alive():
            self._thread.start()
            deadline = time.monotonic() + 20
            while not self._server.started and time.monotonic() < deadline:
                time.sleep(0.02)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return requests.get(
            f"http://127.0.0.1:{port}{path}", params=params, headers={"Accept": accept}, timeout=20
        )

    def stop(self) -> None:
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(10)


class Job:
    """A watch with everything around it, one poll at a time."""

    def __init__(
        self,
        folder: Path,
        url: str,
        now: float,
        annotator: Annotator | None = None,
        formats: tuple[str, ...] = (),
    ) -> None:
        self.registry = CollectorRegistry()
        self.store = Store(f"sqlite:///{folder / 'grades.db'}")
        self.scales = load_scales(SCALES)
        self.labels = folder / "labels"
        self.published = Published()
        output = Output(self.labels, formats, "http://127.0.0.1:10045")
        self.watch = Watch(
            Prometheus(url, httpx.Client(), 5), self.store, pick(self.scales, ["gramwatt", "comparia"]), output,
            Health(self.registry), self.published, annotator, lookback=86_400 * 2, now=lambda: now,
        )  # fmt: skip
        self._page_of, self._url, self._folder = output.page, url, folder

    @cached_property
    def client(self) -> Site:
        """Its pages, built with the first use."""
        return Site(
            create_app(
                self.registry, self.published, self.store, self.scales, "gramwatt", self._page_of, self._url,
                self._folder / "dashboards",
            )
        )  # fmt: skip

    def close(self) -> None:
        if "client" in vars(self):
            self.client.stop()
        self.store.close()

    def scrape(self) -> str:
        """What a scrape sees."""
        return self.published.page(self.registry, generate_latest, "text").decode()

    def metrics(self) -> dict[str, dict[str, float]]:
        """name -> {window or the labels: value} of what a scrape sees."""
        found: dict[str, dict[str, float]] = {}
        for family in text_string_to_metric_families(self.scrape()):
            for sample in family.samples:
                key = sample.labels.get("window", "")
                if sample.labels.get("scale", "gramwatt") == "gramwatt":
                    found.setdefault(sample.name, {})[key or ",".join(sample.labels.values())] = sample.value
        return found


class answering:  # noqa: N801 - used like a function
    """A local server; ``answer(path, body)`` gives status and body. Calls are kept."""

    def __init__(self, answer: Callable[[str, bytes], tuple[int, bytes]]) -> None:
        calls: list[tuple[str, str, bytes]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                calls.append((self.path, self.headers.get("Authorization", ""), body))
                status, content = answer(self.path, body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.calls = calls

    def __enter__(self) -> tuple[str, list[tuple[str, str, bytes]]]:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self.url, self.calls

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
