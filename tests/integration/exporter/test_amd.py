"""AMD GPUs from the driver's library to the scrape: the real exporter, the real package amdsmi, a stand-in library."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import Any

import amd_smi
import pytest
from running import assert_conserved, exporter, select, total

ADDRESS = "0000:03:00.0"
ENERGY = "gramwatt_device_energy_joules_total"
PROCESS = "gramwatt_process_energy_joules_total"
UP = "gramwatt_sensor_up"


def test_a_gpu_and_who_used_it(tmp_path: Path, rapl: Any) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("no gcc to build the stand-in for libamd_smi.so")
    rocm = amd_smi.build(tmp_path / "rocm")
    scenario, new = tmp_path / "scenario", tmp_path / "scenario.new"

    def world(joules: int, pid: int) -> None:
        facts = [
            f"gpu 0 bdf {ADDRESS}",
            f"gpu 0 energy {joules * 1_000_000} 1",
            "gpu 0 cap 300000000",
            f"gpu 0 process {pid} 0",  # the only one: energy and use need not be of the same moment
        ]
        new.write_text("\n".join(facts) + "\n")
        new.replace(scenario)  # at once: it is read meanwhile

    with subprocess.Popen(["sleep", "60"]) as user:
        world(100, user.pid)
        environ = {"ROCM_PATH": str(rocm), "AMD_SMI_STAND_IN_SCENARIO": str(scenario)}
        try:
            with exporter(tmp_path, {"path.sysfs": str(rapl.root)}, **environ) as running:
                running.wait(lambda series: select(series, UP, sensor="amdsmi", reason=""))
                running.wait_samples(2)
                world(105, user.pid)  # and its series begins, at 0
                running.wait(lambda series: total(series, ENERGY, component="gpu") == 5)
                world(112, user.pid)
                series = running.wait(lambda series: total(series, ENERGY, component="gpu") == 12)
                (labels,) = select(series, ENERGY, component="gpu")
                assert dict(labels)["device"] == ADDRESS
                assert dict(labels)["source"] == "amdsmi"
                assert_conserved(series)
                # A series shows 0 first, so that increase() is right; what it does not show yet is "entering".
                pid = str(user.pid)
                series = running.wait(lambda series: total(series, PROCESS, component="gpu", pid=pid) == 7)
                assert_conserved(series)
        finally:
            user.kill()


def test_the_package_without_the_library_is_absent_and_silent(tmp_path: Path, rapl: Any) -> None:
    try:
        ctypes.CDLL("libamd_smi.so")
    except OSError:
        pass
    else:
        pytest.skip("ROCm is installed here")
    nowhere = {"ROCM_PATH": str(tmp_path / "rocm")}
    with exporter(tmp_path, {"path.sysfs": str(rapl.root)}, **nowhere) as running:
        series = running.wait_samples(2)
        (labels,) = select(series, UP, sensor="amdsmi")
        assert dict(labels)["reason"] == "absent"
        assert "amd" not in running.stderr.lower()
