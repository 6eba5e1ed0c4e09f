"""The real exporter, and the client as a user runs it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


def _running() -> Any:
    spec = importlib.util.spec_from_file_location("running", ROOT / "tests/support/running.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RUNNING = _running()


def _start(directory: Path) -> Any:
    flags = {"state.dir": str(directory / "state"), "sampling.interval": "200ms"}
    # A fixed grid, so that emissions are known exactly; the estimate is what every machine has.
    return RUNNING.Exporter(directory, flags, {"GRAMWATT_INTENSITY_ZONE": "FR"})


@pytest.fixture
def running() -> Any:
    """The module that starts exporters."""
    return RUNNING


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Any]]:
    """Start an exporter on the same socket and state directory; may be called again after it ended."""
    started: list[Any] = []

    def go() -> Any:
        started.append(_start(tmp_path))
        return started[-1]

    yield go
    for exporter in started:
        exporter.stop()


@pytest.fixture
def exporter(start: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A running exporter, and GRAMWATT_SOCKET_PATH pointing at it."""
    for name in [name for name in os.environ if name.startswith("GRAMWATT_")]:
        monkeypatch.delenv(name)
    running = start()
    monkeypatch.setenv("GRAMWATT_SOCKET_PATH", running.socket)
    running.wait_samples(1)
    return running


@pytest.fixture
def gramwatt(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line in a process of its own."""

    def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gramwatt", *arguments],
            capture_output=True, text=True, timeout=60, cwd=tmp_path, **options,
            env={**os.environ, "PYTHONPATH": str(ROOT / "client")},
        )  # fmt: skip

    return run
