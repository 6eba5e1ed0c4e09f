"""A running exporter on a machine whose meters follow the CPUs of this one: what it books is what they counted."""

from __future__ import annotations

import os
import threading
import time
from decimal import Decimal
from pathlib import Path

import pytest
from running import assert_conserved, exporter, total

ENERGY = "gramwatt_device_energy_joules_total"
START = 52_113_000_000


class Meters(threading.Thread):
    """Two dies that show one counter, memory, and psys around them; they count while it runs."""

    def __init__(self, root: Path) -> None:
        super().__init__(daemon=True)
        self.joules = {"package": 0.0, "dram": 0.0, "rest": 0.0}
        self.halt = threading.Event()
        powercap = root / "class/powercap"
        zones = {
            "0": "package-0-die-0", "0:0": "dram", "1": "package-0-die-1", "2": "psys",
        }  # fmt: skip
        self._files: dict[str, int] = {}
        for path, label in zones.items():
            folder = powercap / f"intel-rapl:{path}"
            folder.mkdir(parents=True)
            (folder / "name").write_text(label)
            self._files[path] = os.open(folder / "energy_uj", os.O_RDWR | os.O_CREAT, 0o644)
        self._show()

    def run(self) -> None:
        last, busy = time.monotonic(), time.process_time()
        while not self.halt.wait(0.05):
            now, used = time.monotonic(), time.process_time()
            load = (used - busy) / (now - last)  # of this process
            for part, watts in (("package", 15 + 40 * load), ("dram", 3.0), ("rest", 9.0)):
                self.joules[part] += watts * (now - last)
            last, busy = now, used
            self._show()

    def _show(self) -> None:
        package, dram = START + self.joules["package"] * 1e6, 7e9 + self.joules["dram"] * 1e6
        psys = 9e9 + sum(self.joules.values()) * 1e6
        # In place and of one length: a reader sees the former value or this one.
        for path, value in (("0", package), ("1", package + 3), ("0:0", dram), ("2", psys)):
            os.pwrite(self._files[path], b"%020d\n" % int(value), 0)

    def close(self) -> None:
        """Stop counting."""
        self.halt.set()
        self.join()
        for file in self._files.values():
            os.close(file)


def test_what_the_meters_counted_is_booked_once(tmp_path: Path) -> None:
    meters = Meters(tmp_path / "sys")
    with exporter(tmp_path, {"path.sysfs": str(tmp_path / "sys"), "sampling.interval": "200ms"}) as running:
        running.wait_samples(2)
        meters.start()
        end = time.monotonic() + 4
        while time.monotonic() < end:
            sum(range(20_000))
        meters.close()
        series = running.wait_samples(3)
        assert_conserved(series)
        for component, part in (("cpu", "package"), ("dram", "dram"), ("other", "rest")):
            booked = total(series, ENERGY, component=component)
            assert float(booked) == pytest.approx(meters.joules[part], rel=0.03), component
        assert total(series, ENERGY, component="cpu", device="package-0-die-1") == Decimal(0)
        log = running.stderr
    assert "one counter is seen twice" in log
    assert "meter=psys" in log
    assert 'sensor delivers" sensor=estimate' not in log
