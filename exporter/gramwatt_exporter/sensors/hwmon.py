"""Power and energy of kernel hwmon drivers: AMD and Intel GPUs, ACPI power meters, NVIDIA Grace, and the rest.

ABI: https://docs.kernel.org/hwmon/sysfs-interface.html (power in microwatts, energy in microjoules). What a driver
measures decides what its channels are:

- a GPU (amdgpu, xe, i915, nouveau) is a device, named by its PCI address;
- Grace names its rails in ``power1_oem_info``: the socket's power is split into cpu and dram;
- any other ACPI power meter spans the whole machine;
- a CPU driver (amd_energy, fam15h_power) is a cpu device;
- of everything else nobody can say what it overlaps with: exported as a meter, never added.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from ..errors import Denied, NotHere, TryAgain
from ..model import Device, EnergyReading, Meter, PowerReading, Reading, Sample

# One sigma as a share of the value. No maker of a GPU states a figure for these channels: counters are taken as good
# as other counters, power that firmware models as half as good. ACPI meters state theirs in power*_accuracy.
UNCERTAINTY_RATIO = {
    "amdgpu": 0.1,
    "xe": 0.05,
    "i915": 0.05,
    "nouveau": 0.1,
    "amd_energy": 0.05,
    "fam15h_power": 0.1,
}
DEFAULT_UNCERTAINTY_RATIO = 0.1
DEFAULT_MAX_WATTS = {"gpu": 1500.0, "cpu": 1000.0, "machine": 20_000.0}

_GPUS = ("amdgpu", "xe", "i915", "nouveau")
_CHANNEL = re.compile(r"^(energy|power)(\d+)_(input|average)$")
_GRACE = re.compile(r"^(Module|Grace|CPU|SysIO) Power Socket (\d+)$", re.IGNORECASE)
_RANK = {("energy", "input"): 0, ("power", "average"): 1, ("power", "input"): 2}

FIX = (
    "run the exporter as root or with CAP_DAC_READ_SEARCH (systemd: AmbientCapabilities=CAP_DAC_READ_SEARCH);"
    " leave the file's mode as it is"
)


class _Channel(Struct):
    """One file and what it measures. ``role`` is set for Grace's rails, which are combined into devices."""

    path: Path
    energy: bool
    of: Device | Meter
    max_watts: float | None = None
    role: tuple[str, str] | None = None  # (rail, socket)
    sleeps: bool = False  # EPERM means the GPU sleeps, not that we may not read
    fd: int = -1


