"""A spent budget tells somebody: exporter, Prometheus, Alertmanager and a webhook, with the configuration we ship.

Only waiting times are shortened, and the webhook is added where alertmanager.yml says it goes.
"""

from __future__ import annotations

import json
import queue
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ports_for_tests import free_ports
from running import exporter

from stack import tools

pytestmark = pytest.mark.e2e

SHIPPED = Path(__file__).parents[2] / "prometheus"
SETTINGS = """
budgets: [{name: tiny, limit: 1mg, period: month}]
intensity: {zone: FR}
sampling: {interval: 200ms}
"""


@contextmanager
def webhook() -> Iterator[tuple[str, queue.Queue[Any]]]:
    """Its address, and what Alertmanager posted."""
    posted: queue.Queue[Any] = queue.Queue()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
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


def hurried(text: str) -> str:
    """The same with every wait of a scrape, a rule or a group one second."""
    waits = r"(scrape_interval|evaluation_interval|interval|for|group_wait)"
    return re.sub(rf"^(\s*){waits}: \w+$", r"\1\2: 1s", text, flags=re.MULTILINE)


def shipped_with(folder: Path, addresses: dict[str, str], hook: str) -> None:
    """The shipped configuration in ``folder``, with these targets and this webhook."""
    for name in ("rules", "targets"):
        (folder / name).mkdir()
    for file in (SHIPPED / "prometheus.yml", *(SHIPPED / "rules").glob("*.yml")):
        (folder / file.relative_to(SHIPPED)).write_text(hurried(file.read_text()))
    for name, address in addresses.items():
        (folder / "targets" / f"{name}.yml").write_text(f'- targets: ["{address}"]\n')
    alerts = hurried((SHIPPED / "alertmanager.yml").read_text())
    with_hook = alerts.replace(
        "  - name: visible-only\n", f'  - name: visible-only\n    webhook_configs: [{{url: "{hook}"}}]\n'
    )
    assert with_hook != alerts
    (folder / "alertmanager.yml").write_text(with_hook)


def test_a_spent_budget_reaches_a_webhook(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yml"
    settings.write_text(SETTINGS)
    bin_dir = tools.ensure()
    prometheus, alertmanager = (f"127.0.0.1:{port}" for port in free_ports(2))
    with webhook() as (hook, posted), exporter(tmp_path, {"config.file": str(settings)}) as running:
        shipped_with(tmp_path, {"exporter": running.address, "alertmanager": alertmanager}, hook)
        with (
            program(
                str(bin_dir / "alertmanager"),
                f"--config.file={tmp_path}/alertmanager.yml",
                f"--storage.path={tmp_path}/alertmanager",
                f"--web.listen-address={alertmanager}",
                "--cluster.listen-address=",
                log=tmp_path / "alertmanager.log",
            ),
            program(
                str(bin_dir / "prometheus"),
                f"--config.file={tmp_path}/prometheus.yml",
                f"--storage.tsdb.path={tmp_path}/tsdb",
                f"--web.listen-address={prometheus}",
                log=tmp_path / "prometheus.log",
            ),
        ):
            told: dict[str, Any] = {}
            while "GramwattBudgetSpent" not in told:
                message = posted.get(timeout=60)
                told |= {alert["labels"]["alertname"]: alert for alert in message["alerts"]}
    spent = told["GramwattBudgetSpent"]
    assert spent["status"] == "firing"
    assert spent["labels"]["budget"] == "tiny"
    assert spent["labels"]["severity"] == "warning"
    assert re.fullmatch(r"Emission budget tiny is [\d.]+% spent\.", spent["annotations"]["summary"])
    runbook = Path(__file__).parents[2] / spent["annotations"]["runbook_url"]
    assert runbook.is_file()
