"""A real Prometheus with two hours of a small fleet, the dashboards' own server, and a real Chromium."""

from __future__ import annotations

import math
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
import uvicorn
from fastapi import FastAPI
from gramwatt_labeler.web.dashboards import router
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
STEP = 5  # seconds, the scrape interval of the job gramwatt
PAST, AHEAD = 70 * 60, 20 * 60  # seconds of data around now
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

Series = tuple[str, Callable[[float], float | None]]


def program(name: str) -> str:
    """Path of a program on PATH or in .tools. Fails the test run with what to do when it is missing."""
    found = shutil.which(name) or next((str(p) for p in (ROOT / ".tools").rglob(f"bin/{name}")), None)
    if found is None:
        pytest.fail(f"{name} is neither on PATH nor in .tools: run `make setup`")
    return found


def fleet(now: float) -> list[Series]:
    """Series of a machine with meters and a GPU and of one that only estimates, as functions of Unix time."""
    begin = now - PAST

    def counter(rate: float, swing: float = 0.0) -> Callable[[float], float]:
        period = 900.0

        def value(at: float) -> float:
            age = at - begin
            return rate * age + swing * rate * period / math.tau * (1 - math.cos(math.tau * age / period))

        return value

    def power(rate: float, swing: float = 0.0) -> Callable[[float], float]:
        return lambda at: rate * (1 + swing * math.sin(math.tau * (at - begin) / 900.0))

    def constant(value: float) -> Callable[[float], float]:
        return lambda _: value

    series: list[Series] = []

    def add(name: str, labels: str, value: Callable[[float], float | None]) -> None:
        series.append((f"gramwatt_{name}{{{labels}}}", value))

    devices = {
        "lab-1:10044": [
            ("cpu", "package-0", "rapl", 62.0, 0.05),
            ("dram", "dram-0", "rapl", 9.0, 0.05),
            ("gpu", "GPU-5f3a", "nvml", 210.0, 0.05),
        ],
        "lab-2:10044": [
            ("cpu", "package-0", "estimate", 28.0, 0.5),
            ("dram", "dram-0", "estimate", 5.0, 0.5),
        ],
    }
    for instance, found in devices.items():
        machine = f'job="gramwatt",instance="{instance}"'
        series.append((f"up{{{machine}}}", constant(1)))
        add("build_info", f'{machine},version="0.1.0",python="3.11"', constant(1))
        for component, device, source, watts, sigma in found:
            one = f'{machine},component="{component}",device="{device}"'
            add("device_energy_joules_total", f'{one},source="{source}"', counter(watts, 0.3))
            add("device_power_watts", f'{one},source="{source}"', power(watts, 0.3))
            add("device_power_uncertainty_ratio", one, constant(sigma))
            add("device_emissions_grams_total", one, counter(watts / 3.6e6 * 56, 0.3))
            for part, share in (("idle", 0.3), ("live", 0.55), ("exited", 0.1), ("unattributed", 0.05)):
                energy = counter(watts * share, 0.3)
                add("device_energy_partition_joules_total", f'{one},part="{part}"', energy)
        for number, (command, user) in enumerate(
            [
                ("python3", "alice"),
                ("postgres", "postgres"),
                ("<b>bold</b>", "bob"),
                ("Xorg", "root"),
                ("", ""),
            ]
        ):
            watts = 80.0 / (number + 1) ** 2
            pid = str(4000 + number) if command else ""
            workload = f"{command}.service" if command else ""
            name = command or "other"
            one = f'{machine},pid="{pid}",command="{name}",workload="{workload}",user="{user}"'
            add("process_power_watts", f'{one},component="cpu"', power(watts, 0.4))
            add("process_energy_joules_total", f'{one},component="cpu"', counter(watts, 0.4))
            add("process_emissions_grams_total", f'{one},component="cpu"', counter(watts / 3.6e6 * 56, 0.4))
            if command:
                load = f'{machine},workload="{workload}",kind="unit",user="{user}",component="cpu"'
                add("workload_energy_joules_total", load, counter(watts, 0.4))
                add("workload_emissions_grams_total", load, counter(watts / 3.6e6 * 56, 0.4))
        grid = f'{machine},grid_zone="FR",provider="rte",basis="average"'
        add("grid_intensity_grams_per_kilowatt_hour", grid, power(56, 0.2))
        add("grid_intensity_timestamp_seconds", grid, lambda at: at - 900 - at % 900)
        add("grid_intensity_info", f'{grid},method="measured",factor="direct",source=""', constant(1))
        add("priced_energy_joules_total", f'{machine},provider="rte",method="measured"', counter(100, 0.3))
        for budget, limit, spent, rate in (
            ("vision-team", 2e4, 18500.0, 0.05),
            ("whole-lab", 9e3, 2400.0, 0.001),
        ):
            one = f'{machine},budget="{budget}"'
            month = now - 20 * 86400
            add("budget_limit_grams", one, constant(limit))
            add("budget_period_seconds", one, constant(30 * 86400.0))
            add("budget_period_start_timestamp_seconds", one, constant(month))
            grams = counter(rate)
            add("budget_emissions_grams_total", one, grams)
            add("budget_period_emissions_grams", one, lambda at, s=spent, g=grams: s / 2 + g(at))
        for sensor, reason in (("rapl", ""), ("nvml", "lost"), ("ipmi", "disabled")):
            add("sensor_up", f'{machine},sensor="{sensor}",reason="{reason}"', constant(float(not reason)))
        add("snapshot_timestamp_seconds", machine, lambda at: at - at % 5)
        add("state_saved_timestamp_seconds", machine, lambda at: at - at % 5 - 5)
        add("sample_duration_seconds", machine, constant(0.0123))
        add("sample_failures_total", machine, constant(0))
        add("processes", machine, constant(312))
        add("exits_lost_total", machine, constant(0))
        add("exits_observed_total", f'{machine},mode="taskstats"', counter(3))

    machine = 'job="gramwatt",instance="lab-1:10044"'
    runs = [
        ("01a", "resnet-train", "training", "resnet50", 3000, 1500, 150.0, "B", 0.8),
        ("01b", "bert-serve", "inference", "bert-base", 1300, 600, 60.0, "E", 1.9),
    ]
    for window, name, phase, model, before, length, watts, grade, index in runs:
        start, end = now - before, now - before + length

        def during(value: Callable[[float], float], start: float = start) -> Callable[[float], float | None]:
            return lambda at: value(at) if at >= start else None

        one = f'{machine},window="{window}"'
        info = (
            f'{one},name="{name}",phase="{phase}",model="{model}",task="",dataset="",parent="",user="alice"'
        )
        add("window_info", info, during(constant(1)))
        add("window_start_timestamp_seconds", one, during(constant(start)))
        add("window_end_timestamp_seconds", one, lambda at, end=end: end if at >= end else None)
        for component, share in (("cpu", 0.4), ("gpu", 0.6)):
            both = f'{one},component="{component}"'

            def energy(at: float, start: float = start, end: float = end, w: float = watts * share) -> float:
                return w * (min(at, end) - start)

            add("window_energy_joules_total", both, during(energy))
            add("window_emissions_grams_total", both, during(lambda at, e=energy: e(at) / 3.6e6 * 56))
        add("window_cpu_seconds_total", one, during(lambda at, s=start, e=end: 7.5 * (min(at, e) - s)))
        add("window_uncertainty_ratio", one, during(constant(0.05)))
        add("window_value", f'{one},key="samples"', during(constant(60000)))
        graded = f'job="gramwatt-labeler",instance="lab-1:10045",window="{window}",scale="gramwatt"'
        info = f'name="{name}",phase="{phase}",model="{model}",task="",dataset="",unit="sample"'
        info += f',span="{grade}",scale_version="1",scale_hash="0a",origin=""'
        add(
            "grade_info", f'{graded},grade="{grade}",{info}', lambda at, end=end: 1 if at > end + 15 else None
        )
        add("efficiency_index", graded, lambda at, end=end, i=index: i if at > end + 15 else None)
    # 01a was first refused, and is also known from the address the exporter had before.
    labeler = 'job="gramwatt-labeler",instance="lab-1:10045"'
    why = 'scale="gramwatt",name="resnet-train",phase="training",task="",reason="no samples",origin=""'
    add(
        "grade_refused_info",
        f'{labeler},window="01a",{why}',
        lambda at: 1 if now - 1500 < at < now - 1480 else None,
    )
    before = 'job="gramwatt",instance="lab-1.old:10044",window="01a",component="cpu"'
    add("window_energy_joules_total", before, lambda at: 60.0 * 400 if now - 2600 < at < now - 2500 else None)
    one = f'{machine},window="01c"'
    begun = now - 2000.0
    info = 'name="short-test",phase="inference",model="",task="",dataset="",parent="",user="bob"'
    add("window_info", f"{one},{info}", lambda at: 1 if at >= begun else None)
    add("window_start_timestamp_seconds", one, lambda at: begun if at >= begun else None)
    why = 'scale="gramwatt",name="short-test",phase="inference",task="",origin=""'
    why += ',reason="no samples or tokens recorded"'
    add("grade_refused_info", f'{labeler},window="01c",{why}', lambda at: 1 if at >= begun else None)
    return series


