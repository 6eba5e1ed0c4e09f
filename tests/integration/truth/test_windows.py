"""Eight windows at once on the real machine, each over a tree of short-lived processes, against getrusage."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from running import assert_conserved, exporter, select

# Waits for its window to be open, works through children that live 2 to 16 ms, and tells what all of them used.
WORKER = """
import os, resource, sys, time
def used():
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in both)
print("ready", flush=True)
sys.stdin.readline()
before = used()
while used() - before < 1.2:
    child = os.fork()
    if child == 0:
        stop = time.process_time() + float(sys.argv[1])
        while time.process_time() < stop:
            pass
        os._exit(0)
    os.waitpid(child, 0)
print(used() - before, flush=True)
sys.stdin.readline()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="without CAP_NET_ADMIN, exits are told in steps of 10 ms only")
def test_eight_windows_of_short_lived_children(tmp_path: Path) -> None:
    with exporter(tmp_path, {"sampling.interval": "1s"}) as running:
        running.wait_samples(2)
        workers, windows = [], []
        for number in range(8):
            worker = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", WORKER, str(0.002 * (number + 1))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"  # its own start is not of the window
            status, window = running.call(
                "POST", "/v1/windows", {"name": f"w{number}", "phase": "training", "pid": worker.pid}
            )
            assert status == 201, window
            workers.append(worker)
            windows.append(window["window"])
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        used = [float(worker.stdout.readline()) for worker in workers if worker.stdout is not None]
        ended = [running.call("POST", f"/v1/windows/{window}/stop")[1] for window in windows]
        for worker in workers:
            worker.communicate("done\n")
        series = running.wait_samples(2)
        assert_conserved(series)
        for window in ended:
            shown = select(series, "gramwatt_window_energy_joules_total", window=window["window"])
            assert float(sum(shown.values())) == pytest.approx(window["energy_joules"], abs=1e-9)
    recorded = [window["cpu_seconds"] for window in ended]
    shares = [mine / theirs for mine, theirs in zip(recorded, used, strict=True)]
    print("shares attributed:", *(f"{share:.4f}" for share in shares))
    assert shares == pytest.approx([1] * 8, abs=0.03)
