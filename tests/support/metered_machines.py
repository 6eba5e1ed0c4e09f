"""Machines whose meters follow what they draw, on a clock of their own: trees of sysfs and procfs, and the truth.

Everything follows one number, the busy CPUs. ``Machine.run`` lets time pass and reads the exporter's sensor_set at its
rhythm; what was booked can then be compared with what was drawn, by component, to the microjoule.
"""

from __future__ import annotations

import json
import math
import shutil
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gramwatt_exporter.errors import TryAgain
from gramwatt_exporter.model import Device, EnergyReading, Meter, PowerReading, Sample, Sensor
from gramwatt_exporter.sensors.drivers.hwmon.hwmon import Hwmon
from gramwatt_exporter.sensors.drivers.rapl.rapl import Rapl
from gramwatt_exporter.sensors.packages import packages
from gramwatt_exporter.sensors.sensor_set import SensorSet

CPUS = 4
STEP_NS = 100_000_000  # the meters' files are renewed so often
WRAP = 262_143_328_850
SMALL_WRAP = 65_712_999_613
Watts = Callable[[float], float]

XEON = "vendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R) CPU E5-2697 v3 @ 2.60GHz\nflags\t\t: fpu msr sse2\n"
GUEST = "vendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R) CPU\nflags\t\t: fpu msr sse2 hypervisor\n"


def busy_at(seconds: float) -> float:
    """Busy CPUs: never quiet for long, never the same for long."""
    wave = 1.6 + 1.4 * math.sin(seconds / 17.0)
    return min(float(CPUS), wave + (0.9 if int(seconds) % 23 < 7 else 0.0))


@dataclass
class File:
    """One file that shows a counter ("uj") or a power ("uw")."""

    path: Path
    kind: str
    watts: Watts
    start: int = 1_000_000
    wrap: int | None = None
    joules: float = 0.0
    now_watts: float = 0.0
    frozen: bool = False
    garbage: str | None = None  # what it shows instead
    mean: float = 0.0  # a power is that of so many seconds
    lately: deque[tuple[float, float]] = field(default_factory=deque)  # joules, seconds

    def draw(self, busy: float, seconds: float) -> None:
        """Time passes; the file is renewed by ``show``."""
        self.now_watts = self.watts(busy)
        self.joules += self.now_watts * seconds
        if self.mean and seconds:
            self.lately.append((self.now_watts * seconds, seconds))
            while len(self.lately) * STEP_NS > self.mean * 1e9:
                self.lately.popleft()
            self.now_watts = sum(j for j, _ in self.lately) / sum(s for _, s in self.lately)

    def show(self) -> None:
        """Write the value in place, as the kernel does."""
        if self.frozen:
            return
        value = self.start + int(self.joules * 1e6) if self.kind == "uj" else int(self.now_watts * 1e6)
        if self.wrap is not None:
            value %= self.wrap + 1
        self.path.write_text(f"{value if self.garbage is None else self.garbage}\n", encoding="ascii")


class Controller:
    """A management controller: whole watts, asked every few seconds, its last answer given again in between."""

    def __init__(self, name: str, clock: Callable[[], int], file: File, seconds: float = 2.0) -> None:
        self.name = name
        self.fails = False
        self._clock = clock
        self._file = file
        self._every = round(seconds * 1e9)
        self._next = 0
        self._meter = Meter(name, name, None, ("cpu", "dram", "gpu"), 0.1, 20_000.0)
        self._sample = Sample()

    def open(self) -> None: ...

    def close(self) -> None: ...

    def read(self) -> Sample:
        if self.fails:
            raise TryAgain("no answer")
        now = self._clock()
        if now >= self._next:
            self._next = now + self._every
            watts = round(self._file.now_watts) * 1_000_000
            self._sample = Sample([PowerReading(self._meter, watts, now)])
        return self._sample


class Model:
    """The estimate: too high for most of these machines, as models are."""

    name = "estimate"

    def __init__(self, clock: Callable[[], int], watts: dict[str, Watts]) -> None:
        self._clock = clock
        self._watts = watts
        self._joules = dict.fromkeys(watts, 0.0)
        self._devices = {
            "cpu": Device("cpu", "package-0", "estimate", 0.5, 30.0),
            "dram": Device("dram", "dram-0", "estimate", 0.5),
        }

    def open(self) -> None: ...

    def close(self) -> None: ...

    def draw(self, busy: float, seconds: float) -> None:
        """Time passes."""
        for part, watts in self._watts.items():
            self._joules[part] += watts(busy) * seconds

    def read(self) -> Sample:
        now = self._clock()
        return Sample([EnergyReading(self._devices[p], int(j * 1e6), now) for p, j in self._joules.items()])