def _write(series: list[Series], now: float, path: Path) -> None:
    first = int(now - PAST) // STEP * STEP
    with path.open("w") as file:
        for name, value in series:
            for at in range(first, int(now + AHEAD), STEP):
                if (sample := value(at)) is not None:
                    file.write(f"{name} {sample!r} {at}\n")
        file.write("# EOF\n")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(url: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.RequestException:
            pass
        if time.monotonic() > deadline:
            pytest.fail(f"{url} is not up after {seconds} s")
        time.sleep(0.05)


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
def fleet_series() -> list[str]:
    """Names with labels of everything the fleet has."""
    return [name for name, _ in fleet(time.time())]


@pytest.fixture(scope="session")
def prometheus_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus with the fleet's data up to and beyond now, evaluating the project's rules."""
    folder = tmp_path_factory.mktemp("prometheus")
    now = time.time()
    _write(fleet(now), now, folder / "data.om")
    subprocess.run(
        [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", "data.om", "tsdb"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    (folder / "rules").mkdir()
    for path in (ROOT / "prometheus" / "rules").glob("*.yml"):
        # The rules' own intervals and waiting times would make the tests wait for minutes.
        text = re.sub(r"interval: \d+\w", "interval: 1s", path.read_text())
        text = re.sub(r"(?m)^( +)for: \d+\w$", r"\1for: 0s", text)
        (folder / "rules" / path.name).write_text(text)
    # Blocks that reach beyond now would make Prometheus refuse what the rules record.
    (folder / "prometheus.yml").write_text(
        "global: {evaluation_interval: 1s}\n"
        "storage: {tsdb: {out_of_order_time_window: 3h}}\n"
        "rule_files: [rules/*.yml]\n"
    )
    port = _free_port()
    command = [
        program("prometheus"),
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=tsdb",
        "--storage.tsdb.retention.time=400d",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(f"{url}/-/ready")
            # Old enough to be on a chart, whose points are aligned to its step.
            recorded = "budget:gramwatt_budget_emissions_grams:burnrate1h offset 10s"
            wanted = {"query": f"count(ALERTS offset 10s) and count({recorded})"}
            deadline = time.monotonic() + 30
            while not requests.get(f"{url}/api/v1/query", params=wanted, timeout=5).json()["data"]["result"]:
                assert time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.2)
            yield url
        finally:
            server.terminate()
            server.wait(10)


@pytest.fixture(scope="session")
def site(prometheus_url: str) -> Iterator[str]:
    """Address of the dashboards, fed by the fleet's Prometheus."""
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


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's Chromium; GRAMWATT_CHROMIUM names another."""
    path = os.environ.get("GRAMWATT_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium on PATH: install it, or name it in GRAMWATT_CHROMIUM")
    expect.set_options(timeout=20_000)  # a busy machine is slow, not wrong
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A wide page that fails the test when its scripts do."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []
