"""The rest of the machine: what one meter around the devices shows beyond them, as the device ``other``. Pure.

The meter and the devices are read at different moments and both are noisy, so their difference may dip; only a new
maximum of (meter - devices) is certainly energy of the rest. Devices are taken at the moment of the meter's reading by
linear interpolation, so a slow meter is not compared with later devices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..model import Component, Device, EnergyStep, Meter, MeterStep, PowerReading, Reading
from .claims import HOLD_SECONDS
from .counters import believed
from .election import Election
from .model_bound import ModelBound
from .rest_account import RestAccount, of_older_version
from .steps import key_of
from .timeline import Timeline, book, nothing

_SECOND = 1_000_000_000


class PlatformRest:
    """Of all surrounding meters one makes ``other``; two would count the rest of the machine twice.

    A meter that goes away stays chosen for HOLD_SECONDS, unless its sensor is certainly gone. While a device that it
    covers cannot be read, its energy waits: the device's counter goes on, and brings the energy of the gap when it is
    read again.
    """

    def __init__(self) -> None:
        self.election = Election()
        self._covers: tuple[Component, ...] = ()
        self._devices = Timeline()
        self._bound = ModelBound()
        self._account = RestAccount()
        self._device: Device | None = None  # its last device ``other``
        self._pending: list[int] | None = None  # energy held while a covered device cannot be read
        self._meter: Meter | None = None  # as it was delivered last
        self._missed = False  # whether its last step spans a time without reads
        # Set in the tick in which another meter was chosen: the former one's key, and the reason.
        self.change: tuple[str, str] | None = None
        self._begin_ns: int | None = None  # when the meter's counting began, in this tick
        self._chosen_before = False  # whether a meter was in use: only the first brings earlier energy
        self._booked: int | None = 0  # uJ since the start; None after a restart

    # --- one tick

    def seen(self, meters: Sequence[Meter], now_ns: int) -> None:
        """These surrounding meters were delivered."""
        if meters or self.election.candidates:
            self.election.present(meters, now_ns)

    def begin(self, reading: Reading) -> None:
        """A meter's counting begins with this reading: its first, or the first after a reset or a gap."""
        if isinstance(reading.of, Meter):
            shows_nothing = isinstance(reading, PowerReading) and not believed(
                reading.microwatts, reading.of.max_watts
            )
            self.election.begin(reading.of, reading.at_ns, shows_nothing)
            if key_of(reading.of) == self.election.key:
                self._begin_ns = reading.at_ns

    def idle(self, now_ns: int) -> None:
        """There is no meter around the machine."""
        self._devices.begin(now_ns)

    def bounded(self, steps: Sequence[EnergyStep]) -> tuple[list[EnergyStep], list[int]]:
        """The steps to book, and the modelled ones before scaling."""
        models = [step.microjoules for step in steps]
        if not self._covers or self._bound.ratio >= 1.0:
            return list(steps), models
        return [step if step.missed else self._bound.apply(step, self._covers) for step in steps], models

    def rest(
        self,
        steps: Sequence[EnergyStep],
        models: Sequence[int],
        meters: Sequence[tuple[MeterStep, int]],
        now_ns: int,
        elect: Callable[[], str],
        unreadable: bool = False,
        comparable: bool = True,
    ) -> EnergyStep | None:
        """Energy beyond the covered devices since the meter's last reading; ``meters`` come with their time.

        ``elect`` lets ``election`` choose; ``change`` then says what came of it. ``comparable`` says that the devices
        are those of the last sample, without a gap: else meters are not judged by them.
        """
        self.change = None
        self._go_on_holding(unreadable)
        now = self._pending or nothing()
        for step, model in zip(steps, models, strict=True):
            if not step.missed:
                book(now, step, step.microjoules, model)
        self._pending = None
        if unreadable and self._account.marked:
            self._pending = self._with_missed(now, steps, now_ns)
            self._note(meters, None)
            self._hold(self._own(meters))
            return None
        if self._begin_ns is None:
            self._devices.add(now_ns, self._with_missed(now, steps, now_ns))
        else:  # after the devices' energy up to that moment
            self._devices.add(now_ns, now)
            self._mark(self._begin_ns)
            self._devices.add(now_ns, self._with_missed(nothing(), steps, now_ns))
            self._begin_ns = None
        self._note(meters, self._devices if comparable else None)
        if not self._elect(elect, now_ns):
            own = self._own(meters)
            if own is not None and not self._account.marked:
                self._mark(own[1])  # chosen while it counts: earlier energy of devices is unknown
                return None
            self._hold(own)
        return self._step() if self._account.held_at_ns and self.election.key else None

    def _go_on_holding(self, unreadable: bool) -> None:
        """The meter's counting may begin anew while its energy waits."""
        if self._begin_ns is None or not self._account.marked:
            return
        if unreadable or self._pending is not None:
            self._account.begins_anew(self._begin_ns)
            self._begin_ns = None

    def _elect(self, elect: Callable[[], str], now_ns: int) -> bool:
        """Whether another meter was chosen.

        The first meter brings all energy since its counting began. So does a meter that soon turns out to be wider,
        less the energy booked until then.
        """
        before = self.election.key
        why = elect()
        if self.election.key == before:
            return False
        self.change = (before, why)
        self._covers, self._device, self._meter, self._missed = (), None, None, False
        self._account = RestAccount(min(0, self._account.excess) if why == "gone" else 0)
        self._bound = ModelBound()
        chosen = self.election.chosen
        if chosen is not None:
            from_its_beginning = not self._chosen_before or (
                why == "narrow" and self._booked is not None and self.election.young(now_ns)
            )
            self._covers = chosen.meter.covers
            self._mark(chosen.begun_ns if from_its_beginning else chosen.at_ns)
            if from_its_beginning:
                self._account.hold(chosen.energy, chosen.at_ns)
                self._account.excess = -(self._booked or 0)
            self._chosen_before = True
        return True

    def _own(self, meters: Sequence[tuple[MeterStep, int]]) -> tuple[MeterStep, int] | None:
        return next(((step, at) for step, at in meters if key_of(step.meter) == self.election.key), None)

    # --- the account

    def _mark(self, at_ns: int) -> None:
        self._account.mark(self._devices, self._covers, at_ns)

    def _hold(self, own: tuple[MeterStep, int] | None) -> None:
        if own is not None:
            self._account.hold(own[0].microjoules, own[1])
            self._meter, self._missed = own[0].meter, own[0].missed

    def _note(self, meters: Sequence[tuple[MeterStep, int]], devices: Timeline | None) -> None:
        for step, at_ns in meters:
            if step.meter.covers:
                self.election.note(step, at_ns, devices)

    def _with_missed(self, amounts: list[int], steps: Sequence[EnergyStep], now_ns: int) -> list[int]:
        """The amounts, with the part of unseen energy that the meter counted, too."""
        for step in steps:
            if step.missed:
                inside = step.device.component in self._covers
                book(amounts, step, self._account.counted_too(step, now_ns) if inside else step.microjoules)
        return amounts

    def _step(self) -> EnergyStep | None:
        """What the meter showed since its last reading, less the devices."""
        settled = self._account.settle(self._devices)
        self._bound.interval(
            settled.shown, settled.inside, self._account.excess, settled.nanoseconds / _SECOND
        )
        self._account.book(settled.beyond)
        if self._booked is not None:
            self._booked += settled.beyond
        meter = self._meter or (self.election.chosen.meter if self.election.chosen is not None else None)
        if meter is None:
            return None
        self._covers = meter.covers
        self._device = Device(
            "other", meter.name, meter.source, meter.uncertainty_ratio, None, meter.max_watts
        )
        # A call of a slow controller fails now and then. Energy missed for longer gives no power.
        missed = self._missed and settled.nanoseconds > HOLD_SECONDS * _SECOND
        return EnergyStep(self._device, settled.beyond, max(1, settled.nanoseconds), missed)

    # --- over a restart

    def state(self) -> list[Any]:
        """What to save."""
        account = self._account.state(self._devices)
        pending = [self._devices.until_ns, *self._pending] if self._pending is not None else []
        account |= {"bound": self._bound.state(), "pending": pending}
        return [self.election.key, list(self._covers), account["at"], account, account["since"]]

    @classmethod
    def restored(cls, saved: Sequence[Any], now_ns: int, goes_on: Callable[[str], bool]) -> PlatformRest:
        """Restore the saved state; the meter has HOLD_SECONDS to come back.

        ``goes_on`` says of a key whether its counter counted meanwhile. A meter of power did not: nothing is known of
        the time in between. Only the debt stays, and energy that waits for a device that could not be read.
        """
        around = cls()
        key, covers, at_ns, account, *more = saved
        around.election.keep(str(key), now_ns)
        around._chosen_before, around._booked = bool(key), None if key else 0
        around._covers = tuple(covers)
        if not isinstance(account, dict):
            account = of_older_version(account, int(at_ns), more[0] if more else None)
        around._bound = ModelBound.restored(account.get("bound", (0, 0, 0)))
        pending = [int(part) for part in account.get("pending", ())]
        compared = bool(pending) or goes_on(around.election.key)
        around._account = RestAccount.restored(account, around._covers, compared)
        if pending:
            around._devices.begin(pending[0])
            around._pending = pending[1:]
        return around

    @property
    def in_use(self) -> bool:
        """Whether there is a meter around the machine, or was one before the restart."""
        return bool(self.election.key or self.election.candidates)

    @property
    def device(self) -> Device | None:
        """The device ``other`` as the present meter gave it last."""
        return self._device

    @property
    def key(self) -> str:
        """The meter in use, as in the tracks; "" for none."""
        return self.election.key

    @property
    def covers(self) -> tuple[Component, ...]:
        """The components inside the meter in use."""
        return self._covers

    @property
    def holds(self) -> bool:
        """Whether energy waits for a device that cannot be read."""
        return self._pending is not None

    @property
    def model_ratio(self) -> float:
        """The share of the modelled devices' energy that fits into the meter."""
        return self._bound.ratio
