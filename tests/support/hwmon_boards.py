"""A /sys with any hwmon chips, and what to ask of a sample."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

from gramwatt_exporter.model import Device, EnergyReading, Meter, Sample
from gramwatt_exporter.sensors.drivers.hwmon.hwmon import Hwmon
from gramwatt_exporter.sensors.sensor_set import SensorSet


class Board:
    """A /sys with any chips: ``chip`` makes one, ``move`` is what loading its driver again does."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def chip(self, number: int, driver: str, device: str = "", **files: object) -> None:
        folder = self.root / f"class/hwmon/hwmon{number}"
        folder.mkdir(parents=True)
        (folder / "name").write_text(f"{driver}\n")
        if device:
            (folder / "device").symlink_to(self.root / "devices" / device)
        for name, value in files.items():
            self.write(number, name, value)

    def write(self, number: int, name: str, value: object) -> None:
        (self.root / f"class/hwmon/hwmon{number}/{name}").write_text(f"{value}\n")

    def remove(self, *numbers: int) -> None:
        for number in numbers:
            shutil.rmtree(self.root / f"class/hwmon/hwmon{number}")

    def move(self, number: int, to: int) -> None:
        (self.root / f"class/hwmon/hwmon{number}").rename(self.root / f"class/hwmon/hwmon{to}")


def values(sample: Sample) -> dict[str, int]:
    """Name -> microjoules or microwatts."""
    return {
        r.of.name: r.microjoules if isinstance(r, EnergyReading) else r.microwatts for r in sample.readings
    }


RAILS = {"grace": "hwmon1", "cpu": "hwmon2", "sysio": "hwmon3"}
WATT = 1_000_000


def set_rail(tree: Any, rail: str, value: object) -> None:
    tree.write(f"class/hwmon/{RAILS[rail]}/device/power1_average", value)


def joules(sensor_set: SensorSet, clock: Any, samples: int) -> Counter[str]:
    """What the sensor set books in so many samples, 5 s apart, by device."""
    total: Counter[str] = Counter()
    for _ in range(samples):
        clock.advance(5)
        for step in sensor_set.read().steps:
            total[f"{step.device.name} of {step.device.source}"] += step.microjoules
    return Counter({name: microjoules // 1_000_000 for name, microjoules in total.items()})


def started(board: Board, clock: Any) -> Hwmon:
    sensor = Hwmon(str(board.root), clock)
    sensor.open()
    return sensor


def unloaded(sensor: Hwmon, *names: str) -> None:
    """What removing a driver does to its open files: every read fails."""
    dead = os.open("/", os.O_RDONLY)
    for channel in sensor._channels:
        if channel.of.name in names:
            os.dup2(dead, channel.fd)
    os.close(dead)


def readings_of(sensor: Hwmon, clock: Any, minutes: float = 1.5) -> dict[str, int]:
    """Read every 5 s for so long; what is there at the end."""
    for _ in range(round(minutes * 12)):
        clock.advance(5)
        sample = sensor.read()
    assert sample.failures == {}
    return values(sample)


CAP_SYS_NICE = 1 << 23


class Dozing:
    """A GPU of 30 W in hwmon3 that can be put to sleep: its driver refuses to be read then."""

    def __init__(self, board: Board, driver: str, refused: int, **files: object) -> None:
        self.board = board
        self.refused = refused
        board.chip(3, driver, "0000:03:00.0", **files)
        self.status = board.root / "devices/0000:03:00.0/power/runtime_status"
        self.status.parent.mkdir(parents=True)

    def become(self, sensor: Hwmon, status: str, refused: bool) -> None:
        self.status.write_text(f"{status}\n")
        (channel,) = (c for c in sensor._channels if c.of.name == "0000:03:00.0")
        target = self.refused if refused else os.open(channel.path, os.O_RDONLY)
        os.dup2(target, channel.fd)
        if not refused:
            os.close(target)


def power_supply(board: Board, number: int, plugged: int) -> None:
    device = f"0003:1B1C:1C0B.{plugged:04X}"
    rails = {f"power{i}_label": f"power {rail}" for i, rail in enumerate(("total", "+12v", "+5v"), 1)}
    board.chip(number, "corsairpsu", device, **rails, **{f"power{i}_input": i * WATT for i in (1, 2, 3)})


def rails(board: Board, number: int, device: str, driver: str = "ina3221", **watts: float) -> None:
    """A chip with these rails at 5 V, by name, in the order of its channels."""
    files: dict[str, object] = {}
    for channel, (label, power) in enumerate(watts.items(), 1):
        files[f"in{channel}_label"] = label
        files[f"in{channel}_input"] = 5000
        files[f"curr{channel}_input"] = round(power * 1000 / 5)
        files[f"in{channel}_enable"] = 1
    board.chip(number, driver, device, **files)


def devices(sample: Sample) -> dict[str, float]:
    """Watts by component and name."""
    shown = values(sample)
    return {
        f"{r.of.component} {r.of.name}": shown[r.of.name] / WATT
        for r in sample.readings
        if isinstance(r.of, Device)
    }


def around(sample: Sample) -> dict[str, float]:
    shown = values(sample)
    return {
        r.of.name: shown[r.of.name] / WATT for r in sample.readings if isinstance(r.of, Meter) and r.of.covers
    }
