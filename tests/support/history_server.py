"""A real Prometheus with made-up history in it."""

from __future__ import annotations

import fcntl
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from grafana.history.build import history, moments
from grafana.history.grid import DAY
from grafana.history.series import blocks

ROOT = Path(__file__).parents[2]

# The laboratory's moment: a Wednesday afternoon four days into a month, whenever the tests run.
NOW = datetime(2026, 11, 4, 15, 40, 20, tzinfo=UTC).timestamp()


def program(name: str) -> str:
    """Path of a program on PATH or in .tools. Fails the test run with what to do when it is missing."""
    found = shutil.which(name) or next((str(p) for p in (ROOT / ".tools").rglob(f"bin/{name}")), None)
    if found is None:
        pytest.fail(f"{name} is neither on PATH nor in .tools: run `make setup`")
    return found


def free_port() -> int:
    """A TCP port that nobody has at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait(url: str, seconds: float = 60) -> None:
    """Until it answers."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.RequestException:
            pass
        if time.monotonic() > deadline:
            pytest.fail(f"{url} is not up after {seconds} s")
        time.sleep(0.05)


@contextmanager
def prometheus(folder: Path) -> Iterator[str]:
    """Serves ``folder``/tsdb; gives the address."""
    (folder / "prometheus.yml").write_text("global: {}\n")
    port = free_port()
    command = [
        program("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        "--storage.tsdb.retention.time=3650d",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            wait(f"http://127.0.0.1:{port}/-/ready")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(20)


def laboratory(folder: Path) -> None:
    """A week of the laboratory up to NOW, scraped more rarely than that of `make demo-history`."""
    blocks(history(NOW, moments(NOW, 8 * DAY, late=60, early=240)), folder, program("promtool"))


def made_once(shared: Path, own: Path, name: str, make: Callable[[Path], None]) -> Path:
    """A copy below ``own`` of what ``make`` writes; the processes that share ``shared`` make it once."""
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ready = shared / name
        if not (ready / "ready").exists():
            shutil.rmtree(ready, ignore_errors=True)
            ready.mkdir()
            make(ready)
            (ready / "ready").touch()
    return shutil.copytree(ready, own / name)
