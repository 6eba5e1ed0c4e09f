"""The rest of the machine: what one meter around the devices shows beyond them, as the device ``other``. Pure.

The meter and the devices are read at different moments and both are noisy, so their difference may dip; only a new
maximum of (meter - devices) is energy that certainly belongs to nobody else. Devices are taken at the moment of the
meter's reading by linear interpolation, so a slow meter is not compared with later devices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..model import Component, Device, EnergyStep, Meter, MeterStep, Reading
from .claims import HOLD_SECONDS
from .election import Election
from .model_bound import ModelBound
from .timeline import Inside, Timeline, book, nothing
from .tracks import key_of

_SECOND = 1_000_000_000


class Around:
    """Of all surrounding meters one makes ``other``; two would count the rest of the machine twice.

    One that goes away keeps its place as a sensor keeps its claims: for HOLD_SECONDS, unless its sensor is surely
    gone. While a device that it covers cannot be read, its energy waits: the device's counter goes on, and brings the
    energy of the gap when it is read again.
    """

    def __init__(self) -> None:
        self.election = Election()
        self._covers: tuple[Component, ...] = ()
        self._devices = Timeline()
        self._bound = ModelBound()
        # The devices' total at the meter's last reading; None: counting has not begun.
        self._marked: Inside | None = None
        self._ahead = Inside()  # of before the restart, after the meter's last reading
        self._excess = 0  # the meter less the devices, less what is booked: negative for a debt
        self._at_ns = 0  # of the last reading taken into account
        self._counts_since_ns: int | None = None  # when it began last; None: not known, before a restart
        self._device: Device | None = None  # what it made last
        # While a covered device cannot be read:
        self._pending: list[int] | None = None  # what the others drew
        self._held = 0  # what the meter showed, uJ
        self._held_at_ns = 0  # up to then
        self._unseen: list[tuple[int, int]] = []  # times in between that the meter did not see
        self._meter: Meter | None = None  # as it was delivered last
        self._missed = False  # whether its last step spans a time in which nobody looked
        # In this tick another meter was chosen: the former one's key, and why it lost its place.
        self.change: tuple[str, str] | None = None
        self._begin_ns: int | None = None  # when the meter's counting began, in this tick
        self._chosen_before = False  # whether a meter was ever in use: only the first brings energy of before
        self._booked: int | None = 0  # uJ since the start; None after a restart

    # --- one tick

    def seen(self, meters: Sequence[Meter], now_ns: int) -> None:
        """These, which surround devices, were delivered."""
        if meters or self.election.candidates:
            self.election.present(meters, now_ns)

    def begin(self, reading: Reading) -> None:
        """A meter's counting begins with this reading: its first, or the first after a reset or a gap."""
        if isinstance(reading.of, Meter):
            self.election.begin(reading.of, reading.at_ns)
            if key_of(reading.of) == self.election.key:
                self._begin_ns = reading.at_ns

    def idle(self, now_ns: int) -> None:
        """There is no meter around the machine."""
        self._devices.begin(now_ns)

    def bounded(self, steps: Sequence[EnergyStep]) -> tuple[list[EnergyStep], list[int]]:
        """The steps as they may be booked, and what the modelled ones were."""
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
        if unreadable and self._marked is not None:
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
            if own is not None and self._marked is None:
                self._mark(own[1])  # chosen while it counts: of before, the devices' energy is not known here
                return None
            self._hold(own)
        return self._step() if self._held_at_ns and self.election.key else None

    def _go_on_holding(self, unreadable: bool) -> None:
        """Where the meter's counting begins anew while its energy waits, the time in between was not seen."""
        if self._begin_ns is None or self._marked is None:
            return
        if unreadable or self._pending is not None:
            since = max([self._held_at_ns or self._at_ns, *(until for _, until in self._unseen)])
            self._unseen.append((since, self._begin_ns))
            self._begin_ns = None

    def _elect(self, elect: Callable[[], str], now_ns: int) -> bool:
        """Whether another meter was chosen.

        The first one brings all that it showed since its counting began. So does one that soon turns out to be wider,
        less what was booked until then.
        """
        before = self.election.key
        why = elect()
        if self.election.key == before:
            return False
        self.change = (before, why)
        self._covers, self._device, self._meter, self._missed = (), None, None, False
        self._marked, self._held, self._held_at_ns, self._ahead = None, 0, 0, Inside()
        self._excess = min(0, self._excess) if why == "gone" else 0
        self._bound = ModelBound()
        chosen = self.election.chosen
        if chosen is not None:
            from_its_beginning = not self._chosen_before or (
                why == "narrow" and self._booked is not None and self.election.young(now_ns)
            )
            self._covers = chosen.meter.covers
            self._mark(chosen.begun_ns if from_its_beginning else chosen.at_ns)
            if from_its_beginning:
                self._held, self._held_at_ns, self._excess = chosen.energy, chosen.at_ns, -(self._booked or 0)
            self._chosen_before = True
        return True

    def _own(self, meters: Sequence[tuple[MeterStep, int]]) -> tuple[MeterStep, int] | None:
        return next(((step, at) for step, at in meters if key_of(step.meter) == self.election.key), None)

    # --- the account

    def _mark(self, at_ns: int) -> None:
        """Meter and devices are compared from here on; a debt stays."""
        self._marked, self._ahead = self._devices.at(at_ns, self._covers), Inside()
        self._counts_since_ns = self._at_ns = at_ns
        self._held, self._held_at_ns, self._unseen = 0, 0, []

    def _hold(self, own: tuple[MeterStep, int] | None) -> None:
        if own is not None:
            self._held += own[0].microjoules
            self._held_at_ns = own[1]
            self._meter, self._missed = own[0].meter, own[0].missed

    def _note(self, meters: Sequence[tuple[MeterStep, int]], devices: Timeline | None) -> None:
        for step, at_ns in meters:
            if step.meter.covers:
                self.election.note(step, at_ns, devices)

    def _with_missed(self, amounts: list[int], steps: Sequence[EnergyStep], now_ns: int) -> list[int]:
        """The amounts and, of what passed unseen, the part that the meter counted too."""
        for step in steps:
            if step.missed:
                inside = step.device.component in self._covers
                book(amounts, step, self._counted_too(step, now_ns) if inside else step.microjoules)
        return amounts

    def _counted_too(self, step: EnergyStep, now_ns: int) -> int:
        """Of energy that passed unseen up to now (uJ), the part since the meter counts, as if drawn evenly.

        What a device drew before, while the exporter was down, the meter does not show: taken from it, that would
        silence the rest of the machine for as long.
        """
        if self._counts_since_ns is None:
            return step.microjoules
        together = min(max(0, now_ns - self._counts_since_ns), step.nanoseconds)
        return step.microjoules * together // max(1, step.nanoseconds)

    def _step(self) -> EnergyStep | None:
        """What the meter showed since its last reading, less the devices."""
        assert self._marked is not None
        shown, at_ns = self._held, self._held_at_ns
        self._held, self._held_at_ns = 0, 0
        total = self._devices.at(at_ns, self._covers)
        inside = total.since(self._marked).plus(self._ahead)
        for since, until in self._unseen:
            if until <= at_ns:
                inside = inside.since(self._between(since, until))
        self._unseen = [times for times in self._unseen if times[1] > at_ns]
        self._marked, self._ahead = total, Inside()
        self._excess += shown - inside.booked
        elapsed, self._at_ns = at_ns - self._at_ns, at_ns
        self._bound.interval(shown, inside, self._excess, elapsed / 1e9)
        energy = max(0, self._excess)
        self._excess -= energy
        if self._booked is not None:
            self._booked += energy
        meter = self._meter or (self.election.chosen.meter if self.election.chosen is not None else None)
        if meter is None:
            return None
        self._covers = meter.covers
        self._device = Device(
            "other", meter.name, meter.source, meter.uncertainty_ratio, None, meter.max_watts
        )
        # A call of a slow controller fails now and then; what is missed for longer has no power to show.
        missed = self._missed and elapsed > HOLD_SECONDS * _SECOND
        return EnergyStep(self._device, energy, max(1, elapsed), missed)

    def _between(self, since_ns: int, until_ns: int) -> Inside:
        return self._devices.at(until_ns, self._covers).since(self._devices.at(since_ns, self._covers))

    # --- over a restart

    def state(self) -> list[Any]:
        """What to save."""
        ahead = self._ahead
        if self._marked is not None:
            ahead = self._devices.at(1 << 62, self._covers).since(self._marked).plus(ahead)
        return [
            self.election.key,
            list(self._covers),
            self._at_ns,
            {
                "excess": self._excess,
                "ahead": [ahead.measured, ahead.modelled, ahead.model],
                "begun": self._marked is not None,
                "held": [self._held, self._held_at_ns],
                "pending": [self._devices.until_ns, *self._pending] if self._pending is not None else [],
                "unseen": [list(times) for times in self._unseen],
                "bound": self._bound.state(),
            },
            self._counts_since_ns,
        ]

    @classmethod
    def restored(cls, saved: Sequence[Any], now_ns: int, goes_on: Callable[[str], bool]) -> Around:
        """Go on from what was saved; the meter has the usual time to come back.

        ``goes_on`` says of a key whether its counter counted meanwhile. A meter of power did not: nothing is known of
        the time in between, and only the debt stays, and what waits for a device that could not be read.
        """
        around = cls()
        key, covers, at_ns, account, *more = saved
        around.election.keep(str(key), now_ns)
        around._chosen_before = bool(key)
        around._booked = None if key else 0
        around._covers, around._at_ns = tuple(covers), int(at_ns)
        if not isinstance(account, dict):  # of a version that kept totals
            meter, covered, booked, start = (int(part or 0) for part in account)
            account = {"excess": min(0, meter - (covered - start) - booked), "begun": account[3] is not None}
        around._excess = int(account["excess"])
        around._bound = ModelBound.restored(account.get("bound", (0, 0, 0)))
        pending = [int(part) for part in account.get("pending", ())]
        if account["begun"] and (pending or goes_on(around.election.key)):
            around._marked, around._ahead = Inside(), Inside(*map(int, account.get("ahead", ())))
            around._held, around._held_at_ns = map(int, account.get("held", (0, 0)))
            around._unseen = [(int(since), int(until)) for since, until in account.get("unseen", ())]
            around._counts_since_ns = int(more[0]) if more and more[0] is not None else None
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
        """The rest of the machine, as the present meter showed it last."""
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
