"""A real Prometheus with scripted windows in its history: no waiting for scrapes, the same samples every time."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import postgresql
import pytest
import requests
from api_site import Site
from gramwatt_labeler.store import Store
from labeler_job import Job

ROOT = Path(__file__).parents[3]
SCRAPE = 5.0
HOSTILE = 'a"b\\c\n<script>&'


def program(name: str) -> str:
    """Path of a program on PATH or in .tools. Fails the test run with what to do when it is missing."""
    found = shutil.which(name) or next((str(p) for p in (ROOT / ".tools").rglob(f"bin/{name}")), None)
    if found is None:
        pytest.fail(f"{name} is neither on PATH nor in .tools: run `make setup`")
    return found


@dataclass
class Script:
    """One window as an exporter would have shown it to Prometheus."""

    id: str
    start: float
    end: float | None
    energy: dict[str, Callable[[float], float]]  # component -> joules at a time; held after the end
    first: float  # scrapes happen from here
    last: float  # to here
    step: float = SCRAPE
    instance: str = "node-a:10044"
    job: str = "gramwatt"
    name: str = "train"
    phase: str = "training"
    task: str = "image-classification"
    grams: float | None = None
    extra: str = ""  # more labels of the scrape, such as 'prometheus_replica="a"'
    outcome: tuple[str, str] | None = None
    floor: float | None = None
    uncertainty: float | None = 0.05
    values: dict[str, float] = field(default_factory=lambda: {"samples": 1000.0})

    def lines(self) -> Iterator[str]:
        target = f'job="{self.job}",instance="{self.instance}",window="{self.id}"'
        target += f",{self.extra}" if self.extra else ""
        at = self.first
        while at <= self.last:
            stamp = f"{at:.3f}"
            over = self.end is not None and at >= min(self.end, self.last - 30)
            for component, value in self.energy.items():
                joules = value(min(at, self.end) if self.end is not None else at)
                yield f'gramwatt_window_energy_joules_total{{{target},component="{component}"}} {joules} {stamp}'
            if self.grams is not None:
                yield f'gramwatt_window_emissions_grams_total{{{target},component="cpu"}} {self.grams} {stamp}'
            name = self.name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            yield (
                f'gramwatt_window_info{{{target},name="{name}",phase="{self.phase}",model="m",task="{self.task}",'
                f'dataset="",parent="",user="u"}} 1 {stamp}'
            )
            yield f"gramwatt_window_start_timestamp_seconds{{{target}}} {self.start} {stamp}"
            yield f'gramwatt_window_state{{{target},state="{"finished" if over else "open"}"}} 1 {stamp}'
            if over:
                yield f"gramwatt_window_end_timestamp_seconds{{{target}}} {self.end} {stamp}"
                if self.outcome is not None:
                    outcome, detail = self.outcome
                    yield (
                        f'gramwatt_window_outcome_info{{{target},outcome="{outcome}",detail="{detail}"}} 1 {stamp}'
                    )
            if self.floor is not None:
                yield f"gramwatt_window_floor_joules{{{target}}} {self.floor} {stamp}"
            if self.uncertainty is not None:
                yield f"gramwatt_window_uncertainty_ratio{{{target}}} {self.uncertainty} {stamp}"
            for key, number in self.values.items():
                yield f'gramwatt_window_value{{{target},key="{key}"}} {number} {stamp}'
            at += self.step


def scripts(now: float) -> list[Script]:
    """Every window the tests speak of. Times are whole seconds, so that expectations are exact."""
    t = now - 3600

    def linear(start: float, watts: float) -> Callable[[float], float]:
        return lambda at: watts * max(0.0, at - start)

    def reset(start: float, when: float, watts: float) -> Callable[[float], float]:
        return lambda at: watts * (at - start) if at < when else watts * (at - when)

    return [
        # Two seconds between two scrapes: only the held final value was ever seen.
        Script("short", t + 1, t + 3, {"cpu": lambda _: 12.5, "dram": lambda _: 2.5}, t + 5, t + 60, grams=0.25,
               name="short-one", values={"samples": 10.0}),
        Script("steady", t, t + 600, {"cpu": linear(t, 10)}, t, t + 660),
        Script("long", now - 93600, now - 3600, {"cpu": linear(now - 93600, 2)}, now - 93600, now - 3400, step=60),
        Script("reset-long", t, t + 1200, {"cpu": reset(t, t + 600, 10)}, t, t + 1260),
        Script("reset-short", t, t + 30, {"cpu": reset(t, t + 15, 10)}, t, t + 90),
        Script("restarted", t, t + 600, {"cpu": linear(t, 10)}, t, t + 660, instance="node-b:10044"),
        Script("gpu-lost", t, t + 600, {"cpu": linear(t, 10), "gpu": linear(t, 50)}, t, t + 660,
               instance="node-c:10044"),
        Script("two-samples", t, t + 20, {"cpu": lambda _: 5.0}, t + 25, t + 30),
        Script("fresh", now - 8, now - 4, {"cpu": lambda _: 5.0}, now - 2, now - 2, name="fresh-one"),
        Script("zero", t, t + 20, {"cpu": lambda _: 0.0}, t, t + 60),
        Script("twice", t, t + 600, {"cpu": linear(t, 10)}, t, t + 660),
        Script("twice", t, t + 600, {"cpu": linear(t, 10)}, t + 1, t + 640, job="again"),
        Script("open", t, None, {"cpu": linear(t, 10)}, t, now, step=60, name="open-one"),
        Script("hostile", t, t + 600, {"cpu": linear(t, 10)}, t, t + 660, name=HOSTILE),
        Script("no-task", t, t + 600, {"cpu": linear(t, 10)}, t, t + 660, task=""),
        # Two servers that scrape one exporter, read through one API without deduplication.
        Script("replicas", t, t + 600, {"cpu": linear(t, 10), "gpu": linear(t, 5)}, t, t + 660, grams=0.25,
               extra='prometheus_replica="a"'),
        Script("replicas", t, t + 600, {"cpu": linear(t, 10), "gpu": linear(t, 5)}, t + 2, t + 662, grams=0.25,
               extra='prometheus_replica="b"'),
        # One of them lags: what it shows at a moment is what the other showed 20 s before.
        Script("lagging", t, t + 600, {"cpu": linear(t, 10)}, t, t + 660, extra='replica="a"'),
        Script("lagging", t, t + 600, {"cpu": linear(t + 20, 10)}, t - 3, t + 640, extra='replica="b"'),
        # A label that changes while the window is open: one series ends where the other begins.
        Script("renamed", t, t + 600, {"cpu": linear(t, 10)}, t, t + 300, extra='pod="exporter-1"', grams=0.5),
        Script("renamed", t, t + 600, {"cpu": linear(t, 10)}, t + 305, t + 660, extra='pod="exporter-2"', grams=0.5),
        # And the exporter lost its state with it, so that it counted anew.
        Script("renamed-reset", t, t + 1200, {"cpu": linear(t, 10)}, t, t + 600, instance="10.0.0.1:1"),
        Script("renamed-reset", t, t + 1200, {"cpu": linear(t + 600, 10)}, t + 605, t + 1260, instance="10.0.0.2:1"),
        Script("crashed", t, t + 600, {"cpu": linear(t, 10)}, t, t + 660, outcome=("exit_code", "1")),
        Script("killed", t, t + 600, {"cpu": linear(t, 10)}, t, t + 660, outcome=("signal", "SIGKILL")),
        Script("raised", t, t + 600, {"cpu": linear(t, 10)}, t, t + 660, outcome=("exception", "MemoryError")),
        Script("vanished", t, t + 600, {"cpu": linear(t, 10)}, t, t + 660, outcome=("exit", "")),
        Script("succeeded", t, t + 600, {"cpu": linear(t, 10)}, t, t + 660, outcome=("exit_code", "0"), floor=1.0),
        Script("over", t, t + 600, {"cpu": linear(t, 10)}, t, t + 660, outcome=("ended", "")),
        Script("tiny", t, t + 20, {"cpu": lambda _: 0.5}, t, t + 60, floor=1.0),
        Script("absurd", t, t + 600, {"cpu": linear(t, 10)}, t, t + 660, values={"samples": 1e-320}),
        Script("huge", t, t + 600, {"cpu": linear(t, 10)}, t, t + 660, values={"samples": 1e300}),
        Script("beyond", t, t + 600, {"cpu": lambda _: 1.7e308, "gpu": lambda _: 1.7e308}, t, t + 660),
        Script("distant", 1e15, 1e15 + 600, {"cpu": lambda _: 100.0}, t, t + 660),
        Script("no-uncertainty", t, t + 600, {"cpu": linear(t, 10)}, t, t + 660, uncertainty=None),
    ]  # fmt: skip


def surroundings(now: float) -> Iterator[str]:
    """What the exporters say about themselves."""
    t = now - 3600
    for step in range(0, 700, 5):
        at = t + step
        yield (
            f'gramwatt_device_energy_joules_total{{job="gramwatt",instance="node-a:10044",component="cpu",'
            f'device="package-0",source="rapl"}} {step * 30} {at:.3f}'
        )
        if not 200 < step < 320:  # two minutes away, then counting from the start again
            taken = step if step <= 200 else step - 320
            yield f'gramwatt_samples_total{{job="gramwatt",instance="node-b:10044"}} {taken} {at:.3f}'
        up, reason = (0, "lost") if 100 <= step < 200 else (1, "")
        yield (
            f'gramwatt_sensor_up{{job="gramwatt",instance="node-c:10044",sensor="nvml",reason="{reason}"}}'
            f" {up} {at:.3f}"
        )


@pytest.fixture(scope="module")
def built_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The application that the tests of a file share."""
    made = Site(tmp_path_factory.mktemp("site"))
    yield made
    made.close()


