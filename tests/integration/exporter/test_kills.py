"""Killed at any moment, the exporter never shows less than it has shown."""

from __future__ import annotations

import os
import random
import signal
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from running import assert_conserved, exporter, select
from thorough import first

# More with GRAMWATT_TEST_KILLS=100, as before a release.
KILLS = int(os.environ.get("GRAMWATT_TEST_KILLS", "25"))
FEW = 4


@pytest.mark.slow
@pytest.mark.parametrize("kills", first([FEW, KILLS]))
def test_no_total_goes_back_however_often_it_is_killed(tmp_path: Path, rapl: Any, kills: int) -> None:
    chance = random.Random(20261128)
    flags = {"path.sysfs": str(rapl.root), "state.dir": str(tmp_path / "state")}
    shown: dict[tuple[str, frozenset[tuple[str, str]]], Decimal] = {}
    names = [
        "gramwatt_device_energy_joules_total",
        "gramwatt_device_energy_partition_joules_total",
        "gramwatt_workload_energy_joules_total",
    ]
    for _ in range(kills):
        with exporter(tmp_path, flags) as running:
            series = running.wait_samples(1)
            assert_conserved(series)
            for (name, labels), before in shown.items():
                assert select(series, name).get(labels, 0) >= before, (name, labels)
            until = time.monotonic() + chance.random() * 0.4
            while time.monotonic() < until:
                rapl.add(chance.randrange(2_000_000))
                series = running.scrape()
                time.sleep(chance.random() * 0.03)
            running.process.send_signal(signal.SIGKILL)
            running.process.wait()
            shown = {
                (name, labels): value for name in names for labels, value in select(series, name).items()
            }
            assert "is damaged" not in running.stderr
            assert "Traceback" not in running.stderr
