"""What a sample costs on a machine with 16 busy GPUs and 20 processes on each.

python -m benchmarks.bench_gpu [CYCLES]: 10 cycles each at one sample in 5 s and one a second.

The driver is a stand-in (programs/gpu_driver.c); the processes are real, and idle. The exporter runs as installed and
waits between its samples as it does in use, so its memory is as cold as it is then. CPU time is that of all its threads
in one cycle, by their run time in /proc/PID/task/TID/schedstat; nothing scrapes it. What the driver itself takes is
measured in the same run, with the calls that the exporter made, and taken off.

Peer: a plain loop with nvidia-ml-py (gpu_loop.py), asked once in every cycle. Beside it the same exporter without GPUs.
"""

from __future__ import annotations

import ctypes
import mmap
import re
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

from benchmarks.harness import (
    PROGRAMS,
    Asked,
    clean_environment,
    crowd,
    get,
    machine,
    spread,
    verdict,
    wait_for,
    workplace,
)
from benchmarks.running import Running

GPUS, EACH = 16, 20
LIMIT = 10.0  # milliseconds
SETTLE = 4  # cycles that are not counted
CALLS = 11  # counters of the driver
REPLAYS = 2000
LIBRARY = "libnvidia-ml.so.1"
LEAST_BOOKED = 0.9
INITIAL_PID_NAMESPACE = 4026531836


class StandIn:
    """The driver: how often each of its functions was called, and what that costs."""

    def __init__(self, directory: str, pids: list[int]) -> None:
        place = Path(directory)
        library = place / LIBRARY
        words = ["gcc", "-O2", "-shared", "-fPIC", f"-Wl,-soname,{LIBRARY}", "-o", str(library)]
        subprocess.run([*words, str(PROGRAMS / "gpu_driver.c")], check=True)
        (place / "pids").write_text("".join(f"{pid}\n" for pid in pids))
        counters = place / "calls"
        counters.write_bytes(bytes(8 * CALLS))
        self.environment = {"LD_LIBRARY_PATH": directory, "GPU_DRIVER_PIDS": str(place / "pids")}
        self.counting = {**self.environment, "GPU_DRIVER_CALLS": str(counters)}
        with counters.open("rb") as file:
            self._counters = memoryview(mmap.mmap(file.fileno(), 8 * CALLS, access=mmap.ACCESS_READ)).cast(
                "Q"
            )
        self._library = ctypes.CDLL(str(library))
        self._library.gpu_driver_replay.restype = ctypes.c_ulonglong

    def calls(self) -> list[int]:
        """So far, by function."""
        return self._counters.tolist()

    def cost(self, calls: list[int]) -> float:
        """CPU milliseconds of so many calls in the driver itself."""
        return float(self._library.gpu_driver_replay((ctypes.c_ulonglong * CALLS)(*calls), REPLAYS)) / 1e6


def thread_milliseconds(pid: int) -> tuple[float, float]:
    """CPU time so far of the main thread and of all others that live."""
    main = others = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        used = int((thread / "schedstat").read_text().split()[0])
        if int(thread.name) == pid:
            main = used
        else:
            others += used
    return main / 1e6, others / 1e6


class Measured:
    """One exporter, by cycle."""

    def __init__(self, running: Running) -> None:
        self._pid = running.process.pid
        self._before = thread_milliseconds(self._pid)
        self.main: list[float] = []
        self.others: list[float] = []

    def cycle(self) -> None:
        """The end of one cycle."""
        before, self._before = self._before, thread_milliseconds(self._pid)
        self.main.append(self._before[0] - before[0])
        self.others.append(self._before[1] - before[1])

    @property
    def whole(self) -> list[float]:
        """All threads."""
        return [main + others for main, others in zip(self.main, self.others, strict=True)]


def at_interval(seconds: float, cycles: int, directory: str, pids: list[int]) -> bool:
    """The lines of one rhythm."""
    driver = StandIn(directory, pids)
    settings = f"sampling: {{interval: {seconds:g}s}}\n"
    ours = Running(directory, f"gpus-{seconds:g}", settings, environment=driver.counting)
    without = Running(directory, f"none-{seconds:g}", settings + "sensors: {nvml: {enabled: false}}\n")
    peer = Asked([sys.executable, "-m", "benchmarks.gpu_loop"], {**clean_environment(), **driver.environment})
    try:
        wait_for(lambda: rows(ours.address) == GPUS, 30, f"{GPUS} GPUs")
        for _ in range(SETTLE):
            time.sleep(seconds)
            peer.ask("")
        measured, plain, loop, calls = Measured(ours), Measured(without), [], [driver.calls()]
        for _ in range(cycles):
            began = time.monotonic()
            time.sleep(seconds / 2)
            loop.append(int(peer.ask("")) / 1e6)
            time.sleep(max(0.0, seconds - (time.monotonic() - began)))
            measured.cycle()
            plain.cycle()
            calls.append(driver.calls())
        booked = booked_to_processes(ours.address)
    finally:
        peer.end()
        ours.end()
        without.end()
    made = [[b - a for a, b in zip(before, after, strict=True)] for before, after in pairwise(calls)]
    count = statistics.median(map(sum, made))
    own = [driver.cost(each) for each in made]
    net = [all_of_it - cost for all_of_it, cost in zip(measured.whole, own, strict=True)]
    print(
        f"one sample in {seconds:g} s: {spread(measured.whole)} ms a sample, main thread {spread(measured.main)},"
        f" others {spread(measured.others)}; {count:g} calls of the driver, which took {spread(own)} of it;"
        f" without GPUs {spread(plain.whole)}; nvidia-ml-py in a plain loop {spread(loop)},"
        f" ratio {spread([mine / his for mine, his in zip(net, loop, strict=True)])}"
    )
    if booked < LEAST_BOOKED:
        raise SystemExit(f"{booked:.0%} of the energy is booked to processes: the figures mean nothing")
    return verdict(f"ms a sample, one in {seconds:g} s", statistics.median(net), LIMIT)


def rows(address: str) -> int:
    """GPUs with energy."""
    return get(address).count(b'gramwatt_device_energy_joules_total{component="gpu"')


def booked_to_processes(address: str) -> float:
    """The part of the GPUs' energy that is booked to processes."""
    found = re.findall(
        r'^gramwatt_device_energy_partition_joules_total\{component="gpu".*part="(\w+)"\} (\S+)$',
        get(address).decode(),
        re.MULTILINE,
    )
    energy = sum(float(joules) for _, joules in found)
    return sum(float(joules) for part, joules in found if part == "live") / energy


def main(cycles: int) -> int:
    print(machine())
    if Path("/proc/self/ns/pid").stat().st_ino != INITIAL_PID_NAMESPACE:
        raise SystemExit(
            "not in the first PID namespace of the machine: the exporter would split no GPU here"
        )
    good = True
    with workplace() as directory, crowd(GPUS * EACH, directory) as pids:
        for seconds in (5.0, 1.0):
            good &= at_interval(seconds, cycles, directory, pids)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 10))