class Log:
    """Keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, object]]] = []

    def debug(self, message: str, **fields: object) -> None: ...

    def info(self, message: str, **fields: object) -> None:
        self.lines.append(("info", message, fields))

    def warning(self, message: str, **fields: object) -> None:
        self.lines.append(("warning", message, fields))

    def text(self) -> str:
        return "\n".join(f"{level} {message} {fields}" for level, message, fields in self.lines)


@dataclass
class Machine:
    """A machine in a directory. ``truth`` is what each component draws."""

    root: Path
    truth: dict[str, Watts] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)
    controllers: list[Controller] = field(default_factory=list)
    memory: bool = False  # whether the model knows it
    cpuinfo: str = XEON
    sockets: int = 1
    now_ns: int = 10**12
    seconds: float = 0.0
    drawn: dict[str, float] = field(default_factory=dict)  # joules by component
    booked: dict[tuple[str, str], int] = field(default_factory=dict)  # microjoules by component and source
    log: Log = field(default_factory=Log)
    sensor_set: SensorSet | None = None

    def __post_init__(self) -> None:
        (self.root / "sys").mkdir(parents=True)
        (self.root / "proc").mkdir()
        self._model = Model(self.clock, {})

    def clock(self) -> int:
        """CLOCK_BOOTTIME of the machine."""
        return self.now_ns

    # --- building

    def write(self, path: str, text: object) -> Path:
        """A file that does not change."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n", encoding="ascii")
        return file

    def zone(self, path: str, label: str, watts: Watts, control: str = "intel-rapl", **more: Any) -> File:
        """A powercap zone: "0", or "0:1" inside it."""
        folder = f"sys/class/powercap/{control}:{path}"
        self.write(f"{folder}/name", label)
        wrap = more.pop("wrap", WRAP)
        self.write(f"{folder}/max_energy_range_uj", wrap)
        file = File(self.root / folder / "energy_uj", "uj", watts, wrap=wrap, **more)
        self.files[f"{control}:{path}"] = file
        return file

    def hwmon(self, number: int, place: str, chip: str, **channels: Any) -> None:
        """A chip; a channel is text, or (kind, watts)."""
        folder = f"sys/class/hwmon/hwmon{number}"
        self.write(f"{folder}/name", chip)
        device = self.root / "sys/devices" / place
        device.mkdir(parents=True)
        (self.root / folder / "device").symlink_to(device)
        for channel, value in channels.items():
            if isinstance(value, tuple):
                self.files[f"hwmon{number}/{channel}"] = File(self.root / folder / channel, *value)
            else:
                self.write(f"{folder}/{channel}", value)

    def acpi(self, number: int, watts: Watts) -> None:
        """An ACPI power meter."""
        channels = {"power1_average": ("uw", watts), "power1_accuracy": "98.0%"}
        self.hwmon(number, f"acpi/ACPI000D:{number:02d}", "power_meter", **channels)

    def controller(
        self, watts: Watts, name: str = "ipmi", seconds: float = 2.0, mean: float = 0.0
    ) -> Controller:
        """A controller that sees so much: now, or as the mean of the last ``mean`` seconds."""
        file = File(self.root / name, "uw", watts, mean=mean)
        self.files[name] = file
        controller = Controller(name, self.clock, file, seconds)
        self.controllers.append(controller)
        return controller

    # --- running

    def start(self, saved: Any = None) -> Machine:
        """Start the exporter's sensors, or start them again with what they saved."""
        for file in self.files.values():
            file.now_watts = file.watts(busy_at(self.seconds))
        self.pass_time(0.0)
        cpus = [f"processor\t: {n}\nphysical id\t: {n % self.sockets}\n{self.cpuinfo}" for n in range(CPUS)]
        self.write("proc/cpuinfo", "\n".join(cpus))
        model: dict[str, Watts] = {"cpu": lambda busy: 30.0 + 25.0 * busy}
        self._model = Model(self.clock, model | ({"dram": lambda busy: 6.0} if self.memory else {}))
        procfs, sysfs = str(self.root / "proc"), str(self.root / "sys")
        sensors: list[Sensor] = [
            Rapl(sysfs, self.clock),
            Hwmon(sysfs, self.clock),
            *self.controllers,
            self._model,
        ]
        self.sensor_set = SensorSet(sensors, self.clock, self.log, packages=lambda: packages(procfs))
        if saved is not None:
            self.sensor_set.restore(saved)
        self.sensor_set.open()
        self.tick(0.0)
        return self

    def restart(self, away: float = 0.0, lost: float = 0.0) -> None:
        """The exporter ends, and is started after ``away`` seconds; its state is older than its end by ``lost``."""
        assert self.sensor_set is not None
        saved = json.loads(json.dumps(self.sensor_set.state()))
        self.pass_time(away + lost)
        self.sensor_set.close()
        self.start(saved)

    def run(self, seconds: float, every: float = 1.0) -> None:
        """Time passes, with a sample every so often."""
        for _ in range(round(seconds / every)):
            self.tick(every)

    def tick(self, seconds: float) -> None:
        """Time passes, then one sample."""
        assert self.sensor_set is not None
        self.pass_time(seconds)
        for step in self.sensor_set.read().steps:
            assert step.microjoules >= 0
            key = (step.device.component, step.device.source)
            self.booked[key] = self.booked.get(key, 0) + step.microjoules

    def pass_time(self, seconds: float) -> None:
        """Time passes, and nobody looks."""
        end = self.now_ns + round(seconds * 1e9)
        while self.now_ns < end:
            part_ns = min(STEP_NS, end - self.now_ns)
            part, busy = part_ns / 1e9, busy_at(self.seconds)
            for file in self.files.values():
                file.draw(busy, part)
            for component, watts in self.truth.items():
                self.drawn[component] = self.drawn.get(component, 0.0) + watts(busy) * part
            self.now_ns += part_ns
            self.seconds += part
            self._model.draw(busy, part)
        for file in self.files.values():
            file.show()

    # --- comparing

    def forget(self) -> None:
        """Compare from here on."""
        self.drawn, self.booked = {}, {}

    def ratio(self, component: str = "") -> float:
        """Joules booked per joule drawn, of one component or of all."""
        booked = sum(energy for (of, _), energy in self.booked.items() if component in ("", of)) / 1e6
        drawn = sum(joules for of, joules in self.drawn.items() if component in ("", of))
        return booked / drawn

    def sources(self, component: str) -> set[str]:
        """Who measured it."""
        return {source for (of, source), energy in self.booked.items() if of == component and energy}

    def remove(self, path: str) -> None:
        """A directory of sysfs goes away, with its files: who still has one open reads nothing more."""
        gone = self.root / path
        for file in self.files.values():
            if gone in file.path.parents:
                file.path.write_text("")
        self.files = {key: file for key, file in self.files.items() if gone not in file.path.parents}
        shutil.rmtree(gone)


