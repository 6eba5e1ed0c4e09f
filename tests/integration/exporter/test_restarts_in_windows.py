"""An exporter that is killed inside a window: what its processes used meanwhile is charged, or said to be missed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from running import Exporter, assert_conserved, exporter, select, total

BURN = "import sys\nwhile True: pass"
MISSED = "gramwatt_window_missed_seconds"
GAP_SECONDS = 1.5


@contextmanager
def burning() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", BURN]) as process:
        try:
            yield process
        finally:
            process.kill()


def cpu_seconds(pid: int) -> float:
    return time.clock_gettime((~pid << 3) | 2)  # CLOCK of another process: see clock_getcpuclockid(3)


def opened(running: Exporter, pid: int) -> str:
    running.wait_samples(1)
    status, window = running.call("POST", "/v1/windows", {"name": "w", "phase": "training", "pid": pid})
    assert status == 201, window
    return str(window["window"])


def kill_and_wait(running: Exporter) -> None:
    running.wait_samples(2)
    running.process.kill()
    running.process.wait()


def test_the_time_without_an_exporter_is_charged_from_the_clocks_of_live_processes(
    tmp_path: Path, rapl: Any
) -> None:
    flags = {"path.sysfs": str(rapl.root), "state.dir": str(tmp_path / "state")}
    with burning() as process:
        with exporter(tmp_path, flags) as running:
            window_id = opened(running, process.pid)
            began = cpu_seconds(process.pid)
            kill_and_wait(running)
        time.sleep(GAP_SECONDS)
        rapl.add(50_000_000)
        with exporter(tmp_path, flags) as running:
            series = running.wait_samples(2)
            assert_conserved(series)
            status, window = running.call("POST", f"/v1/windows/{window_id}/stop")
            used = cpu_seconds(process.pid) - began
            assert status == 200, window
    assert window["cpu_seconds"] == pytest.approx(used, rel=0.1)
    assert window["missed_seconds"] == 0
    # Two packages drew 50 J each; some of it is idle draw, other processes' and the exporter's own.
    assert 1 < window["components"]["cpu"] <= 100


def test_what_cannot_be_charged_is_missed_and_is_in_the_uncertainty(tmp_path: Path) -> None:
    flags = {"state.dir": str(tmp_path / "state")}  # the CPU's power is a model, which does not run on alone
    with burning() as process:
        with exporter(tmp_path, flags) as running:
            window_id = opened(running, process.pid)
            kill_and_wait(running)
        time.sleep(GAP_SECONDS)
        with exporter(tmp_path, flags) as running:
            running.wait_samples(3)
            series = running.scrape()
            assert_conserved(series)
            assert total(series, MISSED, window=window_id) >= 1
            status, window = running.call("POST", f"/v1/windows/{window_id}/stop")
            assert status == 200, window
    assert window["missed_seconds"] >= GAP_SECONDS
    assert window["duration_seconds"] > window["missed_seconds"]
    seen = window["duration_seconds"] - window["missed_seconds"]
    assert window["uncertainty_ratio"] > window["missed_seconds"] / seen * 0.9


def test_a_process_that_ended_without_an_exporter_leaves_the_window_with_missed_time(
    tmp_path: Path, rapl: Any
) -> None:
    flags = {"path.sysfs": str(rapl.root), "state.dir": str(tmp_path / "state")}
    with burning() as first, burning() as second:
        with exporter(tmp_path, flags) as running:
            window_id = opened(running, first.pid)
            assert running.call("POST", f"/v1/windows/{window_id}/processes", {"pid": second.pid})[0] == 200
            kill_and_wait(running)
        second.kill()
        second.wait()
        rapl.add(50_000_000)
        with exporter(tmp_path, flags) as running:
            series = running.wait_samples(2)
            assert_conserved(series)
            assert total(series, MISSED, window=window_id) > 0


def test_an_open_window_without_a_restart_misses_nothing(tmp_path: Path) -> None:
    with burning() as process, exporter(tmp_path, {}) as running:
        window_id = opened(running, process.pid)
        series = running.wait_samples(3)
        assert select(series, MISSED, window=window_id)
        assert total(series, MISSED, window=window_id) == 0
