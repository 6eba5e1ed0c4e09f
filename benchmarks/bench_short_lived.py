"""CPU time of processes that live 5 ms, 200 a second, that ends up with their names.

python -m benchmarks.bench_short_lived [SECONDS]

A program named ``brief`` forks them; what they and it used, ends included, is known exactly from wait4.
Compared with what the exporter (one sample a second) attributes to the workload ``brief``, in both its modes:
taskstats, and without CAP_NET_ADMIN the time parents waited for (cutime). Peer: psutil polled at the same period
over all processes, which is how exporters without exit accounting see it.
"""

from __future__ import annotations

import ctypes
import os
import re
import statistics
import subprocess
import sys
import threading

import psutil

from benchmarks.harness import compiled, get, machine, spread, verdict, wait_for, workplace
from benchmarks.running import Running

RATE, MILLISECONDS = 200, 5
ROUNDS = 5
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
    burst = subprocess.Popen([program, str(RATE), str(MILLISECONDS), str(seconds)], stdout=subprocess.DEVNULL)
    # From outside and after its end: its own figures lack its own end, which it is charged for like all it did.
    _, status, usage = os.wait4(burst.pid, 0)
    burst.returncode = os.waitstatus_to_exitcode(status)
    if burst.returncode:
        raise SystemExit(f"{program} ended with {burst.returncode}")
    used = usage.ru_utime + usage.ru_stime
    stop.set()
    poll.join()
    seen = samples(address)
    wait_for(lambda: samples(address) >= seen + 3, 10 * PERIOD, "three more samples")
    return (attributed(address) - before) / used, total[0] / used


def mode_of(address: str) -> str:
    """The exporter's source of exits."""
    found = re.search(r'gramwatt_exit_mode_info\{mode="(\w+)"\}', get(address).decode())
    return found[1] if found else "unknown"


def rounds_of(mode: str, directory: str, program: str, seconds: int) -> list[tuple[float, float]]:
    """A new exporter for every round: what was reported too late in one round would count for the next."""
    rounds = []
    for number in range(ROUNDS):
        running = Running(
            directory, f"{mode}-{number}", f"sampling: {{interval: {PERIOD:g}s}}\n",
            before=drop_net_admin if mode == "cutime" else None,
        )  # fmt: skip
        try:
            actual = mode_of(running.address)
            if actual != mode:
                print(f"mode {mode}: not possible here (the exporter runs in mode {actual}); not measured")
                return []
            rounds.append(measure(program, running.address, seconds))
        finally:
            running.end()
    return rounds


def main(seconds: int) -> int:
    print(machine())
    good = True
    with workplace() as directory:
        program = compiled("brief", directory)
        for mode in ("taskstats", "cutime"):
            rounds = rounds_of(mode, directory, program, seconds)
            if not rounds:
                good = False
                continue
            ours = [mine for mine, _ in rounds]
            print(
                f"mode {mode}: {statistics.median(ours):.4f} ({min(ours):.4f} to {max(ours):.4f}) of the CPU time of"
                f" {RATE} processes a second of {MILLISECONDS} ms attributed to them;"
                f" psutil polled every {PERIOD:g} s {spread([his for _, his in rounds])}"
            )
            good &= verdict(f"captured, largest, {mode}", max(ours), MOST)
            if mode == "taskstats":
                good &= verdict("captured", statistics.median(ours), LEAST, at_most=False)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 8))
