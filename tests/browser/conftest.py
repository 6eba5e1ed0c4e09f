"""A real Prometheus with a week of a made-up laboratory, the dashboards' own server, and a real Chromium."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from gramwatt_labeler.web.dashboards import router
from history_server import NOW, ROOT, laboratory, made_once, prometheus
from page import write
from playwright.sync_api import Browser, Page, expect, sync_playwright

NOWHERE = "http://127.0.0.1:9"  # nobody listens there; the tests answer in Prometheus' place
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Served:
    """The dashboards on a port of their own."""

    def __init__(self, prometheus_url: str, folder: Path) -> None:
        app = FastAPI()
        app.include_router(router(prometheus_url, folder))
        self._server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + 20
        while not self._server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)


@pytest.fixture(scope="session")
def prometheus_url(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    """A Prometheus with the laboratory's data up to and beyond NOW."""
    own = tmp_path_factory.mktemp("prometheus")
    shared = (
        tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    )
    with prometheus(made_once(shared, own, "laboratory", laboratory)) as url:
        yield url


@pytest.fixture(scope="session")
def site(prometheus_url: str) -> Iterator[str]:
    """Address of the dashboards, fed by the laboratory's Prometheus."""
    served = Served(prometheus_url, ROOT / "grafana" / "dashboards")
    yield served.url
    served.stop()


@pytest.fixture
def serve() -> Iterator[Callable[[str, Path], str]]:
    """Serve other dashboards, or with another Prometheus, for one test."""
    running: list[Served] = []

    def start(prometheus_url: str, folder: Path = ROOT / "grafana" / "dashboards") -> str:
        running.append(Served(prometheus_url, folder))
        return running[-1].url

    yield start
    for one in running:
        one.stop()


def executable() -> str:
    """The system's Chromium; GRAMWATT_CHROMIUM names another. Skips the test where there is none."""
    path = os.environ.get("GRAMWATT_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium on PATH: install it, or name it in GRAMWATT_CHROMIUM")
    return path


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A browser."""
    path = executable()
    expect.set_options(timeout=20_000)  # a busy machine is slow, not wrong
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def large_letters(chromium: Browser) -> Iterator[Browser]:
    """A browser whose user has chosen letters twice as large, in its settings."""
    large = [*CHROMIUM_FLAGS, "--blink-settings=defaultFontSize=32"]
    browser = chromium.browser_type.launch(executable_path=executable(), args=large)
    yield browser
    browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A wide page that fails the test when its scripts do."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    context.clock.install(time=NOW)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


@pytest.fixture
def own(serve: Callable[[str, Path], str], tmp_path: Path) -> Callable[..., str]:
    """Serve a dashboard of these panels; returns the address of the site."""
    return lambda *panels, **more: serve(NOWHERE, write(tmp_path, *panels, **more))
