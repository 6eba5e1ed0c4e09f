"""Power and energy of kernel hwmon drivers: AMD and Intel GPUs, ACPI power meters, NVIDIA Grace, and the rest.

ABI: https://docs.kernel.org/hwmon/sysfs-interface.html (power in microwatts, energy in microjoules). What a driver
measures decides what its channels are:

- a GPU (amdgpu, xe, i915, nouveau) is a device, named by its PCI address;
- Grace names its rails in ``power1_oem_info``: the socket's power is split into cpu and dram;
- any other ACPI power meter spans the whole machine;
- a CPU driver (amd_energy, fam15h_power) is a cpu device;
- of everything else nobody can say what it overlaps with: exported as a meter, never added.

A chip's number (hwmon3) is that of its loading: what lasts is the device it belongs to, so a channel is known by that.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from ..errors import Denied, NotHere, TryAgain
from ..model import Device, EnergyReading, Meter, PowerReading, Reading, Sample

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

LOOK_AGAIN_SECONDS = 60  # for chips that came, or that failed and may have come back elsewhere

_SECOND = 1_000_000_000
_GPUS = ("amdgpu", "xe", "i915", "nouveau")
_CHANNEL = re.compile(r"^(energy|power)(\d+)_(input|average)$")
_GRACE = re.compile(r"^(Module|Grace|CPU|SysIO) Power Socket (\d+)$", re.IGNORECASE)
_ACCURACY = re.compile(r"^(\d+)(?:\.(\d{1,3}))?%?$")
_DENIED = (errno.EACCES, errno.EPERM)
_RANK = {("energy", "input"): 0, ("power", "average"): 1, ("power", "input"): 2}

FIX = (
    "run the exporter as root or with CAP_DAC_READ_SEARCH (systemd: AmbientCapabilities=CAP_DAC_READ_SEARCH);"
    " leave the file's mode as it is"
)


class _Chip(Struct, frozen=True):
    """One hwmon directory: ``driver`` and ``place`` say what stands there."""

    folder: Path
    driver: str
    place: str  # the device it belongs to (a PCI address, 3-0058, ACPI000D:00), else the directory's own name

    @property
    def lasting(self) -> bool:
        """Whether its place is the same after the driver was loaded again."""
        return self.place != self.folder.name


class _Channel(Struct):
    """One file and what it measures. ``role`` is set for Grace's rails, which are combined into devices."""

    chip: _Chip
    path: Path
    energy: bool
    of: Device | Meter
    max_watts: float | None = None
    role: tuple[str, str] | None = None  # (rail, socket)
    sleeps: bool = False  # EPERM means the GPU sleeps, not that we may not read
    fd: int = -1  # -1: it failed last time

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is, wherever its chip's directory stands: (driver, place, file)."""
        return (self.chip.driver, self.chip.place, self.path.name)

    def open(self) -> None:
        """Open its file, if the chip that it belongs to still stands there. Raises OSError."""
        if _chip(self.chip.folder) != self.chip:
            raise OSError(errno.ENODEV, "another chip has this number now", str(self.path))
        self.fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        """Close its file."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Hwmon:
    """Every energy or power channel of /sys/class/hwmon. Files stay open: one pread each per tick.

    A channel that cannot be read is in every sample's failures. Every minute the directory is looked through again
    when one fails or when it lists other chips than before. Raises NotHere (no such channel), Denied, TryAgain (all
    reads failed).
    """

    name = "hwmon"

    def __init__(self, sysfs: str, boottime_ns: Callable[[], int], idle_watts: float | None = None) -> None:
        self._root = Path(sysfs) / "class" / "hwmon"
        self._now = boottime_ns
        self._idle_watts = idle_watts
        self._channels: list[_Channel] = []
        self._listed: set[str] = set()  # the chips when they were last looked through
        self._look_ns = 0  # when to look again

    def open(self) -> None:
        """Find the channels and open them."""
        self.close()
        denied = self._look()
        if all(channel.fd < 0 for channel in self._channels):
            self.close()
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
                failures[channel.of.name] = "denied" if error.errno in _DENIED else "lost"
                continue
            except ValueError:
                failures[channel.of.name] = "garbage"
                continue
            if channel.energy:
                readings.append(EnergyReading(channel.of, value, self._now()))
            elif channel.max_watts is not None and value > channel.max_watts * 1_200_000:
                failures[channel.of.name] = "implausible"
            elif channel.role is not None:
                rails.setdefault(channel.role[1], {})[channel.role[0]] = (channel, value)
            else:
                readings.append(PowerReading(channel.of, value, self._now()))
        for socket, found in rails.items():
            readings += self._grace(socket, found)
        if not readings and not asleep:
            if not self._root.is_dir():
                raise NotHere(f"{self._root} has gone")
            raise TryAgain(f"no channel under {self._root} can be read: {failures}")
        if self._now() >= self._look_ns:
            self._look_again()
        return Sample(readings, failures=failures)

    def close(self) -> None:
        """Close the files."""
        for channel in self._channels:
            channel.close()
        self._channels = []

    @staticmethod
    def _value(channel: _Channel) -> int:
        if channel.fd >= 0:
            try:
                return _number(os.pread(channel.fd, 32, 0))
            except OSError as error:
                if channel.sleeps and error.errno == errno.EPERM:
                    raise
                channel.close()
        channel.open()
        try:
            return _number(os.pread(channel.fd, 32, 0))
        except OSError as error:
            if not (channel.sleeps and error.errno == errno.EPERM):
                channel.close()
            raise

    # --- finding the channels, and finding them again

    def _look_again(self) -> None:
        """Look through the directory where something fails or other chips are listed."""
        self._look_ns = self._now() + LOOK_AGAIN_SECONDS * _SECOND
        with contextlib.suppress(OSError, NotHere, Denied):  # the next reads show what is left
            fails = any(channel.fd < 0 for channel in self._channels)
            if fails or {folder.name for folder in self._root.iterdir()} != self._listed:
                self._look()

    def _look(self) -> Path | None:
        """Bring the channels up to date with the directory: those that go on stay as they are, the others are opened.

        Returns a file that may not be opened, if there is one.
        """
        self._look_ns = self._now() + LOOK_AGAIN_SECONDS * _SECOND
        chips = self._chips()
        found = [channel for chip in chips for channel in self._of_chip(chip)]
        going: list[_Channel] = []
        stopped: list[_Channel] = []  # those that fail and those whose directory has gone
        for channel in self._channels:
            (going if channel.fd >= 0 and channel.chip in chips else stopped).append(channel)
        new = _beyond(going, found)
        drivers = {channel.chip.driver for channel in new}
        # What had no device to be known by: a new chip of its driver is taken to be the same one.
        gone = [c for c in stopped if c.chip not in chips and not c.chip.lasting and c.chip.driver in drivers]
        stopped = [c for c in stopped if c not in gone]
        _name(new, Counter(_noun(channel.of) for channel in found), going, stopped)
        named = {_noun(channel.of) for channel in new}
        gone += [c for c in stopped if _noun(c.of) in named]
        for channel in gone:
            channel.close()
        self._channels = [*going, *(c for c in stopped if c not in gone), *new]
        return _open(new)

    def _chips(self) -> list[_Chip]:
        try:
            folders = sorted(self._root.iterdir(), key=lambda folder: (len(folder.name), folder.name))
        except FileNotFoundError:
            raise NotHere(f"{self._root} does not exist") from None
        except PermissionError:
            raise Denied(f"no permission to list {self._root}", FIX) from None
        self._listed = {folder.name for folder in folders}
        return [_chip(folder) for folder in folders]

    # --- what a chip measures

    def _of_chip(self, chip: _Chip) -> list[_Channel]:
        """The channels of one hwmon directory; files of older drivers sit under ``device/``."""
        driver = chip.driver
        found: dict[tuple[str, Path], tuple[int, Path]] = {}  # (channel number, folder) -> best file
        for folder in (chip.folder, chip.folder / "device"):
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
            return self._gpu(chip, files)
        if driver == "i915_gt0" or re.match(r"^i915_gt\d+$", driver):
            return []  # one part of a card that the chip i915 measures whole
        if driver == "power_meter":
            return self._acpi(chip, files)
        if driver == "amd_energy":
            return self._amd_energy(chip, files)
        if driver == "fam15h_power":
            # One chip per socket (the driver leaves out a package's second node).
            device = Device("cpu", "package-0", self.name, UNCERTAINTY_RATIO[driver], self._idle_watts, 500.0)
            return [_Channel(chip, files[0], False, device, 500.0)]
        return [self._unknown(chip, path) for path in files]

    def _gpu(self, chip: _Chip, files: list[Path]) -> list[_Channel]:
        labels = {_label(path): path for path in files}
        path = labels.get("card") or labels.get("pkg") or labels.get("PPT") or labels.get("") or files[0]
        address, driver = chip.place, chip.driver
        energy = path.name.startswith("energy")
        ratio = UNCERTAINTY_RATIO[driver]
        if driver == "amdgpu" and any(_text(chip.folder / f"in{n}_label") == "vddnb" for n in range(3)):
            # Only APUs have a northbridge rail: this "GPU" is a part of the CPU's package.
            limit = DEFAULT_MAX_WATTS["cpu"]
            meter = Meter(f"apu-{address}", self.name, "package-0", (), ratio, limit)
            return [_Channel(chip, path, energy, meter, limit)]
        stated = max(_watts(path.parent / f"power1_{name}") or 0 for name in ("cap_max", "rated_max", "max"))
        watts = stated or DEFAULT_MAX_WATTS["gpu"]
        device = Device("gpu", address, self.name, ratio, self._idle_watts, watts)
        return [_Channel(chip, path, energy, device, watts, sleeps=driver == "amdgpu")]

    def _acpi(self, chip: _Chip, files: list[Path]) -> list[_Channel]:
        path = files[0]
        info = _text(path.parent / "power1_oem_info")
        grace = _GRACE.match(info)
        if grace is None:
            ratio = _stated_ratio(_text(path.parent / "power1_accuracy"))
            name = re.sub(r"[^a-z0-9]+", "-", (info or f"acpi-{chip.folder.name}").lower()).strip("-")
            limit = DEFAULT_MAX_WATTS["machine"]
            meter = Meter(name, self.name, None, ("cpu", "dram", "gpu"), ratio, limit)
            return [_Channel(chip, path, False, meter, limit)]
        rail, socket = grace[1].lower(), grace[2]
        ratio = 0.05
        if rail == "module":
            # The whole superchip, GPU and CPU: beside the devices, never added to either.
            meter = Meter(f"module-{socket}", self.name, None, (), ratio)
        else:
            meter = Meter(f"{rail}-{socket}", self.name, f"package-{socket}", (), ratio)
        limit = DEFAULT_MAX_WATTS["cpu"] * 2
        return [_Channel(chip, path, False, meter, limit, None if rail == "module" else (rail, socket))]

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

    def _amd_energy(self, chip: _Chip, files: list[Path]) -> list[_Channel]:
        """One channel per socket; those of the cores (Ecore...) are parts of it and too many to export."""
        channels = []
        for path in files:
            match = re.match(r"^Esocket(\d+)$", _label(path))
            if match is not None:
                limit = DEFAULT_MAX_WATTS["cpu"]
                device = Device("cpu", f"package-{int(match[1])}", self.name, 0.05, self._idle_watts, limit)
                channels.append(_Channel(chip, path, True, device, limit))
        return channels

    def _unknown(self, chip: _Chip, path: Path) -> _Channel:
        channel = path.name.split("_", 1)[0]
        label = re.sub(r"[^A-Za-z0-9]+", "-", _label(path) or channel).strip("-")
        limit = DEFAULT_MAX_WATTS["machine"]
        name = f"{chip.driver}-{label}"
        meter = Meter(name, self.name, None, (), DEFAULT_UNCERTAINTY_RATIO, limit)
        return _Channel(chip, path, path.name.startswith("energy"), meter, limit)


def _chip(folder: Path) -> _Chip:
    driver = _text(folder / "name") or _text(folder / "device" / "name") or folder.name
    try:
        place = (folder / "device").readlink().name
    except OSError:
        place = folder.name
    return _Chip(folder, driver, place)


def _noun(of: Device | Meter) -> tuple[str, str]:
    """What tells one counter from another."""
    return (of.component if isinstance(of, Device) else "meter", of.name)


def _open(channels: Iterable[_Channel]) -> Path | None:
    """Open them; returns a file that may not be opened, if there is one. What does not open is tried again by read."""
    denied = None
    for channel in channels:
        try:
            channel.open()
        except OSError as error:
            if error.errno in _DENIED:
                denied = channel.path
    return denied


def _beyond(going: list[_Channel], found: list[_Channel]) -> list[_Channel]:
    """Those found that do not go on already; of a GPU one rail goes on, whichever would be chosen now."""
    paths = {channel.path for channel in going}
    gpus = {channel.chip for channel in going if channel.chip.driver in _GPUS}
    return [channel for channel in found if channel.path not in paths and channel.chip not in gpus]


def _name(
    new: list[_Channel],
    found: Mapping[tuple[str, str], int],
    going: Iterable[_Channel],
    stopped: Iterable[_Channel],
) -> None:
    """Give each new channel a name of its own: its former one if it had one. ``found`` counts how many want which."""
    places = {channel.chip.place for channel in new}
    former = {channel.key: channel.of for channel in stopped}
    taken = {_noun(c.of) for c in going} | {_noun(c.of) for c in stopped if c.chip.place not in places}
    # By their places, which last: sockets are numbered in this order after every boot.
    new.sort(key=lambda c: (c.key not in former, len(c.chip.place), c.chip.place))
    for channel in new:
        kind, wanted = _noun(channel.of)
        if channel.key in former:
            channel.of = former[channel.key]
        else:
            names = _names(channel, alone=found[kind, wanted] == 1)
            channel.of = replace(channel.of, name=next(name for name in names if (kind, name) not in taken))
        taken.add(_noun(channel.of))


def _names(channel: _Channel, alone: bool) -> Iterator[str]:
    """Names a channel may have, the best first; ``alone``: it is the only one that wants the first of them."""
    wanted, place, file = channel.of.name, channel.chip.place, channel.path.name.split("_", 1)[0]
    if channel.chip.driver == "fam15h_power":
        yield from (f"package-{socket}" for socket in count())
    if alone:
        yield wanted
    yield f"{wanted}-{place}"
    yield f"{wanted}-{place}-{file}"
    yield from (f"{wanted}-{place}-{file}-{number}" for number in count(2))


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
