"""The whole stack as a user runs it: up, a measured run, its grade, down. Real programs on free ports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from ports_for_tests import free_ports

from stack import selfcheck, tools
from stack.settings import PORTS, Settings, load

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
BURN = "import time; end = time.process_time() + 6; n = 0\nwhile time.process_time() < end: n += 1"


@dataclass
class Stack:
    """One native stack of its own, away from any other on this machine."""

    environ: dict[str, str]
    settings: Settings

    def command(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "stack", *words],
            cwd=ROOT,
            env={**self.environ, **more},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def processes(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("STACK_MARK") == str(self.settings.var):
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def query(self, expression: str) -> list[dict[str, Any]]:
        return selfcheck.query(self.settings, expression)


def until(check: Callable[[], Any], seconds: float) -> Any:
    """The first true answer of ``check``, or its last."""
    end = time.monotonic() + seconds
    while not (answer := check()) and time.monotonic() < end:
        time.sleep(0.5)
    return answer


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    # Not pytest's tmp_path: a Unix socket's path has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="gw-") as folder:
        environ = {
            name: value for name, value in os.environ.items() if not name.startswith(("STACK_", "GRAMWATT_"))
        }
        names = [name for name, _ in PORTS.values()]
        environ |= {name: str(port) for name, port in zip(names, free_ports(len(names)), strict=True)}
        environ |= {
            "STACK_MODE": "native",
            "STACK_VAR": f"{folder}/var",
            "GRAMWATT_SOCKET_PATH": f"{folder}/gramwatt.sock",
            "GRAMWATT_INTENSITY_ZONE": "FR",
            "GRAMWATT_LABELER_WATCH_INTERVAL": "2s",
        }
        running = Stack(environ, load(environ, Path(folder)))
        try:
            up = running.command("up")
            assert up.returncode == 0, up.stdout + up.stderr
            yield running
        finally:
            down = running.command("down")
            assert down.returncode == 0, down.stderr


def test_every_target_is_up(stack: Stack) -> None:
    answer = requests.get(stack.settings.url("prometheus", "/api/v1/targets"), timeout=10).json()
    health = {target["labels"]["job"]: target["health"] for target in answer["data"]["activeTargets"]}
    assert health == {"gramwatt": "up", "gramwatt-labeler": "up", "prometheus": "up", "alertmanager": "up"}


def test_prometheus_knows_the_alertmanager_and_the_rules(stack: Stack) -> None:
    found = requests.get(stack.settings.url("prometheus", "/api/v1/alertmanagers"), timeout=10).json()
    assert len(found["data"]["activeAlertmanagers"]) == 1
    rules = requests.get(stack.settings.url("prometheus", "/api/v1/rules"), timeout=10).json()
    states = {rule["health"] for group in rules["data"]["groups"] for rule in group["rules"]}
    assert states <= {"ok", "unknown"}, "a rule fails on the live server"
    assert rules["data"]["groups"]


def test_no_joule_is_lost_in_any_scrape(stack: Stack) -> None:
    seen = []
    for _ in range(3):
        found = selfcheck.balances(selfcheck.scrape(stack.settings.url("exporter", "/metrics")))
        assert found
        for component, balance in found.items():
            assert balance.device == balance.accounted == sum(balance.parts.values()), component
        seen.append(sum(balance.device for balance in found.values()))
        subprocess.run(["sleep", "0.1"], check=True)  # a short-lived process between scrapes
        time.sleep(2)
    assert seen == sorted(seen)


def test_promtool_finds_nothing_to_say_about_the_metrics(stack: Stack) -> None:
    text = requests.get(stack.settings.url("exporter", "/metrics"), timeout=10).text
    promtool = tools.ensure() / "promtool"
    linted = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (linted.returncode, linted.stdout + linted.stderr) == (0, "")


def test_power_is_in_prometheus(stack: Stack) -> None:
    devices = stack.query("gramwatt_device_power_watts")
    assert {row["metric"]["job"] for row in devices} == {"gramwatt"}
    assert all(float(row["value"][1]) > 0 for row in devices)


def test_a_measured_run_gets_its_grade(stack: Stack, tmp_path: Path) -> None:
    summary_file = tmp_path / "summary.json"
    client = str(Path(sys.executable).parent / "gramwatt")
    words = [
        "run",
        "--name",
        "e2e",
        "--phase",
        "training",
        "--task",
        "image-classification",
        "--dataset",
        "optdigits",
        "--value",
        "samples=1000",
    ]
    run = subprocess.run(
        [client, *words, "--summary-json", str(summary_file), "--", sys.executable, "-c", BURN],
        env=stack.environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    summary = json.loads(summary_file.read_text())
    assert summary["energy_joules"] > 0
    assert summary["emissions_grams"] > 0
    window = summary["window"]

    grade = until(lambda: stack.query(f'gramwatt_grade_info{{window="{window}"}}'), 120)
    assert len(grade) == 1, stack.command("logs").stdout
    assert grade[0]["metric"]["grade"] in "ABCDE"

    # The grade comes from the exporter itself. The window's counter begins at 0 in Prometheus: two scrapes, 5 s each.
    total = f'sum(last_over_time(gramwatt_window_energy_joules_total{{window="{window}"}}[10m]))'
    energy = pytest.approx(summary["energy_joules"], abs=1e-5)
    until(lambda: [float(row["value"][1]) for row in stack.query(total)] == [energy], 60)
    assert [float(row["value"][1]) for row in stack.query(total)] == [energy]
    assert list((stack.settings.var / "labeler").rglob(f"*{window}*.svg"))


def test_up_again_changes_nothing(stack: Stack) -> None:
    before = {process.pid for process in stack.processes()}
    again = stack.command("up")
    assert again.returncode == 0, again.stderr
    assert "unchanged" in again.stdout
    assert {process.pid for process in stack.processes()} == before


def test_a_service_that_is_killed_comes_back_and_the_others_stay(stack: Stack) -> None:
    def of(program: str) -> list[psutil.Process]:
        """Below the shell that keeps it."""
        keepers = [
            each for each in stack.processes() if f"stack/keep.sh {program}" in " ".join(each.cmdline())
        ]
        return [child for keeper in keepers for child in keeper.children()]

    (labeler,), (prometheus,) = of("gramwatt-labeler"), of("prometheus")
    labeler.kill()
    back = until(lambda: [process for process in of("gramwatt-labeler") if process != labeler], 60)
    assert back, stack.command("logs").stdout
    assert until(lambda: stack.command("status").returncode == 0, 60), stack.command("logs").stdout
    assert of("prometheus") == [prometheus]
    assert "gramwatt-labeler ended with status" in stack.command("logs").stdout


def test_a_second_stack_on_the_same_ports_is_told_which_setting_moves_it(
    stack: Stack, tmp_path: Path
) -> None:
    other = stack.command("up", STACK_VAR=str(tmp_path / "var"))
    assert other.returncode == 1
    assert f"port {stack.settings.ports['exporter']} for exporter" in other.stderr
    assert "STACK_EXPORTER_PORT=" in other.stderr
    assert stack.command("status").returncode == 0


def test_down_leaves_no_process_and_up_goes_on_where_it_was(stack: Stack) -> None:
    total = sum(
        balance.device
        for balance in selfcheck.balances(
            selfcheck.scrape(stack.settings.url("exporter", "/metrics"))
        ).values()
    )
    assert stack.command("down").returncode == 0
    assert stack.processes() == []
    up = stack.command("up")
    assert up.returncode == 0, up.stderr
    found = selfcheck.balances(selfcheck.scrape(stack.settings.url("exporter", "/metrics")))
    assert sum(balance.device for balance in found.values()) >= total
    assert all(balance.holds for balance in found.values())


def test_down_finds_services_whose_manager_was_killed(stack: Stack) -> None:
    manager = json.loads((stack.settings.var / "run" / "stack.json").read_text())["pid"]
    psutil.Process(manager).kill()
    assert until(lambda: not psutil.pid_exists(manager), 10) or stack.command("status").returncode != 0
    assert stack.command("down").returncode == 0
    assert stack.processes() == []
