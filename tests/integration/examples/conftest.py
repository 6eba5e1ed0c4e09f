"""A real exporter, and the exploration's command as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running import Exporter

ROOT = Path(__file__).parents[3]
Explored = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    """By the estimate, which every machine has, on a grid whose intensity is known."""
    folder = tmp_path_factory.mktemp("exporter")
    flags = {"state.dir": str(folder / "state"), "sampling.interval": "200ms"}
    started = Exporter(folder, flags, {"GRAMWATT_INTENSITY_ZONE": "FR"})
    started.wait_samples(1)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of kept runs."""
    return tmp_path_factory.mktemp("kept") / "runs"


@pytest.fixture(scope="module")
def environ(exporter: Exporter, kept: Path) -> dict[str, str]:
    """Of a user whose exporter this is."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("GRAMWATT_")}
    return others | {
        "GRAMWATT_SOCKET_PATH": exporter.socket,
        "EXPLORE_RUNS": str(kept),
        "PYTHONPATH": f"{ROOT / 'client'}:{ROOT / 'examples'}",
        "COLUMNS": "100",
    }


@pytest.fixture(scope="module")
def explored(environ: dict[str, str], kept: Path) -> Explored:
    """Run the command, in the folder above the kept runs."""

    def run(
        *arguments: str, python: str = sys.executable, status: int = 0, **more: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [python, "-m", "explore", *arguments],
            env=environ | more, capture_output=True, text=True, timeout=300, cwd=kept.parent, check=False,
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        return done

    return run
