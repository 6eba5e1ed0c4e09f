"""The energy that a meter showed beyond the devices inside it, and how much of it is booked. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from ..model import Component, EnergyStep
from .timeline import Inside, Timeline


class Settled(Struct, frozen=True):
    """The meter's energy since the last call, and what is booked of it."""

    shown: int  # by the meter, microjoules
    inside: Inside  # drawn by the devices meanwhile
    beyond: int  # to book beyond them
    nanoseconds: int


class RestAccount:
    """Meter and devices are compared from a mark on; the excess of the meter is booked, a debt stays."""

    def __init__(self, excess: int = 0) -> None:
        self.excess = excess  # the meter less the devices, less what is booked: negative for a debt
        self.held_at_ns = 0  # the meter's energy is held up to this moment; 0: none is held
        self._held = 0  # microjoules of the meter that are not compared yet
        self._covers: tuple[Component, ...] = ()
        self._marked: Inside | None = None  # the devices' total at the mark; None: nothing is compared yet
        self._ahead = Inside()  # of before a restart, after the mark
        self._at_ns = 0  # of the mark
        self._counts_since_ns: int | None = None  # when the meter's counting began; None: before a restart
        self._unseen: list[tuple[int, int]] = []  # times that the meter did not measure

    @property
    def marked(self) -> bool:
        """Whether meter and devices are compared."""
        return self._marked is not None

    def mark(self, devices: Timeline, covers: tuple[Component, ...], at_ns: int) -> None:
        """Meter and devices are compared from here on; a debt stays."""
        self._covers = covers
        self._marked, self._ahead = devices.at(at_ns, covers), Inside()
        self._counts_since_ns = self._at_ns = at_ns
        self._held, self.held_at_ns, self._unseen = 0, 0, []

    def hold(self, microjoules: int, at_ns: int) -> None:
        """Add energy of the meter up to this moment."""
        self._held += microjoules
        self.held_at_ns = at_ns

    def begins_anew(self, at_ns: int) -> None:
        """The meter's counting begins anew while its energy waits: the time in between was not seen."""
        since = max([self.held_at_ns or self._at_ns, *(until for _, until in self._unseen)])
        self._unseen.append((since, at_ns))

    def counted_too(self, step: EnergyStep, now_ns: int) -> int:
        """Of energy that passed unseen up to now (uJ), the part since the meter counts, as if drawn evenly.

        What a device drew before, while the exporter was down, the meter does not show: taken from it, that would
        silence the rest of the machine for as long.
        """
        if self._counts_since_ns is None:
            return step.microjoules
        together = min(max(0, now_ns - self._counts_since_ns), step.nanoseconds)
        return step.microjoules * together // max(1, step.nanoseconds)

    def settle(self, devices: Timeline) -> Settled:
        """Compare what is held with the devices up to that moment, and set the mark there."""
        assert self._marked is not None
        shown, at_ns = self._held, self.held_at_ns
        self._held, self.held_at_ns = 0, 0
        total = devices.at(at_ns, self._covers)
        inside = total.since(self._marked).plus(self._ahead)
        for since, until in self._unseen:
            if until <= at_ns:
                inside = inside.since(devices.at(until, self._covers).since(devices.at(since, self._covers)))
        self._unseen = [times for times in self._unseen if times[1] > at_ns]
        self._marked, self._ahead = total, Inside()
        self.excess += shown - inside.booked
        elapsed, self._at_ns = at_ns - self._at_ns, at_ns
        beyond = max(0, self.excess)
        return Settled(shown, inside, beyond, elapsed)

    def book(self, microjoules: int) -> None:
        """Note how much of the excess is booked."""
        self.excess -= microjoules

    # --- over a restart

    def state(self, devices: Timeline) -> dict[str, Any]:
        """What to save."""
        ahead = self._ahead
        if self._marked is not None:
            ahead = devices.at(1 << 62, self._covers).since(self._marked).plus(ahead)
        return {
            "excess": self.excess,
            "ahead": [ahead.measured, ahead.modelled, ahead.model],
            "begun": self._marked is not None,
            "held": [self._held, self.held_at_ns],
            "unseen": [list(times) for times in self._unseen],
            "at": self._at_ns,
            "since": self._counts_since_ns,
        }

    @classmethod
    def restored(cls, saved: Mapping[str, Any], covers: tuple[Component, ...], compared: bool) -> RestAccount:
        """Go on from ``state``; the devices' totals begin at 0. Unless ``compared``, only a debt stays."""
        account = cls(int(saved["excess"]))
        account._covers = covers
        account._at_ns = int(saved["at"])
        if compared and saved["begun"]:
            account._marked, account._ahead = Inside(), Inside(*map(int, saved.get("ahead", ())))
            account._held, account.held_at_ns = map(int, saved.get("held", (0, 0)))
            account._unseen = [(int(since), int(until)) for since, until in saved.get("unseen", ())]
            since = saved.get("since")
            account._counts_since_ns = None if since is None else int(since)
        return account


def of_older_version(totals: Sequence[int | None], at_ns: int, since_ns: int | None) -> dict[str, Any]:
    """The state of a version that kept totals: meter, devices, booked, and the devices' at the beginning."""
    meter, covered, booked, start = (int(part or 0) for part in totals)
    begun = totals[3] is not None
    excess = min(0, meter - (covered - start) - booked)
    return {"excess": excess, "begun": begun, "at": at_ns, "since": since_ns}
