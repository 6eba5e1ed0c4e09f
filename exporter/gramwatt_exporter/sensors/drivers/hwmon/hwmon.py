"""Power and energy of kernel hwmon drivers: GPUs, CPUs, ACPI power meters, rails of boards, and everything else."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from msgspec.structs import replace

from ....errors import Denied, NotHere
from ....model import Device, EnergyReading, PowerReading, Reading, Sample
from ...failures import nothing_readable
from ...looking import LookAgain
from ...standing_still import PartCheck
from .between import Between, MakeRepeater, power_beside
from .channel import Channel, Chip, chips_under, iio_chips
from .chips import GPUS, SOURCE, channels_of
from .devices import Wholes
from .going_on import GoingOn, StandsStill
from .gpu import memory_of
from .names import name_apart, noun

KEEP_SECONDS = 86_400  # a channel that went away has its name kept for so long
MOST_GONE = 64  # and no more of them than this, the latest

_SECOND = 1_000_000_000
_DENIED = (errno.EACCES, errno.EPERM)

FIX = (
    "run the exporter as root or with CAP_DAC_READ_SEARCH (systemd: AmbientCapabilities=CAP_DAC_READ_SEARCH);"
    " leave the file's mode as it is"
)


class Hwmon:
    """Every energy or power channel of /sys/class/hwmon. Files stay open: one pread each per tick.

    A channel that cannot be read is in every sample's failures; an implausible value is handed on.
    The sensor set refuses that. The directory is looked through again soon when a channel fails, and every minute when
    other chips stand there than before. A GPU that sleeps draws 0 W.

    Raises NotHere (no such channel), Denied, TryAgain (all reads failed).
    """

    name = SOURCE

    def __init__(
        self,
        sysfs: str,
        boottime_ns: Callable[[], int],
        idle_watts: float | None = None,
        repeater: MakeRepeater | None = None,
    ) -> None:
        """``repeater`` makes what reads the power of GPUs between two reads; without it they are read only then."""
        self.between = None if repeater is None else Between(boottime_ns, repeater)
        self._root = Path(sysfs) / "class" / "hwmon"
        self._iio_root = Path(sysfs) / "bus" / "iio" / "devices"
        self._now = boottime_ns
        self._idle_watts = idle_watts
        self._channels: list[
            Channel
        ] = []  # also those that failed or went away: their names are kept for them
        self._wholes = Wholes([], SOURCE, idle_watts, "")  # devices made of channels
        self._chips: list[Chip] = []  # when they were last looked through
        self._looking = LookAgain()
        self.notes: list[str] = []

    def open(self) -> None:
        """Find the channels and open them; what was known before a close keeps its name."""
        self.close()
        denied = self._look(self._list())
        if all(channel.fd < 0 for channel in self._channels):
            if denied is not None:
                raise Denied(f"no permission to read {denied}", FIX)
            raise NotHere(f"no energy or power channel under {self._root}")

    def read(self) -> Sample:
        """One reading per channel, and those of the devices that channels make together."""
        readings: list[Reading] = []
        failures: dict[str, str] = {}
        values: dict[Channel, int] = {}  # of those that are parts of a device
        wholes = self._wholes
        mended: list[Device] = []
        if self.between is not None:
            self.between.now()
        for channel in self._channels:
            try:
                value = channel.value()
            except OSError as error:
                # Of a file that is open, it is the driver that refuses.
                denied = channel.fd < 0 and error.errno in _DENIED
                failures[channel.of.name] = "denied" if denied else "lost"
                continue
            except ValueError:
                failures[channel.of.name] = "garbage"
                continue
            if value is None:
                continue
            now = self._now()
            of = wholes.aside.get(channel, channel.of)
            if channel.going_on is not None:
                try:
                    readings.append(self._counted(channel, channel.going_on, value, now, mended))
                except StandsStill:
                    failures[of.name] = "still"
            elif channel.energy:
                readings.append(EnergyReading(of, value, now))
                self._judge(channel, value, now)
            else:
                readings.append(PowerReading(of, value, now))
            if channel in wholes.members:
                values[channel] = value
        for whole in wholes.counted:
            readings += whole.readings(values, self._now())
        if not readings and failures:
            if not self._root.is_dir():
                raise NotHere(f"{self._root} has gone")
            raise nothing_readable("channel", self._root, failures)
        if self._looking.due(self._now(), self._fails()):
            self._look_again()
        if self.between is not None:
            readings = self.between.instead(readings)
        return Sample(readings, failures=failures, mended=mended, memory=memory_of(self._channels))

    def _counted(
        self, channel: Channel, going_on: GoingOn, value: int, now: int, mended: list[Device]
    ) -> EnergyReading:
        """The energy of a GPU with a counter, of which ``value`` was read. Raises StandsStill."""
        of, beside = channel.of, channel.beside
        assert isinstance(of, Device)
        if beside is not None:
            going_on.fine = self.between is not None and self.between.reads(beside)
            if not going_on.fine:
                beside.take(value, now) if channel.gave_way else beside.step()
        if not channel.gave_way:
            going = going_on.take(value, channel.energy_besides(), now, channel.awake)
            if going.mended:
                mended.append(of)
            if going.mended and not channel.mended and channel.inner_check is not None:
                channel.inner_check = PartCheck()  # one leap does not speak against all that comes
            channel.mended = going.mended
            self._judge(channel, value, now)
        elif beside is None:
            going = going_on.take(value, None, now, channel.awake)
        else:
            going = going_on.take(beside.microjoules, None, now, lambda: False)
            if of.uncertainty_ratio != beside.uncertainty_ratio:
                channel.of = of = replace(of, uncertainty_ratio=beside.uncertainty_ratio)
        offset = 0 if channel.gave_way else going_on.offset
        return EnergyReading(of, going.microjoules, going.at_ns, offset=offset, own=channel.gave_way)

    @property
    def refused(self) -> Mapping[str, int]:
        """How many values of power read between two reads were not believed since the start, by reason."""
        count = 0 if self.between is None else self.between.refused
        return {"implausible_power": count} if count else {}

    def _judge(self, channel: Channel, microjoules: int, at_ns: int) -> None:
        """Compare a counter with its chip's power or with a part of it, where there is either."""
        if channel.check is None and channel.inner_check is None:
            return
        against = channel.judge(microjoules, at_ns)
        if against:
            self.notes.append(f"{channel.of.name}: {against}: measured by {channel.file.name} from now on")
            if self.between is not None:
                self.between.watch(self._channels, self._wholes)

    def close(self) -> None:
        """Close the files."""
        if self.between is not None:
            self.between.close()
        for channel in self._channels:
            channel.close()

    # --- finding the channels, and finding them again

    def _look_again(self) -> None:
        """Look through the directory where something fails or other chips stand."""
        with contextlib.suppress(OSError, NotHere, Denied):  # the next reads show what is left
            # Their numbers alone do not show it: the kernel gives the lowest free one to the next chip.
            chips = self._list()
            if chips != self._chips or self._fails():
                self._look(chips)

    def _fails(self) -> bool:
        return any(channel.fd < 0 for channel in self._channels)

    def _list(self) -> list[Chip]:
        boards = iio_chips(self._iio_root)
        try:
            return chips_under(self._root) + boards
        except FileNotFoundError:
            if boards:
                return boards
            raise NotHere(f"{self._root} does not exist") from None
        except PermissionError:
            raise Denied(f"no permission to list {self._root}", FIX) from None

    def _look(self, chips: list[Chip]) -> Path | None:
        """Bring the channels up to date with the chips: those that go on stay as they are, the others are opened.

        Returns a file that may not be opened, if there is one.
        """
        self._looking.looked(self._now())
        self._chips = chips
        going: list[Channel] = []
        stopped: list[Channel] = []  # those that fail and those whose directory has gone
        for channel in self._channels:
            (going if channel.fd >= 0 and channel.chip in chips else stopped).append(channel)
        # A GPU that goes on is left alone: looking at what it can draw may wake it, and it has one channel.
        left_alone = {channel.chip for channel in going if channel.chip.driver in GPUS}
        found = [c for chip in chips if chip not in left_alone for c in channels_of(chip, self._idle_watts)]
        paths = {channel.path for channel in going}
        new = [channel for channel in found if channel.path not in paths]
        drivers = {channel.chip.driver for channel in new}
        # What had no device to be known by: a new chip of its driver is taken to be the same one.
        gone = [c for c in stopped if c.chip not in chips and not c.chip.lasting and c.chip.driver in drivers]
        stopped = [c for c in stopped if c not in gone]
        name_apart(new, found, going, stopped)
        named = {noun(channel) for channel in new}
        gone += [c for c in stopped if noun(c) in named]
        for channel in gone:
            channel.close()
        self._channels = [*going, *self._kept([c for c in stopped if c not in gone]), *new]
        denied = _open(new)
        for channel in new:
            channel.beside = power_beside(channel, self._now)
        self._wholes = Wholes(self._channels, SOURCE, self._idle_watts, self._wholes.family)
        if self.between is not None:
            self.between.watch(self._channels, self._wholes)
        return denied

    def _kept(self, gone: list[Channel]) -> list[Channel]:
        """Close the channels that went away; returns those whose names are still kept for them."""
        now = self._now()
        for channel in gone:
            channel.close()
            if channel.gone_ns is None:
                channel.gone_ns = now
        since = now - KEEP_SECONDS * _SECOND
        latest_first = sorted(gone, key=lambda c: c.gone_ns or 0, reverse=True)
        return [c for c in latest_first[:MOST_GONE] if (c.gone_ns or 0) >= since]


def _open(channels: Iterable[Channel]) -> Path | None:
    """Open them; returns a file that may not be opened, if there is one. What does not open waits for the next look."""
    denied = None
    for channel in channels:
        try:
            channel.open()
        except OSError as error:
            if error.errno in _DENIED:
                denied = channel.path
    return denied
