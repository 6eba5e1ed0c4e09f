"""A driver that hangs when it is opened keeps nobody waiting: neither health checks, nor scrapes, nor SIGTERM."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from running import exporter, select


def test_a_sensor_that_blocks_at_the_start_holds_nobody_up(tmp_path: Path, rapl: Any) -> None:
    chip = rapl.root / "class/hwmon/hwmon0"
    chip.mkdir(parents=True)
    os.mkfifo(chip / "name")  # opening it waits for ever
    with exporter(tmp_path, {"path.sysfs": str(rapl.root)}) as running:
        assert running.get("/-/healthy")[0] == 200
        series = running.wait_samples(2)
        assert select(series, "gramwatt_device_energy_joules_total", source="rapl")
        assert running.stop() == 0


def test_it_can_be_ended_while_it_waits(tmp_path: Path, rapl: Any) -> None:
    chip = rapl.root / "class/hwmon/hwmon0"
    chip.mkdir(parents=True)
    os.mkfifo(chip / "name")
    with exporter(tmp_path, {"path.sysfs": str(rapl.root)}) as running:
        assert running.stop() == 0
