"""The first screen of the dashboards' page for a fleet: seconds, questions to Prometheus, bytes.

python -m benchmarks.bench_page [MACHINES] [PROCESSES]

A Prometheus gets MACHINES x PROCESSES with three devices each, 20 minutes of them at 15 s. The labeler's page for each
of three dashboards is opened in Chromium (1280 x 900, nothing kept from before) until every panel in sight has its
answer; the median of the rounds counts. The figures of the page before it was rebuilt, taken by the same steps on the
overview of then, stand beside. Needs Chromium, playwright, and Prometheus from `make setup`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import psutil
import requests
import uvicorn
from fastapi import FastAPI
from gramwatt_labeler.web.dashboards import router
from playwright.sync_api import Browser, sync_playwright

from benchmarks.harness import machine, verdict, workplace

ROOT = Path(__file__).parents[1]
BOARDS = ("start", "live", "machines")
ROUNDS = 3
STEP, SPAN = 15, 20 * 60  # seconds
OLD = (4.4, 52, 4.7)
LIMITS = (1.5, 20, 1.0)
DEVICES = (
    ("cpu", "package-0", "rapl", 60.0),
    ("dram", "dram-0", "rapl", 8.0),
    ("gpu", "GPU-0", "nvml", 150.0),
)
DRAWN = """() => !document.querySelector('main [aria-busy]') && document.querySelector('.panel')
  && ![...document.querySelectorAll('.panel')].some((one) => {
    const { top, bottom } = one.getBoundingClientRect();
    return top < innerHeight && bottom > 0 && one.querySelector('.wait');
  })"""


def series(number: int, processes: int) -> Iterator[tuple[str, float, float]]:
    """(name and labels, value at first, growth per second) of one machine."""
    own = f'job="gramwatt",instance="node-{number:03}:10044"'
    yield f'gramwatt_build_info{{{own},version="0.1.0",python="3.13"}}', 1, 0
    for component, device, source, watts in DEVICES:
        one = f'{own},component="{component}",device="{device}"'
        yield f'gramwatt_device_power_watts{{{one},source="{source}"}}', watts + number % 17, 0
        yield f'gramwatt_device_energy_joules_total{{{one},source="{source}"}}', 1e6, watts
        yield f"gramwatt_device_power_uncertainty_ratio{{{one}}}", 0.05, 0
        yield f"gramwatt_device_emissions_grams_total{{{one}}}", 1e3, watts / 3.6e6 * 56
        for part, share in (("idle", 0.3), ("live", 0.55), ("exited", 0.1), ("unattributed", 0.05)):
            yield f'gramwatt_device_energy_partition_joules_total{{{one},part="{part}"}}', 1e5, watts * share
    for process in range(processes):
        user = f"user{process % 8}"
        watts = 40 / (process + 1) + number % 7
        one = f'{own},pid="{4000 + process}",command="job-{process}",workload="job-{process}",user="{user}"'
        yield f'gramwatt_process_power_watts{{{one},component="cpu"}}', watts, 0
        yield f'gramwatt_process_energy_joules_total{{{one},component="cpu"}}', 1e4, watts
        yield f'gramwatt_process_emissions_grams_total{{{one},component="cpu"}}', 10, watts / 3.6e6 * 56
    for owner in range(8):
        yield f'gramwatt_user_energy_joules_total{{{own},user="user{owner}",component="cpu"}}', 1e5, 9.0
    zone = f'{own},grid_zone="FR",provider="rte",basis="average"'
    yield f"gramwatt_grid_intensity_grams_per_kilowatt_hour{{{zone}}}", 56, 0


def write(file: TextIO, machines: int, processes: int, now: float) -> None:
    """Everything in OpenMetrics' text; ``snapshot`` is the one value that follows the clock."""
    times = range(int(now - SPAN) // STEP * STEP, int(now) + 300, STEP)
    for number in range(machines):
        own = f'job="gramwatt",instance="node-{number:03}:10044"'
        for at in times:
            file.write(f"gramwatt_snapshot_timestamp_seconds{{{own}}} {at} {at}\n")
        for name, value, growth in series(number, processes):
            file.writelines(f"{name} {value + growth * (at - times[0]):.3f} {at}\n" for at in times)
    file.write("# EOF\n")


def program(name: str) -> str:
    found = shutil.which(name) or next((str(path) for path in ROOT.glob(f".tools/**/bin/{name}")), None)
    if found is None:
        raise SystemExit(f"{name} is neither on PATH nor in .tools: run `make setup`")
    return found


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def prometheus(folder: Path, machines: int, processes: int) -> Iterator[str]:
    """A Prometheus with the fleet in it, its address."""
    began = time.monotonic()
    with (folder / "data.om").open("w") as file:
        write(file, machines, processes, time.time())
    command = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", "data.om", "tsdb"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (folder / "data.om").unlink()
    (folder / "prometheus.yml").write_text("global: {}\n")
    url = f"127.0.0.1:{free_port()}"
    options = [
        "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", "--storage.tsdb.retention.time=400d",
        f"--web.listen-address={url}", "--log.level=error",
    ]  # fmt: skip
    with subprocess.Popen([program("prometheus"), *options], cwd=folder) as server:
        try:
            while True:
                try:
                    if requests.get(f"http://{url}/-/ready", timeout=2).ok:
                        break
                except requests.RequestException:
                    time.sleep(0.1)
            print(
                f"a Prometheus of {machines} machines x {processes} processes in {time.monotonic() - began:.0f} s"
            )
            yield f"http://{url}"
        finally:
            server.terminate()


@contextmanager
def labeler(url: str) -> Iterator[str]:
    """The page in front of it, its address."""
    app = FastAPI()
    app.include_router(router(url, ROOT / "grafana" / "dashboards"))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True


def spent() -> float:
    """CPU seconds of this process and all below it: Prometheus, the labeler, Chromium."""
    own = psutil.Process()
    total = 0.0
    for one in (own, *own.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            times = one.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def opened(browser: Browser, address: str) -> tuple[float, float, float]:
    """Seconds, questions and megabytes until the first screen is drawn."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    sizes: list[float] = []
    wire.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/v1/" in request.url else None)
    began = time.monotonic()
    page.goto(address, wait_until="commit")
    page.wait_for_function(DRAWN, timeout=60_000)
    seconds = time.monotonic() - began
    found = (seconds, float(len(asked)), sum(sizes) / 1e6)
    context.close()
    return found


def main(machines: int, processes: int) -> int:
    print(machine())
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("this benchmark needs a program named chromium on PATH")
    first = [0.0, 0.0, 0.0]
    with workplace() as folder, prometheus(Path(folder), machines, processes) as url:  # noqa: SIM117
        with labeler(url) as site, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--no-first-run"]
            )
            for board in BOARDS:
                before = spent()
                rounds = [opened(browser, f"{site}/dashboards/gramwatt-{board}") for _ in range(ROUNDS)]
                figures = [statistics.median(one) for one in zip(*rounds, strict=True)]
                cpu = (spent() - before) / ROUNDS
                print(
                    f"{board}: {figures[0]:.2f} s, {figures[1]:.0f} queries, {figures[2]:.2f} MB;"
                    f" {cpu:.2f} s CPU of all together, load {os.getloadavg()[0]:.1f}"
                )
                if board == "start":
                    first = figures
            browser.close()
    print(
        f"first screen {first[0]:.2f} s, {first[1]:.0f} queries, {first[2]:.2f} MB;"
        f" the page before {OLD[0]} s, {OLD[1]}, {OLD[2]} MB; ratio {OLD[0] / first[0]:.1f}"
    )
    words = ("seconds to the first screen", "queries of the first screen", "megabytes of the first screen")
    met = [verdict(*one) for one in zip(words, first, LIMITS, strict=True)]
    return 0 if all(met) else 1


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    sys.exit(main(*(given + [200, 50][len(given) :])))
