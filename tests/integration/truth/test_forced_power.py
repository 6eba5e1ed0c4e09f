"""Power on the real machine while another client opens and stops windows all the time."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from running import Exporter, Series, exporter, select, total

# Works and sleeps by its own CPU clock, so that it has a power that does not depend on what else runs.
STEADY = """
import time
while True:
    began = time.process_time()
    while time.process_time() - began < 0.05:
        pass
    time.sleep(0.1)
"""


@contextmanager
def windows_all_the_time(running: Exporter, pid: int) -> Iterator[None]:
    """Forced samples at no rhythm that could hide from the regular one, about 30 a second (50 are allowed)."""
    over = threading.Event()

    def client() -> None:
        pause = 0.05
        while not over.is_set():
            status, window = running.call(
                "POST", "/v1/windows", {"name": "w", "phase": "training", "pid": pid}
            )
            assert status == 201, window
            time.sleep(0.003)
            running.call("POST", f"/v1/windows/{window['window']}/stop")
            pause = 0.045 + (pause * 7.3) % 0.04
            time.sleep(pause)

    thread = threading.Thread(target=client)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_the_power_of_a_steady_program_holds_while_others_open_windows(tmp_path: Path) -> None:
    """In every scrape, power is the step of the energy counter over the time between the two snapshots."""
    steady = subprocess.Popen([sys.executable, "-I", "-S", "-c", STEADY])
    other = subprocess.Popen(["sleep", "60"])
    try:
        with exporter(tmp_path, {"sampling.interval": "500ms"}) as running:
            ready = running.wait(lambda s: select(s, "gramwatt_process_power_watts", pid=str(steady.pid)))
            with windows_all_the_time(running, other.pid):
                compared = list(_compared(running, str(steady.pid), ready, 8))
        for of_one in zip(*compared, strict=True):
            # A busy machine may stop the exporter between a sample and its time stamp: one interval is then too long
            # and the next too short by the same time. Forced samples made power wrong by hundreds of times.
            assert all(0.5 < shown / step < 2 for shown, step in of_one), of_one
            assert abs(sum(shown for shown, _ in of_one) / sum(step for _, step in of_one) - 1) < 0.1, of_one
    finally:
        for process in (steady, other):
            process.kill()
            process.wait()


def _compared(
    running: Exporter, pid: str, before: Series, snapshots: int
) -> Iterator[list[tuple[float, float]]]:
    """Power shown times the interval, and the step of the counter, of the program and of the device, in joules."""
    at, samples = "gramwatt_snapshot_timestamp_seconds", 0
    while samples < snapshots:
        then = total(before, at)
        after = running.wait(lambda series: total(series, at) > then)  # noqa: B023 - used before it changes
        seconds = float(total(after, at) - then)
        pairs = []
        for power, energy, labels in (
            ("gramwatt_process_power_watts", "gramwatt_process_energy_joules_total", {"pid": pid}),
            ("gramwatt_device_power_watts", "gramwatt_device_energy_joules_total", {}),
        ):
            step = float(total(after, energy, **labels) - total(before, energy, **labels))
            pairs.append((float(total(after, power, **labels)) * seconds, step))
        if seconds < 0.75:  # else a snapshot was not seen
            yield pairs
        before, samples = after, samples + 1
