"""One chip and one channel of it: its files stay open, one pread each per tick.

A chip's number (hwmon3) is that of its loading: what lasts is the device it belongs to, so a channel is known by that.
An HID device (0003:1B1C:1C0B.0007) is numbered anew each time it is plugged in: it is known by what comes before.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from msgspec import Struct

from ....model import Device, Meter
from ...power_reader import PowerReader
from ...standing_still import CounterCheck, PartCheck
from .files import Source, text
from .going_on import GoingOn

# "%04X:%04X:%04X.%04X" of bus, vendor, product and a running number (drivers/hid/hid-core.c, hid_add_device).
_HID = re.compile(r"^([0-9A-F]{4,}:[0-9A-F]{4,}:[0-9A-F]{4,})\.[0-9A-F]{4,}$")

# A shunt's zero is a little off: Jetson Thor shows -0.4 W for a GPU that is switched off.
_ZERO_ERROR = 500_000  # uW

LONGEST_NAME = 60  # of what a chip calls itself or its channel; drivers' own names are below 32


class Chip(Struct, frozen=True):
    """One hwmon or IIO directory: ``driver`` and ``place`` say what stands there."""

    folder: Path
    driver: str
    # The device it belongs to (a PCI address, 3-0058, ACPI000D:00), else the directory's own name. Two HID devices of
    # one model have the same.
    place: str

    @property
    def lasting(self) -> bool:
        """Whether its place is the same after the driver was loaded again."""
        return self.place != self.folder.name


class Part(Struct, frozen=True):
    """What a channel is a part of: a socket of Grace, a package, a rail of a board. ``name`` is which part."""

    family: str  # grace, the driver of a package, rail
    name: str  # cpu, sysio, a rail's name
    number: str = "0"  # of the socket


class Channel(Struct, eq=False):
    """One file, or a voltage times a current, and what it measures. ``part``: a device is made of it and others."""

    chip: Chip
    source: Source
    of: Device | Meter
    part: Part | None = None
    refusal: int | None = None  # the errno that says the GPU sleeps
    status: Path | None = None  # of a battery: its value is the machine's power only while it discharges
    inside: Path | None = None  # the counter of a part of this one
    signed: bool = False  # a shunt's power, whose zero may be a little off
    energy: bool = False  # whether it counts energy
    instead: Path | None = None  # what is read since its own counter is not believed any longer
    fd: int = -1  # -1: it could not be opened last time, because of this errno:
    lost: int = errno.ENODEV
    gone_ns: int | None = None  # since when its chip does not stand there
    amperes_fd: int = -1
    check: CounterCheck | None = None
    inner_check: PartCheck | None = None
    going_on: GoingOn | None = None  # of a GPU's counter
    beside: PowerReader | None = None  # the power of that GPU, integrated
    mended: bool = False  # its last step

    @property
    def path(self) -> Path:
        """Its file."""
        return self.source.path

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is, wherever its chip's directory stands: (driver, place, file)."""
        return (self.chip.driver, self.chip.place, self.source.path.name)

    @property
    def file(self) -> Path:
        """What is read."""
        return self.instead or self.source.path

    @property
    def gave_way(self) -> bool:
        """Whether another file is read in its place."""
        return self.instead is not None

    def open(self) -> None:
        """Open its file (again), if the chip that it belongs to still stands there. Raises OSError."""
        self.close()
        try:
            if chip_in(self.chip.folder) != self.chip:
                raise OSError(errno.ENODEV, "another chip has this number now", str(self.path))
            self.fd = os.open(self.file, os.O_RDONLY | os.O_CLOEXEC)
            if self.source.amperes is not None:
                self.amperes_fd = os.open(self.source.amperes, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            self.close()
            self.lost = error.errno or errno.ENODEV
            raise

    def value(self) -> int | None:
        """Microwatts or microjoules; 0 W of a GPU that sleeps; None while it measures nothing.

        Raises OSError, ValueError. Where reading fails the file is opened again, once: what cannot be opened is left to
        the next look at the chips.
        """
        if self.fd < 0:
            raise OSError(self.lost, os.strerror(self.lost), str(self.path))
        if self.status is not None and text(self.status) != "Discharging":
            return None
        try:
            return self._read()
        except OSError as error:
            if error.errno == errno.ENODATA:  # this channel of the chip is switched off
                return None
        except ValueError:  # no number: what stands at the path now may show one
            pass
        self.open()
        return self._read()

    def _read(self) -> int:
        try:
            value = int(os.pread(self.fd, 32, 0))
            if self.source.scale != 1:
                value = round(value * self.source.scale)
            if self.amperes_fd >= 0:
                value *= int(os.pread(self.amperes_fd, 32, 0))
        except OSError as error:
            if self._asleep(error):
                return 0
            raise
        if value == 0 and self.refusal is not None and (_number(self._in_use) or 0) > 0:
            raise ValueError("a GPU in use does not draw nothing")
        if value >= 0:
            return value
        if self.energy:
            raise ValueError("no counter is negative")
        return 0 if self.signed and value >= -_ZERO_ERROR else value

    @property
    def _in_use(self) -> Path:
        """How busy a GPU is, in percent (amdgpu)."""
        return self.chip.folder / "device" / "gpu_busy_percent"

    def judge(self, microjoules: int, at_ns: int) -> str:
        """Compare a counter with what its own chip says besides: "" or why it is not believed any longer.

        Then the channel gives way to the other file: its power, or the counter of the part that counted more.
        """
        against = ""
        if self.check is not None and self.source.witness is not None:
            if not self.check.wants_power(microjoules, at_ns):
                return ""
            power = _number(self.source.witness)
            against = "" if power is None else self.check.refuted_by(power)
            if against:
                self._give_way(self.source.witness, energy=False)
        elif self.inner_check is not None and self.inside is not None:
            if not self.inner_check.due(at_ns):
                return ""
            part = _number(self.inside)
            most = self.of.max_watts
            against = "" if part is None else self.inner_check.refuted_by(microjoules, part, at_ns, most)
            if against:
                self._give_way(self.inside, energy=True)
        return against

    def _give_way(self, path: Path, energy: bool) -> None:
        self.instead = path
        self.energy, self.check, self.inner_check = energy, None, None
        if self.going_on is not None:
            self.going_on.give_way()
        try:
            self.open()
        except OSError:
            return  # the next look tries again

    @property
    def _runtime_status(self) -> str:
        return text(self.chip.folder / "device" / "power" / "runtime_status")

    def awake(self) -> bool:
        """Whether its GPU is awake for certain: the kernel says so, or that it never sleeps."""
        return self._runtime_status in ("active", "unsupported")

    def energy_besides(self) -> int | None:
        """Microjoules by what a GPU shows besides its counter: its power so far, or the counter of a part of it."""
        if self.beside is not None:
            return self.beside.microjoules
        return None if self.inside is None else _number(self.inside)

    def _asleep(self, error: OSError) -> bool:
        """Whether it was not read because that would wake the GPU. One that is awake may be refused too: in a reset."""
        if self.refusal is None or error.errno != self.refusal:
            return False
        return self._runtime_status != "active"

    def close(self) -> None:
        """Close its files."""
        for fd in (self.fd, self.amperes_fd):
            if fd >= 0:
                os.close(fd)
        self.fd = self.amperes_fd = -1


def chips_under(root: Path) -> list[Chip]:
    """All chips, in the order of their numbers. Raises FileNotFoundError, PermissionError."""
    folders = sorted(root.iterdir(), key=lambda folder: (len(folder.name), folder.name))
    return [chip_in(folder) for folder in folders]


def iio_chips(root: Path) -> list[Chip]:
    """IIO devices that measure power; there are none on most machines."""
    try:
        folders = sorted(root.glob("iio:device*"), key=lambda folder: (len(folder.name), folder.name))
        return [
            chip_in(folder)
            for folder in folders
            if any(folder.glob("in_power*_input")) or any(folder.glob("in_power*_raw"))
        ]
    except OSError:
        return []


def chip_in(folder: Path) -> Chip:
    """What stands in such a directory; two small files are read, no hardware."""
    driver = text(folder / "name") or text(folder / "device" / "name") or folder.name
    try:
        place = _HID.sub(r"\1", (folder / "device").readlink().name)
    except OSError:
        place = folder.name
        if place.startswith("iio:"):  # has no link to its device: it lies in its directory
            above = folder.resolve().parent.name
            place = place if above == "devices" else above
    return Chip(folder, driver, place)


def plain(name: str) -> str:
    """A chip's or a channel's own name as a part of a meter's: letters, digits and dashes, of bounded length.

    Firmware puts anything there: spaces, line breaks, bytes that are no text.
    """
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:LONGEST_NAME].rstrip("-")


def _number(path: Path) -> int | None:
    try:
        return int(text(path))
    except ValueError:
        return None
