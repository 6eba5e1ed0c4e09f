"""The stand-in for AMD's library, compiled and found by the real package amdsmi."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import amd_smi
import pytest
from amdsmi_world import (
    GPU,
    Desk,
    World,
    forget_package,
)
from gramwatt_exporter.sensors.drivers.amd.amdsmi import AmdSmi


@pytest.fixture(scope="session")
def rocm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ROCM_PATH with the stand-in in it."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc to build the stand-in for libamd_smi.so")
    return amd_smi.build(tmp_path_factory.mktemp("rocm"))


@pytest.fixture
def fresh() -> Iterator[None]:
    forget_package()
    yield
    forget_package()


@pytest.fixture
def world(rocm: Path, fresh: None, tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.delenv("ROCM_HOME", raising=False)
    monkeypatch.setenv("ROCM_PATH", str(rocm))
    monkeypatch.setenv("AMD_SMI_STAND_IN_SCENARIO", str(tmp_path / "scenario"))
    return World(tmp_path / "scenario", clock)


@pytest.fixture
def gpu(world: World) -> AmdSmi:
    """A GPU on whose list there was nobody."""
    world.set(GPU, "gpu 0 energy 1 1")
    sensor = world.sensor()
    sensor.read()
    return sensor


@pytest.fixture
def desk(world: World, log: Any) -> Desk:
    return Desk(world, log)
