"""CPU time of processes that live 5 ms, 200 a second, that ends up with their names.

python -m benchmarks.bench_short_lived [SECONDS]

A program named ``brief`` forks them; what they and it used is known exactly from getrusage. Compared with what
the exporter (one sample a second) attributes to the workload ``brief``, in both its modes:
taskstats, and without CAP_NET_ADMIN the time parents waited for (cutime). Peer: psutil polled at the same period
over all processes, which is how exporters without exit accounting see it.
"""

from __future__ import annotations

import ctypes
import re
import statistics
import subprocess
import sys
import threading

import psutil

from benchmarks.harness import compiled, get, machine, spread, verdict, wait_for, workplace
from benchmarks.running import Running

RATE, MILLISECONDS = 200, 5
ROUNDS = 3
PERIOD = 1.0
LEAST, MOST = 0.97, 1.0
CAP_NET_ADMIN = 12
_PR_CAPBSET_DROP = 24


def attributed(address: str) -> float:
    """CPU seconds of everything that is called brief, parent included."""
    text = get(address).decode()
    rows = re.findall(
        r'^gramwatt_workload_cpu_seconds_total\{workload="brief",kind="command".*\} (\S+)$', text, re.M
    )
    return sum(map(float, rows))


def samples(address: str) -> float:
    """Samples taken so far."""
    found = re.search(r"^gramwatt_samples_total (\S+)$", get(address).decode(), re.M)
    return float(found[1]) if found else 0.0


def polled(stop: threading.Event, name: str, total: list[float]) -> None:
    """What a poll of all processes sees: differences of CPU times, those of the new ones whole."""
    last: dict[tuple[int, float], float] = {}
    while not stop.wait(PERIOD):
        for process in psutil.process_iter(["name", "cpu_times", "create_time"]):
            if process.info["name"] == name and process.info["cpu_times"] is not None:
                key = (process.pid, process.info["create_time"])
                used = process.info["cpu_times"].user + process.info["cpu_times"].system
                total[0] += used - last.get(key, 0.0)
                last[key] = used


def drop_net_admin() -> None:
    """So that the exporter started next has no exit listener; root gets its capabilities from the bounding set."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_CAPBSET_DROP, CAP_NET_ADMIN, 0, 0, 0)


def measure(program: str, address: str, seconds: int) -> tuple[float, float]:
    """One round: captured share by the exporter, and by the poll."""
    before = attributed(address)
    stop, total = threading.Event(), [0.0]
    poll = threading.Thread(target=polled, args=(stop, "brief", total))
    poll.start()
    burst = subprocess.Popen(
        [program, str(RATE), str(MILLISECONDS), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert burst.stdout is not None
    line = burst.stdout.readline()
    used = int(line.split()[1]) / 1e9
    burst.wait()
    stop.set()
    poll.join()
    seen = samples(address)
    wait_for(lambda: samples(address) >= seen + 3, 10 * PERIOD, "three more samples")
    return (attributed(address) - before) / used, total[0] / used


def main(seconds: int) -> int:
    print(machine())
    good = True
    with workplace() as directory:
        program = compiled("brief", directory)
        for number, mode in enumerate(("taskstats", "cutime")):
            running = Running(
                directory, number, f"sampling: {{interval: {PERIOD:g}s}}\n",
                before=drop_net_admin if mode == "cutime" else None,
            )  # fmt: skip
            try:
                text = get(running.address).decode()
                found = re.search(r'gramwatt_exit_mode_info\{mode="(\w+)"\}', text)
                actual = found[1] if found else "unknown"
                if actual != mode:
                    print(
                        f"mode {mode}: not possible here (the exporter runs in mode {actual}); not measured"
                    )
                    good = False
                    continue
                rounds = [measure(program, running.address, seconds) for _ in range(ROUNDS)]
            finally:
                running.end()
            ours = [mine for mine, _ in rounds]
            print(
                f"mode {mode}: {spread(ours)} of the CPU time of {RATE} processes a second of {MILLISECONDS} ms"
                f" attributed to them; psutil polled every {PERIOD:g} s {spread([his for _, his in rounds])}"
            )
            if mode == "taskstats":
                good &= verdict("captured", statistics.median(ours), LEAST, at_most=False)
                good &= verdict("captured, largest", max(ours), MOST)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 8))