@pytest.fixture
def site(built_site: Site) -> Site:
    """It, with nothing in it but the users."""
    built_site.renew()
    return built_site


@pytest.fixture(scope="module")
def postgresql_url() -> Iterator[str]:
    """The address of a database on a server that the tests of a file share."""
    pytest.importorskip("pg8000", reason="the driver of PostgreSQL is not installed (pip install pg8000)")
    with postgresql.server() as address:
        yield f"postgresql+pg8000://gramwatt@{address}/postgres"


@pytest.fixture(params=["sqlite", "postgresql"])
def on_each(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store on SQLite, and on a real PostgreSQL."""
    url = f"sqlite:///{tmp_path / 'labeler.db'}"
    made = Store(url if request.param == "sqlite" else request.getfixturevalue("postgresql_url"))
    yield made
    made.close()


SCALES = Path(__file__).parents[2] / "fixtures" / "scales"
"""A scale that gives every scripted window a letter: these tests are about what happens with it."""


@pytest.fixture
def scales_dir(monkeypatch: pytest.MonkeyPatch) -> str:
    """The same for commands, by the environment."""
    monkeypatch.setenv("GRAMWATT_LABELER_GRADING_SCALES_DIR", str(SCALES))
    return str(SCALES)


@pytest.fixture(scope="session")
def now() -> float:
    """The moment the history was written for."""
    return float(int(time.time()))


@pytest.fixture(scope="session")
def prometheus_url(tmp_path_factory: pytest.TempPathFactory, now: float) -> Iterator[str]:
    """Address of a Prometheus that holds the scripted windows."""
    folder = tmp_path_factory.mktemp("prometheus")
    lines = [line for script in scripts(now) for line in script.lines()]
    text = "\n".join([*lines, *surroundings(now), "# EOF", ""])
    (folder / "data.om").write_text(text)
    subprocess.run(
        [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", "data.om", "tsdb"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    (folder / "prometheus.yml").write_text("scrape_configs: []\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [
        program("prometheus"), "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb",
        "--storage.tsdb.retention.time=400d", f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 30
            while True:
                try:
                    if requests.get(f"{url}/-/ready", timeout=2).status_code == 200:
                        break
                except requests.ConnectionError:
                    pass
                assert time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.05)
            yield url
        finally:
            server.terminate()
            server.wait(10)


@pytest.fixture
def job(tmp_path: Path, prometheus_url: str, now: float) -> Iterator[Job]:
    """The labeler's job over the scripted windows, before its first poll."""
    made = Job(tmp_path, prometheus_url, now)
    yield made
    made.close()
