"""Helpers of the sensor tests: fixture trees, a clock the test sets, a log that is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.sensors.sensor_set import SensorSet

FIXTURES = Path(__file__).parents[3] / "fixtures"


class Clock:
    """CLOCK_BOOTTIME under the test's control."""

    def __init__(self) -> None:
        self.ns = 1_000_000_000_000

    def __call__(self) -> int:
        return self.ns

    def advance(self, seconds: float) -> None:
        self.ns += round(seconds * 1_000_000_000)


class Lines:
    """A logger that keeps its lines: (level, message, fields)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, object]]] = []

    def debug(self, message: str, **fields: object) -> None:
        self.lines.append(("debug", message, fields))

    def info(self, message: str, **fields: object) -> None:
        self.lines.append(("info", message, fields))

    def warning(self, message: str, **fields: object) -> None:
        self.lines.append(("warning", message, fields))

    def warnings(self) -> list[dict[str, object]]:
        return [fields for level, _, fields in self.lines if level == "warning"]


class Tree:
    """A directory expanded from tests/fixtures/sysfs/NAME.tree."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, content: object) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        # Truncate and write in place, as the kernel does: open descriptors see the new value.
        with file.open("w", encoding="ascii") as out:
            out.write(f"{content}\n")

    def zone(self, zone: str, energy_uj: object) -> None:
        self.write(f"class/powercap/{zone}/energy_uj", energy_uj)

    def expand(self, name: str) -> Tree:
        for line in (FIXTURES / "sysfs" / f"{name}.tree").read_text(encoding="utf-8").splitlines():
            if line.startswith("#") or not line:
                continue
            if " -> " in line:
                path, target = line.split(" -> ", 1)
                (self.root / target).mkdir(parents=True, exist_ok=True)
                (self.root / path).parent.mkdir(parents=True, exist_ok=True)
                (self.root / path).symlink_to(self.root / target)
            else:
                path, content = line.split(" = ", 1)
                self.write(path, content)
        return self


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log() -> Lines:
    return Lines()


@pytest.fixture
def sysfs(tmp_path: Path) -> Callable[[str], Tree]:
    """sysfs("laptop") -> that tree, writable, in a temporary directory."""
    return lambda name: Tree(tmp_path / "sys").expand(name)


@pytest.fixture
def make(clock: Any, log: Any) -> Callable[..., SensorSet]:
    def build(*sensors: Any, **more: Any) -> SensorSet:
        sensor_set = SensorSet(sensors, clock, log, **more)
        sensor_set.open()
        return sensor_set

    return build