# --- kinds of machine


def package(busy: float) -> float:
    """One of two sockets."""
    return 18.0 + 11.0 * busy


def memory(busy: float) -> float:
    """One of two sockets' memory."""
    return 4.0 + 0.6 * busy


def two_sockets(root: Path, mmio: bool = True) -> Machine:
    """A Xeon with memory zones, and one package seen through MMIO as well."""
    machine = Machine(root, sockets=2)
    for socket in (0, 1):
        machine.zone(
            f"{socket}", f"package-{socket}", package, start=200_000_000_000 + socket * 7_000_000_000
        )
        machine.zone(
            f"{socket}:0", "dram", memory, wrap=SMALL_WRAP, start=3_000_000_000 + socket * 900_000_000
        )
        machine.zone(f"{socket}:1", "core", lambda busy: 2 + 8 * busy)
    if mmio:
        machine.zone("0", "package-0", package, control="intel-rapl-mmio", start=123_000_000)
    machine.truth = {"cpu": lambda busy: 2 * package(busy), "dram": lambda busy: 2 * memory(busy)}
    return machine


def laptop(root: Path, rest: float = 3.0) -> Machine:
    """psys around the package leaves less than the model says that memory draws."""
    machine = Machine(root, memory=True)
    machine.zone("0", "package-0", lambda busy: 2.0 + 9.0 * busy, start=40_000_000_000)
    machine.zone("0:0", "core", lambda busy: 0.4 + 8.0 * busy)
    machine.zone("1", "psys", lambda busy: 2.0 + 9.0 * busy + rest, start=90_000_000_000)
    machine.zone("0", "package-0", lambda busy: 2.0 + 9.0 * busy, control="intel-rapl-mmio", start=55_000_000)
    machine.truth = {"all": lambda busy: 2.0 + 9.0 * busy + rest}
    return machine


