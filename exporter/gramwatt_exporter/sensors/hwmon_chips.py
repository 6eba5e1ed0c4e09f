"""The chips of /sys/class/hwmon: which there are, what each of them measures, what its channels are called.

ABI: https://docs.kernel.org/hwmon/sysfs-interface.html (power in microwatts, energy in microjoules). What a driver
measures decides what its channels are:

- a GPU (amdgpu, xe, i915, nouveau) is a device, named by its PCI address;
- Grace names its rails in ``power1_oem_info``: they become devices together;
- any other ACPI power meter spans the whole machine;
- a CPU driver (amd_energy, fam15h_power) is a cpu device;
- of everything else nobody can say what it overlaps with: exported as a meter, never added.

A chip's number (hwmon3) is that of its loading: what lasts is the device it belongs to, so a channel is known by that.
An HID device (0003:1B1C:1C0B.0007) is numbered anew each time it is plugged in: it is known by what comes before.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from ..model import Device, Meter
from . import apu, grace

SOURCE = "hwmon"

# One sigma as a share of the value. No maker of a GPU states a figure for these channels: counters are taken as good
# as other counters, power that firmware models as half as good. ACPI meters state theirs (see ``_stated_ratio``).
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

# rated_max of xe and i915 is the default limit ("default TDP setting", sysfs-driver-intel-i915-hwmon): a higher one may
# be set, or none, and short bursts go beyond it.
_ABOVE_RATED = 2

GPUS = ("amdgpu", "xe", "i915", "nouveau")

# What a driver says instead of waking its GPU to measure: amdgpu in amdgpu_pm_get_access_if_active (also in a reset),
# nouveau in nouveau_power_read. xe and i915 have energy counters, which need none of this: what was drawn in a gap is
# the counter's next value less its last, however long it stood still.
_REFUSALS = {"amdgpu": errno.EPERM, "nouveau": errno.EINVAL}

# "%04X:%04X:%04X.%04X" of bus, vendor, product and a running number (drivers/hid/hid-core.c, hid_add_device).
_HID = re.compile(r"^([0-9A-F]{4,}:[0-9A-F]{4,}:[0-9A-F]{4,})\.[0-9A-F]{4,}$")
_CHANNEL = re.compile(r"^(energy|power)(\d+)_(input|average)$")
_ACCURACY = re.compile(r"^(\d+)(?:\.(\d{1,3}))?%?$")
_RANK = {("energy", "input"): 0, ("power", "average"): 1, ("power", "input"): 2}


class Chip(Struct, frozen=True):
    """One hwmon directory: ``driver`` and ``place`` say what stands there."""

    folder: Path
    driver: str
    # The device it belongs to (a PCI address, 3-0058, ACPI000D:00), else the directory's own name. Two HID devices of
    # one model have the same.
    place: str

    @property
    def lasting(self) -> bool:
        """Whether its place is the same after the driver was loaded again."""
        return self.place != self.folder.name


class Channel(Struct):
    """One file and what it measures. ``rail`` is set for those of a Grace socket, which become devices together."""

    chip: Chip
    path: Path
    energy: bool
    of: Device | Meter
    rail: tuple[str, str] | None = None  # (rail, socket)
    refusal: int | None = None  # the errno that says the GPU sleeps
    fd: int = -1  # -1: it could not be opened last time, because of this errno:
    lost: int = errno.ENODEV
    gone_ns: int | None = None  # since when its chip does not stand there

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is, wherever its chip's directory stands: (driver, place, file)."""
        return (self.chip.driver, self.chip.place, self.path.name)

    def open(self) -> None:
        """Open its file (again), if the chip that it belongs to still stands there. Raises OSError."""
        self.close()
        try:
            if chip_in(self.chip.folder) != self.chip:
                raise OSError(errno.ENODEV, "another chip has this number now", str(self.path))
            self.fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            self.lost = error.errno or errno.ENODEV
            raise

    def value(self) -> int:
        """Microwatts or microjoules; 0 W of a GPU that sleeps. Raises OSError, ValueError.

        Where reading fails the file is opened again, once: what cannot be opened is left to the next look at the chips.
        """
        if self.fd < 0:
            raise OSError(self.lost, os.strerror(self.lost), str(self.path))
        try:
            return self._read()
        except OSError:
            self.open()
            return self._read()

    def _read(self) -> int:
        try:
            text = os.pread(self.fd, 32, 0)
        except OSError as error:
            if self._asleep(error):
                return 0
            raise
        value = int(text)
        if self.energy and value < 0:
            raise ValueError("no counter is negative")
        return value

    def _asleep(self, error: OSError) -> bool:
        """Whether it was not read because that would wake the GPU. One that is awake may be refused too: in a reset."""
        if self.refusal is None or error.errno != self.refusal:
            return False
        return _text(self.chip.folder / "device" / "power" / "runtime_status") != "active"

    def close(self) -> None:
        """Close its file."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def chips_under(root: Path) -> list[Chip]:
    """All chips, in the order of their numbers. Raises FileNotFoundError, PermissionError."""
    folders = sorted(root.iterdir(), key=lambda folder: (len(folder.name), folder.name))
    return [chip_in(folder) for folder in folders]


def chip_in(folder: Path) -> Chip:
    """What stands in an hwmon directory; two small files are read, no hardware."""
    driver = _text(folder / "name") or _text(folder / "device" / "name") or folder.name
    try:
        place = _HID.sub(r"\1", (folder / "device").readlink().name)
    except OSError:
        place = folder.name
    return Chip(folder, driver, place)


def channels_of(chip: Chip, idle_watts: float | None) -> list[Channel]:
    """What one hwmon directory measures; empty for most."""
    files = _files(chip)
    driver = chip.driver
    if not files or re.match(r"^i915_gt\d+$", driver):
        return []  # i915_gt0 is one part of a card that the chip i915 measures whole
    if driver in GPUS:
        return [_gpu(chip, files, idle_watts)]
    if driver == "power_meter":
        return [_acpi(chip, files[0])]
    if driver == "amd_energy":
        return _amd_energy(chip, files, idle_watts)
    if driver == "fam15h_power":
        # One chip per socket (the driver leaves out a package's second node).
        device = Device("cpu", "package-0", SOURCE, UNCERTAINTY_RATIO[driver], idle_watts, 500.0)
        return [Channel(chip, files[0], False, device)]
    return [_unknown(chip, path) for path in files]


def _files(chip: Chip) -> list[Path]:
    """The best file of each channel; those of older drivers sit under ``device/``."""
    for folder in (chip.folder, chip.folder / "device"):
        try:
            names = sorted(entry.name for entry in folder.iterdir())
        except OSError:
            continue
        best: dict[str, tuple[int, Path]] = {}  # by channel number
        for name in names:
            match = _CHANNEL.match(name)
            if match is None:
                continue
            kind, number, what = match.groups()
            rank = _RANK.get((kind, what))
            if rank is None or _text(folder / f"{kind}{number}_enable") == "0":
                continue
            # energy1 and power1 are two views of one channel: the energy counter is better.
            if number not in best or rank < best[number][0]:
                best[number] = (rank, folder / name)
        if best:
            return [path for _, path in best.values()]
    return []


def _gpu(chip: Chip, files: Sequence[Path], idle_watts: float | None) -> Channel:
    labels = {_label(path): path for path in files}
    path = labels.get("card") or labels.get("pkg") or labels.get("PPT") or labels.get("") or files[0]
    address, driver = chip.place, chip.driver
    energy = path.name.startswith("energy")
    ratio = UNCERTAINTY_RATIO[driver]
    if driver == "amdgpu" and apu.is_apu(chip.folder):
        limit = DEFAULT_MAX_WATTS["cpu"]
        meter = Meter(apu.meter_name(address), SOURCE, apu.PACKAGE, (), ratio, limit)
        return Channel(chip, path, energy, meter)
    device = Device("gpu", address, SOURCE, ratio, idle_watts, _most_watts(path.parent))
    return Channel(chip, path, energy, device, refusal=None if energy else _REFUSALS.get(driver))


def _most_watts(folder: Path) -> float:
    """What a GPU can draw, by what never changes: a limit in force (``power1_max``, ``power1_cap``) may be raised."""
    highest = _watts(folder / "power1_cap_max")  # the highest limit that can be set
    return highest or _ABOVE_RATED * _watts(folder / "power1_rated_max") or DEFAULT_MAX_WATTS["gpu"]


def _acpi(chip: Chip, path: Path) -> Channel:
    info = _text(path.parent / "power1_oem_info")
    rail = grace.rail_of(info)
    if rail is not None:
        in_socket = None if rail[0] == grace.MODULE else rail
        return Channel(chip, path, False, grace.meter(*rail, SOURCE), in_socket)
    ratio = _stated_ratio(_text(path.parent / "power1_accuracy"))
    name = re.sub(r"[^a-z0-9]+", "-", (info or f"acpi-{chip.folder.name}").lower()).strip("-")
    limit = DEFAULT_MAX_WATTS["machine"]
    return Channel(chip, path, False, Meter(name, SOURCE, None, ("cpu", "dram", "gpu"), ratio, limit))


def _amd_energy(chip: Chip, files: Sequence[Path], idle_watts: float | None) -> list[Channel]:
    """One channel per socket; those of the cores (Ecore...) are parts of it and too many to export."""
    channels = []
    for path in files:
        match = re.match(r"^Esocket(\d+)$", _label(path))
        if match is not None:
            limit = DEFAULT_MAX_WATTS["cpu"]
            device = Device("cpu", f"package-{int(match[1])}", SOURCE, 0.05, idle_watts, limit)
            channels.append(Channel(chip, path, True, device))
    return channels


def _unknown(chip: Chip, path: Path) -> Channel:
    channel = path.name.split("_", 1)[0]
    label = re.sub(r"[^A-Za-z0-9]+", "-", _label(path) or channel).strip("-")
    limit = DEFAULT_MAX_WATTS["machine"]
    name = f"{chip.driver}-{label}"
    meter = Meter(name, SOURCE, None, (), DEFAULT_UNCERTAINTY_RATIO, limit)
    return Channel(chip, path, path.name.startswith("energy"), meter)


def _stated_ratio(accuracy: str) -> float:
    """One sigma from ``power1_accuracy``: what is missing to 100 %.

    ACPI's _PMC states an accuracy in thousandths of a percent, 0 to 100.000 % (https://uefi.org/specs/ACPI/6.5/,
    10.4.1; the same field of batteries, 10.2.2.3: "80000 would mean 80% accuracy"). Linux prints "%u.%u%%" of the whole
    part and the rest (drivers/hwmon/acpi_power_meter.c), without leading zeros: "95.50%" is 95.050 %. 100 % is what
    firmware writes that does not know (NVIDIA's for Grace): it says nothing. Nor is a meter sold that is wrong by more
    than half: a small number is meant as the error, as in Microsoft's "1,000 corresponds to a one percent accuracy
    rating" (PMI_REPORTED_CAPABILITIES).
    """
    match = _ACCURACY.match(accuracy)
    if match is None:
        return DEFAULT_UNCERTAINTY_RATIO
    stated = int(match[1]) * 1000 + int(match[2] or 0)
    wrong = 100_000 - stated if stated >= 50_000 else stated
    return wrong / 100_000 if wrong > 0 else DEFAULT_UNCERTAINTY_RATIO


def _label(path: Path) -> str:
    return _text(path.with_name(path.name.split("_", 1)[0] + "_label"))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _watts(path: Path) -> float:
    """Watts of a file in microwatts; 0 where it says nothing."""
    try:
        return max(0, int(_text(path))) / 1e6
    except ValueError:
        return 0.0