class Hwmon:
    """Every energy or power channel of /sys/class/hwmon. Files stay open: one pread each per tick.

    Raises NotHere (no such channel), Denied, TryAgain (all reads failed).
    """

    name = "hwmon"

    def __init__(self, sysfs: str, boottime_ns: Callable[[], int], idle_watts: float | None = None) -> None:
        self._root = Path(sysfs) / "class" / "hwmon"
        self._now = boottime_ns
        self._idle_watts = idle_watts
        self._channels: list[_Channel] = []

    def open(self) -> None:
        """Find the channels and open them."""
        self.close()
        denied: Path | None = None
        try:
            chips = sorted(self._root.iterdir(), key=lambda chip: (len(chip.name), chip.name))
        except FileNotFoundError:
            raise NotHere(f"{self._root} does not exist") from None
        except PermissionError:
            raise Denied(f"no permission to list {self._root}", FIX) from None
        for chip in chips:
            for channel in self._chip(chip):
                try:
                    channel.fd = os.open(channel.path, os.O_RDONLY | os.O_CLOEXEC)
                except OSError as error:
                    if error.errno in (errno.EACCES, errno.EPERM):
                        denied = channel.path
                    continue
                self._channels.append(channel)
        if not self._channels:
            if denied is not None:
                raise Denied(f"no permission to read {denied}", FIX)
            raise NotHere(f"no energy or power channel under {self._root}")

    def read(self) -> Sample:
        """One reading per channel; Grace's rails are combined."""
        readings: list[Reading] = []
        failures: dict[str, str] = {}
        rails: dict[str, dict[str, tuple[_Channel, int]]] = {}
        asleep = 0
        for channel in self._channels:
            try:
                value = self._value(channel)
            except OSError as error:
                if channel.sleeps and error.errno == errno.EPERM:
                    asleep += 1  # reading it would wake it; asleep it draws next to nothing
                    continue
                failures[channel.of.name] = "denied" if error.errno in (errno.EACCES, errno.EPERM) else "lost"
                continue
            except ValueError:
                failures[channel.of.name] = "garbage"
                continue
            if channel.role is not None:
                rails.setdefault(channel.role[1], {})[channel.role[0]] = (channel, value)
            elif channel.energy:
                readings.append(EnergyReading(channel.of, value, self._now()))
            elif channel.max_watts is not None and value > channel.max_watts * 1_200_000:
                failures[channel.of.name] = "implausible"
            else:
                readings.append(PowerReading(channel.of, value, self._now()))
        for socket, found in rails.items():
            readings += self._grace(socket, found)
        if not readings and not asleep:
            if not self._root.is_dir():
                raise NotHere(f"{self._root} has gone")
            raise TryAgain(f"no channel under {self._root} can be read: {failures}")
        return Sample(readings, failures=failures)

    def close(self) -> None:
        """Close the files."""
        for channel in self._channels:
            if channel.fd >= 0:
                os.close(channel.fd)
        self._channels = []

    @staticmethod
    def _value(channel: _Channel) -> int:
        if channel.fd >= 0:
            try:
                return _number(os.pread(channel.fd, 32, 0))
            except OSError as error:
                if channel.sleeps and error.errno == errno.EPERM:
                    raise
                os.close(channel.fd)  # the driver was reloaded: the path may live
                channel.fd = -1
        channel.fd = os.open(channel.path, os.O_RDONLY | os.O_CLOEXEC)
        return _number(os.pread(channel.fd, 32, 0))

    # --- what a chip measures

    def _chip(self, chip: Path) -> list[_Channel]:
        """The channels of one hwmon directory; files of older drivers sit under ``device/``."""
        driver = _text(chip / "name") or _text(chip / "device" / "name") or chip.name
        found: dict[tuple[str, Path], tuple[int, Path]] = {}  # (channel number, folder) -> best file
        for folder in (chip, chip / "device"):
            try:
                names = sorted(entry.name for entry in folder.iterdir())
            except OSError:
                continue
            for name in names:
                match = _CHANNEL.match(name)
                if match is None:
                    continue
                kind, number, what = match.groups()
                rank = _RANK.get((kind, what))
                if rank is None or _text(folder / f"{kind}{number}_enable") == "0":
                    continue
                # energy1 and power1 are two views of one channel: the energy counter is better.
                key = (number, folder)
                if key not in found or rank < found[key][0]:
                    found[key] = (rank, folder / name)
            if found:
                break
        if not found:
            return []
        files = [path for _, path in found.values()]
        if driver in _GPUS:
            return self._gpu(driver, chip, files)
        if driver == "i915_gt0" or re.match(r"^i915_gt\d+$", driver):
            return []  # one part of a card that the chip i915 measures whole
        if driver == "power_meter":
            return self._acpi(chip, files)
        if driver == "amd_energy":
            return self._amd_energy(files)
        if driver == "fam15h_power":
            device = Device("cpu", "package-0", self.name, UNCERTAINTY_RATIO[driver], self._idle_watts, 500.0)
            return [_Channel(files[0], False, device, 500.0)]
        return [self._unknown(driver, path) for path in files]

    def _gpu(self, driver: str, chip: Path, files: list[Path]) -> list[_Channel]:
        labels = {_label(path): path for path in files}
        path = labels.get("card") or labels.get("pkg") or labels.get("PPT") or labels.get("") or files[0]
        address = (chip / "device").resolve().name if (chip / "device").exists() else chip.name
        energy = path.name.startswith("energy")
        ratio = UNCERTAINTY_RATIO[driver]
        if driver == "amdgpu" and any(_text(chip / f"in{n}_label") == "vddnb" for n in range(3)):
            # Only APUs have a northbridge rail: this "GPU" is a part of the CPU's package.
            return [_Channel(path, energy, Meter(f"apu-{address}", self.name, "package-0", (), ratio))]
        limit = max(_watts(path.parent / f"power1_{name}") or 0 for name in ("cap_max", "rated_max", "max"))
        watts = limit or DEFAULT_MAX_WATTS["gpu"]
        device = Device("gpu", address, self.name, ratio, self._idle_watts, watts)
        return [_Channel(path, energy, device, watts, sleeps=driver == "amdgpu")]

    def _acpi(self, chip: Path, files: list[Path]) -> list[_Channel]:
        path = files[0]
        info = _text(path.parent / "power1_oem_info")
        grace = _GRACE.match(info)
        ratio = DEFAULT_UNCERTAINTY_RATIO
        with contextlib.suppress(ValueError):
            ratio = float(_text(path.parent / "power1_accuracy").rstrip("%")) / 100 or ratio
        if grace is None:
            name = re.sub(r"[^a-z0-9]+", "-", (info or f"acpi-{chip.name}").lower()).strip("-")
            limit = DEFAULT_MAX_WATTS["machine"]
            meter = Meter(name, self.name, None, ("cpu", "dram", "gpu"), ratio, limit)
            return [_Channel(path, False, meter, limit)]
        rail, socket = grace[1].lower(), grace[2]
        ratio = 0.05
        if rail == "module":
            # The whole superchip, GPU and CPU: beside the devices, never added to either.
            meter = Meter(f"module-{socket}", self.name, None, (), ratio)
        else:
            meter = Meter(f"{rail}-{socket}", self.name, f"package-{socket}", (), ratio)
        limit = DEFAULT_MAX_WATTS["cpu"] * 2
        return [_Channel(path, False, meter, limit, None if rail == "module" else (rail, socket))]

    def _grace(self, socket: str, rails: dict[str, tuple[_Channel, int]]) -> list[Reading]:
        """The socket's power as devices: cpu and sysio rails are the package, the rest of the socket is memory."""
        now = self._now()
        readings: list[Reading] = [PowerReading(channel.of, value, now) for channel, value in rails.values()]
        limit = DEFAULT_MAX_WATTS["cpu"]
        package = Device("cpu", f"package-{socket}", self.name, 0.05, self._idle_watts, limit)
        inner = sum(rails[rail][1] for rail in ("cpu", "sysio") if rail in rails)
        if "grace" not in rails:
            return [*readings, PowerReading(package, inner, now)] if inner else readings
        whole = rails["grace"][1]
        if "cpu" not in rails or "sysio" not in rails:
            return [*readings, PowerReading(package, whole, now)]
        memory = Device("dram", f"dram-{socket}", self.name, 0.1, None, limit)
        inner = min(inner, whole)
        return [*readings, PowerReading(package, inner, now), PowerReading(memory, whole - inner, now)]

    def _amd_energy(self, files: list[Path]) -> list[_Channel]:
        """One channel per socket; those of the cores (Ecore...) are parts of it and too many to export."""
        channels = []
        for path in files:
            match = re.match(r"^Esocket(\d+)$", _label(path))
            if match is not None:
                limit = DEFAULT_MAX_WATTS["cpu"]
                device = Device("cpu", f"package-{int(match[1])}", self.name, 0.05, self._idle_watts, limit)
                channels.append(_Channel(path, True, device, limit))
        return channels

    def _unknown(self, driver: str, path: Path) -> _Channel:
        channel = path.name.split("_", 1)[0]
        label = re.sub(r"[^A-Za-z0-9]+", "-", _label(path) or channel).strip("-")
        meter = Meter(f"{driver}-{label}", self.name, None, (), DEFAULT_UNCERTAINTY_RATIO)
        limit = DEFAULT_MAX_WATTS["machine"]
        return _Channel(path, path.name.startswith("energy"), meter, limit)


def _label(path: Path) -> str:
    return _text(path.with_name(path.name.split("_", 1)[0] + "_label"))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _watts(path: Path) -> float | None:
    try:
        return int(_text(path)) / 1e6
    except ValueError:
        return None


def _number(text: bytes) -> int:
    value = int(text)
    if value < 0:
        raise ValueError("neither power nor energy is negative here")
    return value
