"""What a program is charged while the idle draw is not measured yet, on packages that follow this machine's CPUs.

Whatever else runs here, a CPU second makes these packages draw 12.5 J more: that is what it may cost.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from live_package import cpu_numbers, live_packages
from running import Exporter, Series, exporter, select, total

pytestmark = pytest.mark.apart

JOULES_A_CPU_SECOND = 12.5
FLAGS = {"sampling.interval": "1s"}
# Uses so many CPU seconds; what it used stands in its last line.
WORK = """
import sys, time
while time.process_time() < float(sys.argv[1]):
    pass
"""
# A share of a CPU by its own clock, that changes every second where two are given.
LOAD = """
import itertools, sys, time
for share in itertools.cycle(map(float, sys.argv[1:])):
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        began = time.process_time()
        while time.process_time() - began < 0.1 * share:
            pass
        time.sleep(0.1 * (1 - share))
"""


def line(busy: float) -> float:
    """Watts of a package."""
    return 15 + JOULES_A_CPU_SECOND * busy


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-I", "-S", "-c", *arguments])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def cost(series: Series, pid: int, before: Series | None = None) -> float:
    """Joules a CPU second of a program, over what is true."""
    energy, cpu = "gramwatt_process_energy_joules_total", "gramwatt_process_cpu_seconds_total"
    joules, seconds = total(series, energy, pid=str(pid), component="cpu"), total(series, cpu, pid=str(pid))
    if before is not None:
        joules -= total(before, energy, pid=str(pid), component="cpu")
        seconds -= total(before, cpu, pid=str(pid))
    assert seconds > 1
    return float(joules / seconds) / JOULES_A_CPU_SECOND


def used(watched: Exporter, pid: int, seconds: float, before: Series | None = None) -> Series:
    """Wait until the program has been seen to use so many CPU seconds more."""
    cpu = "gramwatt_process_cpu_seconds_total"
    begun = float(total(before, cpu, pid=str(pid))) if before is not None else 0.0
    return watched.wait(lambda series: float(total(series, cpu, pid=str(pid))) >= begun + seconds, 240)


def method(series: Series, device: str = "package-0") -> str:
    (labels,) = select(series, "gramwatt_idle_baseline_info", component="cpu", device=device)
    return dict(labels)["method"]


def test_right_after_the_start_a_cpu_second_costs_about_what_it_draws(tmp_path: Path) -> None:
    """It cost 2.4 times as much until the machine was first quiet."""
    with (
        live_packages(tmp_path / "sys", (frozenset(cpu_numbers()), line)) as sysfs,
        running(WORK, "60") as work,
        exporter(tmp_path, FLAGS | {"path.sysfs": str(sysfs)}) as watched,
    ):
        series = used(watched, work.pid, 6)
        assert 1 / 1.6 <= cost(series, work.pid) <= 1.6, (method(series), cost(series, work.pid))


@pytest.mark.thorough(
    sibling="tests/unit/exporter/idle/test_truth.py::test_on_a_machine_that_is_never_quiet_within_a_fifth_after_a_minute"
)
def test_on_a_machine_that_is_never_quiet_it_soon_costs_what_it_draws(tmp_path: Path) -> None:
    """It cost 1.9 times as much for ever. Where others keep all CPUs busy, no load differs from the next, and the class
    of the machine is all there is to go by."""
    with (
        live_packages(tmp_path / "sys", (frozenset(cpu_numbers()), line)) as sysfs,
        running(LOAD, "0.3"),
        running(LOAD, "0.1", "0.9", "0.4", "0.6", "0.2", "0.8") as varied,
        exporter(tmp_path, FLAGS | {"path.sysfs": str(sysfs)}) as watched,
    ):
        before = used(watched, varied.pid, 15)
        series = used(watched, varied.pid, 5, before)
        (sigma,) = select(series, "gramwatt_idle_baseline_uncertainty_ratio", component="cpu").values()
        most = 1.2 if method(series) == "fitted" and sigma < 0.33 else 1.6
        ratio = cost(series, varied.pid, before)
        assert 1 / most <= ratio <= most, (method(series), sigma, ratio)
        print(f"{method(series)}, sigma {sigma}, costs {ratio:.2f} of what is true")


def test_two_packages_are_each_known_by_their_own_cpus(tmp_path: Path) -> None:
    cpus = cpu_numbers()
    half = (len(cpus) + 1) // 2
    packages = [(frozenset(cpus[:half]), line), (frozenset(cpus[half:]), lambda busy: 20 + 10 * busy)]
    with (
        live_packages(tmp_path / "sys", *packages) as sysfs,
        running(LOAD, "0.2", "0.9", "0.5"),
        running(LOAD, "0.8", "0.1", "0.6", "0.3"),
        exporter(tmp_path, FLAGS | {"path.sysfs": str(sysfs)}) as watched,
    ):
        series = watched.wait_samples(12)
        for device, true in (("package-0", 15), ("package-1", 20)):
            (watts,) = select(series, "gramwatt_idle_baseline_watts", component="cpu", device=device).values()
            assert true / 3 <= float(watts) <= true * 1.4, (device, watts, method(series, device))
