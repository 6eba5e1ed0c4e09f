"""The model used where nothing measures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.errors import NotHere
from gramwatt_exporter.model import Device, EnergyReading, Sample
from gramwatt_exporter.sensors.drivers.estimate import cpu_table
from gramwatt_exporter.sensors.drivers.estimate.cpu_table import look_up, tokens
from gramwatt_exporter.sensors.drivers.estimate.estimate import Estimate
from gramwatt_exporter.sensors.drivers.estimate.memory_model import dimms
from gramwatt_exporter.sensors.drivers.estimate.power import curve

TABLE = [
    ("Intel Xeon Platinum 8252C", 150.0),
    ("Intel Xeon Platinum 8253", 125.0),
    ("Intel Xeon Platinum 8260", 165.0),
    ("Intel Core i7-8650U", 15.0),
    ("AMD EPYC 9654", 360.0),
    ("AMD Ryzen 7 5800X", 105.0),
    ("FX-8350", 125.0),
    ("3280", 65.0),
    ("AMD EPYC", 1.0),
]


class Machine:
    """A /proc and /sys of a machine with given CPUs."""

    def __init__(self, root: Path) -> None:
        self.proc, self.sys = root / "proc", root / "sys"
        self.proc.mkdir(parents=True)
        self.times: dict[int, list[int]] = {}

    def build(
        self,
        model: str,
        packages: list[int],
        memory_kb: int = 16_000_000,
        flags: str = "fpu sse",
        numbers: tuple[str, int, int, int] | None = None,
    ) -> None:
        entry = "processor\t: {}\n{}model name\t: {}\nflags\t\t: {}\n\n"
        line = "vendor_id\t: {}\ncpu family\t: {}\nmodel\t\t: {}\nstepping\t: {}\n"
        named = line.format(*numbers) if numbers else ""
        (self.proc / "cpuinfo").write_text(
            "".join(entry.format(cpu, named, model, flags) for cpu in range(len(packages)))
        )
        (self.proc / "meminfo").write_text(f"MemTotal:       {memory_kb} kB\n")
        for cpu, package in enumerate(packages):
            topology = self.sys / f"devices/system/cpu/cpu{cpu}/topology"
            topology.mkdir(parents=True)
            (topology / "physical_package_id").write_text(f"{package}\n")
            self.times[cpu] = [0] * 10
        self.write()

    def run(self, cpu: int, busy: int = 0, idle: int = 0, steal: int = 0) -> None:
        self.times[cpu][0] += busy
        self.times[cpu][3] += idle
        self.times[cpu][7] += steal
        self.write()

    def write(self) -> None:
        lines = [f"cpu{cpu} {' '.join(map(str, fields))}" for cpu, fields in self.times.items()]
        text = "\n".join(["cpu  0 0 0 0 0 0 0 0 0 0", *lines, "intr 12345 0 0", "btime 5", ""])
        (self.proc / "stat").write_text(text)

    def estimate(self, clock: Any, **settings: Any) -> Estimate:
        sensor = Estimate(str(self.proc), str(self.sys), clock, **settings)
        sensor.open()
        return sensor


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def energy(sample: Sample) -> dict[str, int]:
    return {r.of.name: r.microjoules for r in sample.readings if isinstance(r, EnergyReading)}


def device(sensor: Estimate, name: str) -> Device:
    (found,) = [r.of for r in sensor.read().readings if r.of.name == name]
    assert isinstance(found, Device)
    return found


@pytest.mark.parametrize(
    ("model", "watts", "how"),
    [
        ("AMD EPYC 9654 96-Core Processor", 360.0, "exact"),
        ("AMD Ryzen 7 5800X 8-Core Processor", 105.0, "exact"),
        ("AMD FX-8350 Eight-Core Processor", None, None),  # one token is too little to be sure
        ("Intel(R) Core(TM) i7-8650U CPU @ 1.90GHz", 15.0, "exact"),
        ("Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz", 150.0, "family"),  # median of 8252C, 8253, 8260
        ("AMD EPYC", None, None),
        ("AMD EPYC Processor", None, None),
        ("Intel Xeon Processor (Skylake, IBRS)", None, None),
        ("QEMU Virtual CPU version 2.5+", None, None),
        ("Opteron 3280", None, None),
        ("", None, None),
    ],
)
def test_a_cpu_is_found_by_its_full_name_or_not_at_all(
    model: str, watts: float | None, how: str | None
) -> None:
    match = look_up(model, TABLE)
    assert (match and match.watts, match and match.how) == (watts, how)


def test_names_are_cleaned() -> None:
    assert tokens("Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz") == ("intel", "xeon", "platinum", "8259cl")
    assert tokens("AMD Ryzen 7 5800H with Radeon Graphics") == ("amd", "ryzen", "7", "5800h")


@pytest.mark.slow
def test_the_real_table_knows_thousands_of_cpus_and_leaves_bad_rows_out() -> None:
    path = cpu_table.table_path()
    assert path is not None
    rows = list(cpu_table.rows(path))
    assert len(rows) > 4000
    assert all(0 < watts < 2000 for _, watts in rows)
    match = look_up("AMD EPYC 9654 96-Core Processor", rows)
    assert match is not None
    assert match.watts == 360.0


@pytest.mark.slow
def test_codecarbon_itself_is_never_imported() -> None:
    import subprocess
    import sys

    code = (
        "import sys, time\n"
        "from gramwatt_exporter.sensors.drivers.estimate.estimate import Estimate\n"
        "e = Estimate('/proc', '/sys', time.monotonic_ns); e.open(); e.read()\n"
        "print([m for m in ('codecarbon', 'pandas', 'numpy', 'requests', 'psutil') if m in sys.modules])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_idle_and_full_power_of_a_known_cpu(machine: Machine, clock: Any) -> None:
    machine.build("AMD Ryzen 7 5800X 8-Core Processor", [0, 0])
    sensor = machine.estimate(clock, memory="off")
    for cpu in (0, 1):
        machine.run(cpu, idle=100)
    clock.advance(1)
    assert energy(sensor.read()) == {"package-0": 22_050_000}  # 21 % of 105 W
    for cpu in (0, 1):
        machine.run(cpu, busy=100)
    clock.advance(1)
    assert energy(sensor.read()) == {"package-0": 22_050_000 + 105_000_000}
    assert "105 W full" in sensor.notes_by_component["cpu"][0]


def test_every_package_has_its_own_power(machine: Machine, clock: Any) -> None:
    machine.build("AMD Ryzen 7 5800X 8-Core Processor", [0, 0, 1, 1])
    sensor = machine.estimate(clock, memory="off", idle_watts=20.0)
    for cpu in range(4):
        machine.run(cpu, busy=100 if cpu < 2 else 0, idle=0 if cpu < 2 else 100)
    clock.advance(1)
    assert energy(sensor.read()) == {"package-0": 105_000_000, "package-1": 20_000_000}
    assert device(sensor, "package-1").idle_watts == 20.0


def test_an_unknown_cpu_says_so_and_is_less_certain(machine: Machine, tmp_path: Path, clock: Any) -> None:
    machine.build("AMD EPYC", [0, 0], flags="fpu hypervisor")
    sensor = machine.estimate(clock, memory="off")
    assert "a CPU that the table lacks" in sensor.notes_by_component["cpu"][0]
    known = Machine(tmp_path / "known")
    known.build(
        "AMD EPYC 7742 64-Core Processor", [0, 0], flags="fpu hypervisor", numbers=("AuthenticAMD", 23, 49, 0)
    )
    sure = device(known.estimate(clock, memory="off"), "package-0").uncertainty_ratio
    assert sure < device(sensor, "package-0").uncertainty_ratio < 1


def test_a_virtual_machine_has_only_its_part_of_the_cpu(machine: Machine, clock: Any) -> None:
    machine.build("AMD EPYC 9654 96-Core Processor", [0, 0], flags="fpu hypervisor")
    most = device(machine.estimate(clock), "package-0").max_watts
    assert most is not None
    assert 1 < most < 6  # two of 192 threads of a CPU of 360 W, of which there are usually two


def test_a_configured_tdp_is_believed(machine: Machine, clock: Any) -> None:
    machine.build("AMD EPYC", [0, 0], flags="fpu hypervisor")
    sensor = machine.estimate(clock, cpu_tdp_watts=65.0)
    assert device(sensor, "package-0").max_watts == 65.0
    assert "configured TDP" in sensor.notes_by_component["cpu"][0]


def test_stolen_time_is_not_ours(machine: Machine, clock: Any) -> None:
    machine.build("AMD Ryzen 7 5800X 8-Core Processor", [0])
    sensor = machine.estimate(clock, memory="off")
    machine.run(0, steal=100)
    clock.advance(1)
    assert energy(sensor.read()) == {"package-0": 22_050_000}


def test_a_package_whose_cpus_are_all_offline_is_idle(machine: Machine, clock: Any) -> None:
    """It was busy until then; /proc/stat drops its lines."""
    machine.build("AMD Ryzen 7 5800X 8-Core Processor", [0, 1])
    sensor = machine.estimate(clock, memory="off", idle_watts=20.0)
    for cpu in (0, 1):
        machine.run(cpu, busy=100)
    clock.advance(1)
    assert energy(sensor.read())["package-1"] == 105_000_000
    del machine.times[1]
    machine.run(0, busy=100)
    clock.advance(1)
    assert energy(sensor.read()) == {"package-0": 210_000_000, "package-1": 125_000_000}


def test_two_reads_within_a_clock_tick_keep_the_last_utilisation(machine: Machine, clock: Any) -> None:
    machine.build("AMD Ryzen 7 5800X 8-Core Processor", [0])
    sensor = machine.estimate(clock, memory="off")
    machine.run(0, busy=100)
    clock.advance(1)
    sensor.read()
    clock.advance(0.001)
    assert energy(sensor.read()) == {"package-0": 105_000_000 + 105_000}


def test_energy_never_falls_whatever_the_kernel_shows(machine: Machine, clock: Any) -> None:
    machine.build("AMD Ryzen 7 5800X 8-Core Processor", [0, 0])
    sensor = machine.estimate(clock)
    last = energy(sensor.read())
    for fields in ([5] * 10, [0] * 10, [9, 0, 0, 1, 0, 0, 0, 0, 0, 0]):
        machine.times = {0: fields}  # CPU 1 goes offline, iowait and others run backwards
        machine.write()
        clock.advance(1)
        now = energy(sensor.read())
        assert all(now[name] >= last[name] for name in now)
        last = now


@pytest.mark.parametrize(
    ("rule", "memory_kb", "flags", "watts"),
    [
        ("size", 62_500_000, "fpu", 24.0),  # 64 GB
        ("dimm", 62_500_000, "fpu", 12.0),  # 4 modules of 3 W
        ("dimm", 62_500_000, "fpu hypervisor", 7.68),  # a share of the host's large modules: by size
    ],
)
def test_memory(machine: Machine, clock: Any, rule: str, memory_kb: int, flags: str, watts: float) -> None:
    machine.build("AMD Ryzen 7 5800X 8-Core Processor", [0], memory_kb, flags)
    sensor = machine.estimate(clock, memory=rule)
    clock.advance(10)
    assert energy(sensor.read())["dram-0"] == round(watts * 10 * 1_000_000)


def test_what_the_memory_is_guessed_from_is_said(machine: Machine, clock: Any) -> None:
    machine.build("AMD Ryzen 7 5800X 8-Core Processor", [0], 62_500_000)
    assert "a guess of 4 modules of 3 W" in machine.estimate(clock).notes_by_component["dram"][0]


def test_memory_can_be_left_out(machine: Machine, clock: Any) -> None:
    machine.build("AMD Ryzen 7 5800X 8-Core Processor", [0])
    assert set(energy(machine.estimate(clock, memory="off").read())) == {"package-0"}


def test_more_memory_never_means_fewer_modules() -> None:
    counts = [dimms(size << 30) for size in (1, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048)]
    assert counts == sorted(counts)


def test_the_curve_rises_from_idle_to_full() -> None:
    points = [curve(u / 100) for u in range(101)]
    assert points[0] == 0
    assert points[-1] == 1
    assert points == sorted(points)
    assert curve(0.5) > 0.5  # half the work costs more than half the power


def test_a_sleeping_machine_draws_nothing(machine: Machine, clock: Any) -> None:
    machine.build("AMD Ryzen 7 5800X 8-Core Processor", [0])
    awake = type(clock)()
    sensor = machine.estimate(clock, awake_ns=awake)
    clock.advance(8 * 3600)
    awake.advance(1)
    machine.run(0, idle=100)
    assert energy(sensor.read())["package-0"] == 22_050_000


def test_elsewhere_than_on_linux_psutil_tells(tmp_path: Path, clock: Any) -> None:
    sensor = Estimate(str(tmp_path), str(tmp_path), clock, platform="darwin")
    sensor.open()
    clock.advance(1)
    found = energy(sensor.read())
    assert set(found) == {"package-0", "dram-0"}
    assert all(value > 0 for value in found.values())


def test_no_procfs_is_normal(tmp_path: Path, clock: Any) -> None:
    with pytest.raises(NotHere):
        Estimate(str(tmp_path), str(tmp_path), clock).open()
