"""The stack in containers: what tests ask of it and do to it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from docker_engine import Engine
from running import Series, parse

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-that-nobody-may-see"
# One of every kind of setting, and each differs from its default.
SETTINGS = {
    "GRAMWATT_INTENSITY_ZONE": "FR",
    "GRAMWATT_INTENSITY_PROVIDERS": "[{kind: annual}]",
    "GRAMWATT_SAMPLING_INTERVAL": "1s",
    "GRAMWATT_PROCESS_SERIES": "20",
    "GRAMWATT_PROCESS_DEPARTED_SCRAPES": "4",
    "GRAMWATT_PUE": "1.2",
    "GRAMWATT_PRICE_CURRENCY": "EUR",
    "GRAMWATT_PRICE_PER_KILOWATT_HOUR": "0.25",
    "GRAMWATT_WINDOWS_RETENTION": "2h",
    "GRAMWATT_SENSORS_ESTIMATE_MEMORY": "size",
    "GRAMWATT_MACHINE_NODE": "trial",
    "GRAMWATT_LOG_LEVEL": "debug",
    "GRAMWATT_CO2SIGNAL_TOKEN": TOKEN,
    "GRAMWATT_GRAFANA_TOKEN": TOKEN,
}


class Stack:
    """The running containers of the copy in ``folder``."""

    def __init__(self, engine: Engine, folder: Path, ports: dict[str, int], run: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.ports = ports
        self.run = run
        self.host = "127.0.0.1"

    def compose(self, *words: str, check: bool = True) -> str:
        return self.engine.docker("compose", "--ansi", "never", *words, cwd=self.folder, check=check)

    def up(self) -> None:
        self.compose("up", "-d", "--build", "--wait", "--wait-timeout", "150")

    def url(self, service: str, path: str) -> str:
        return f"http://{self.host}:{self.ports[service]}{path}"

    def get(self, service: str, path: str, **params: str) -> Any:
        answer = requests.get(self.url(service, path), params=params, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def query(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("prometheus", "/api/v1/query", query=expression)["data"][
            "result"
        ]
        return found

    def metrics(self) -> Series:
        return parse(requests.get(self.url("exporter", "/metrics"), timeout=10).text)

    def replace(self, name: str, change: Callable[[str], str]) -> None:
        """Put a new file in the place of the old one, as editors and git do. A change that changes nothing fails."""
        file = self.folder / name
        new = file.with_name(f"{file.name}~")
        text = file.read_text()
        assert change(text) != text, name
        new.write_text(change(text))
        new.replace(file)

    def containers(self) -> dict[str, dict[str, Any]]:
        """What `docker inspect` shows, by service."""
        shown = json.loads(self.engine.docker("inspect", *self.compose("ps", "-aq").split()))
        return {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in shown}


def until(check: Callable[[], Any], seconds: float = 60) -> Any:
    """The first true answer of ``check``, else its last; errors of the network count as no answer."""
    end = time.monotonic() + seconds
    while True:
        try:
            answer = check()
        except requests.RequestException:
            answer = None
        if answer or time.monotonic() > end:
            return answer
        time.sleep(0.5)