def dies(root: Path, count: int = 2) -> Machine:
    """Zen 1: each die of the package shows the socket's counter."""
    machine = Machine(root)
    for die in range(count):
        machine.zone(f"{die}", f"package-0-die-{die}", package, start=52_113_000_000 + 3_000 * die)
        machine.zone(f"{die}:0", "core", lambda busy: 0.5 * busy, start=2_600_000_000 + die)
    machine.truth = {"cpu": package}
    return machine


def xen(root: Path) -> Machine:
    """A guest that sees one package for each virtual CPU, all of them the host's one."""
    machine = Machine(root, cpuinfo=GUEST)
    for number in range(CPUS):
        machine.zone(f"{number}", f"package-{number}", package, start=91_000_000_000)
    machine.truth = {"cpu": package}
    return machine


def twins(root: Path) -> Machine:
    """Two sockets that started within a microjoule of each other and always draw the same."""
    machine = Machine(root, sockets=2)
    for socket in (0, 1):
        machine.zone(f"{socket}", f"package-{socket}", package, start=30_000_000_000 + socket)
    machine.truth = {"cpu": lambda busy: 2 * package(busy)}
    return machine


def server(root: Path, acpi: bool = True, ipmi: bool = True, rest: float = 60.0) -> Machine:
    """RAPL inside two meters of the same watts."""
    machine = two_sockets(root)

    def wall(busy: float) -> float:
        return 2 * package(busy) + 2 * memory(busy) + rest

    if acpi:
        machine.acpi(1, wall)
    if ipmi:
        machine.controller(wall)
    machine.truth = {**machine.truth, "other": lambda busy: rest}
    return machine


def denied(root: Path) -> Machine:
    """No RAPL, a controller: the model is all there is for the parts, and knows nothing of the machine."""
    machine = Machine(root, memory=True)
    machine.controller(lambda busy: 45 + 15 * busy)
    machine.truth = {"all": lambda busy: 45 + 15 * busy}
    return machine


def psys_and_controller(root: Path) -> Machine:
    """psys spans 8 W beside the package, the controller the whole machine."""
    machine = Machine(root)
    machine.zone("0", "package-0", package, start=7_000_000_000)
    machine.zone("0:0", "dram", lambda busy: 3.0, start=1_000_000_000)
    machine.zone("1", "psys", lambda busy: package(busy) + 8.0, start=9_000_000_000)
    machine.controller(lambda busy: package(busy) + 3.0 + 33.0)
    machine.truth = {"cpu": package, "dram": lambda busy: 3.0, "other": lambda busy: 33.0}
    return machine


def two_psys(root: Path) -> Machine:
    """psys of two sockets: each spans its own, none the machine."""
    machine = two_sockets(root, mmio=False)
    for number, name in ((2, "psys"), (3, "psys-1")):
        machine.zone(f"{number}", name, lambda busy: package(busy) + memory(busy) + 5.0, start=10**9 * number)
    return machine


def arc(root: Path) -> Machine:
    """A package and a discrete Intel GPU with a counter."""
    machine = Machine(root)
    machine.zone("0", "package-0", package, start=7_000_000_000)
    machine.hwmon(
        4, "pci0000:00/0000:03:00.0", "xe",
        energy1_label="card", energy1_input=("uj", lambda busy: 8.0 + busy, 700_000_000_000),
        energy2_label="pkg", energy2_input=("uj", lambda busy: 5.0 + busy, 900_000_000),
        power1_label="card", power1_crit="328000000",
    )  # fmt: skip
    machine.truth = {"cpu": package, "gpu": lambda busy: 8.0 + busy}
    return machine


def guest(root: Path) -> Machine:
    """A virtual machine whose hypervisor shows powercap with counters that stand at 0."""
    machine = Machine(root, cpuinfo=GUEST)
    zone = machine.zone("0", "package-0", package, start=0)
    zone.watts = lambda busy: 0.0
    machine.truth = {"cpu": lambda busy: 6.0 + busy}
    return machine
