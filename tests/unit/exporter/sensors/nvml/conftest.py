"""The stand-in for NVIDIA's library, compiled and loaded."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from nvml_world import (
    SOURCE,
    World,
)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the stand-in and load it, so that its SONAME answers for libnvidia-ml.so.1 in this process."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc to build the stand-in for libnvidia-ml.so.1")
    path = tmp_path_factory.mktemp("nvml") / "libnvidia-ml.so.1"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-Wl,-soname,libnvidia-ml.so.1", "-o", str(path), str(SOURCE)], check=True
    )
    ctypes.CDLL(str(path))
    return path


@pytest.fixture
def world(library: Path, tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path, clock)
    monkeypatch.setenv("NVML_STAND_IN_SCENARIO", str(world.file))
    world.set("init 9")
    return world
