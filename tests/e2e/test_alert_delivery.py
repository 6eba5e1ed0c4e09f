"""From a stack without a budget to a message and its end: the words of the quick start, with real programs.

Exporter, Prometheus and Alertmanager run with the configuration that `make up` writes. Only waits are shortened.
"""

from __future__ import annotations

import json
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ports_for_tests import free_ports
from running import exporter

from stack import prometheus_config, tools
from stack.settings import ROOT, Settings, load

pytestmark = pytest.mark.e2e

SETTINGS = "sampling: {interval: 200ms}\nintensity: {zone: FR}  # any\n"
RUNBOOKS = "https://wiki.example.org/runbooks"


@contextmanager
def webhook() -> Iterator[tuple[str, queue.Queue[Any]]]:
    """Its address, and the alerts that Alertmanager posted."""
    posted: queue.Queue[Any] = queue.Queue()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            for alert in json.loads(self.rfile.read(int(self.headers["Content-Length"])))["alerts"]:
                posted.put(alert)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", posted
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def program(*words: str, log: Path) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen(words, stdout=out, stderr=out)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def hurried(file: Path) -> None:
    """Scrapes, rules and groups every second, and the holds of budgets in seconds instead of minutes.

    Machines' alerts keep their holds: what they would say about a test machine is not asked here.
    """
    text = file.read_text()
    text = re.sub(
        r"^(\s*)(scrape_interval|evaluation_interval|interval|group_interval): \w+$",
        r"\1\2: 1s",
        text,
        flags=re.M,
    )
    text = re.sub(r"^(\s*)group_wait: \w+$", r"\1group_wait: 3s", text, flags=re.M)
    if file.name == "gramwatt-budgets.yml":
        text = re.sub(r"^(\s*)for: (\d+)m$", r"\1for: \2s", text, flags=re.M)
    file.write_text(text)


def stack(folder: Path, environ: dict[str, str]) -> Settings:
    """The settings of a native stack in this folder, and its configuration of Prometheus and Alertmanager."""
    settings = load({**environ, "STACK_MODE": "native", "STACK_VAR": str(folder)}, root=folder)
    prometheus_config.render(settings)
    for file in prometheus_config.folder(settings).rglob("*.yml"):
        if file.parent.name != "targets":
            hurried(file)
    return settings


def budget(environ: dict[str, str], words: str) -> str:
    """`make budget ARGS=...`, which must succeed."""
    command = [sys.executable, "-m", "stack", "budget", *words.split()]
    result = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def until(posted: queue.Queue[Any], status: str, seconds: float = 90) -> list[dict[str, Any]]:
    """Alerts up to and with the first of this status."""
    alerts: list[dict[str, Any]] = []
    end = time.monotonic() + seconds
    while not alerts or alerts[-1]["status"] != status:
        alerts.append(posted.get(timeout=max(0.1, end - time.monotonic())))
    return alerts


def test_a_spent_budget_is_told_and_its_end_too(tmp_path: Path) -> None:
    settings_file = tmp_path / "exporter.yml"
    settings_file.write_text(SETTINGS)
    bin_dir = tools.ensure()
    names = ("STACK_PROMETHEUS_PORT", "STACK_ALERTMANAGER_PORT", "STACK_LABELER_PORT", "STACK_GRAFANA_PORT")
    with (
        webhook() as (people, told),
        webhook() as (switch, alive),
        exporter(tmp_path, {"config.file": str(settings_file)}) as running,
    ):
        environ = {
            **dict(zip(names, map(str, free_ports(4)), strict=True)),
            "PATH": str(bin_dir),
            "STACK_EXPORTER_PORT": running.address.rpartition(":")[2],
            "STACK_VAR": str(tmp_path),
            "STACK_CONFIG": str(settings_file),
            "STACK_ALERT_WEBHOOK": people,
            "STACK_ALERT_WATCHDOG": switch,
            "STACK_RUNBOOKS": RUNBOOKS,
            "GRAMWATT_SOCKET_PATH": running.socket,
        }
        settings = stack(tmp_path, environ)
        folder = prometheus_config.folder(settings)
        with (
            program(
                str(bin_dir / "alertmanager"),
                f"--config.file={folder}/alertmanager.yml",
                f"--storage.path={tmp_path}/alertmanager",
                f"--web.listen-address={settings.url('alertmanager').removeprefix('http://')}",
                "--cluster.listen-address=",
                log=tmp_path / "alertmanager.log",
            ),
            program(
                str(bin_dir / "prometheus"),
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={tmp_path}/tsdb",
                f"--web.listen-address={settings.url('prometheus').removeprefix('http://')}",
                log=tmp_path / "prometheus.log",
            ),
        ):
            assert alive.get(timeout=90)["labels"]["alertname"] == "GramwattWatchdog"
            said = budget(environ, "add first --limit 0.01mg --period day")
            assert "the running exporter has taken it over" in said
            firing = until(told, "firing")
            budget(environ, "remove first")
            budget(environ, "add first --limit 1t --period day")
            resolved = until(told, "resolved")
            time.sleep(3)  # long enough for a group that would follow
            others = list(told.queue)
        beats = {alert["labels"]["alertname"] for alert in alive.queue}
    assert [(alert["labels"]["alertname"], alert["status"]) for alert in [*firing, *resolved, *others]] == [
        ("GramwattBudgetSpent", "firing"),
        ("GramwattBudgetSpent", "resolved"),
    ]
    assert beats <= {"GramwattWatchdog"}
    spent = firing[0]
    assert (spent["labels"]["budget"], spent["labels"]["severity"]) == ("first", "warning")
    assert spent["labels"]["monitor"] == "gramwatt"
    assert re.fullmatch(r"Emission budget first is \S+% spent\.", spent["annotations"]["summary"])
    assert spent["annotations"]["runbook_url"] == f"{RUNBOOKS}/GramwattBudgetSpent.md"
    assert settings_file.read_text().startswith(SETTINGS)
