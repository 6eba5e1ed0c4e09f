"""Log lines about the meters: what each one is used for, why, and changes of that. Each line once."""

from __future__ import annotations

from collections.abc import Mapping

from ..model import Device, Meter
from .delivery import Fault
from .election import Election
from .steps import name_of, sensor_of
from .supervisor import Logger

WHY_LOST = {
    "gone": "it is gone",
    "still": "it shows no energy",
    "below": "it shows less than the devices inside it",
    "constant": "it does not move when the devices inside it do",
    "narrow": "the other one shows more of the machine",
}
FAULTS: Mapping[Fault, str] = {
    "still": "counter stands still: nothing is booked by it",
    "refused": "every value is implausible: nothing is booked by it",
    "below": "counter shows less than a part of it does: nothing is booked by it",
}


class Announcements:
    """Remembers the lines that were logged."""

    def __init__(self, log: Logger) -> None:
        self._log = log
        self._faults: dict[str, Fault] = {}
        self._hidden: dict[str, str] = {}
        self._shown: set[str] = set()
        self._bounded = ""
        self._named = ""  # key of the meter last logged as the source of ``other``

    def fault(self, key: str, of: Device | Meter, fault: Fault) -> None:
        """A counter begins or stops to deliver usable steps."""
        before = self._faults.get(key, "")
        if fault == before:
            return
        self._faults[key] = fault
        if fault:
            say = self._log.warning if isinstance(of, Device) else self._log.info
            say(FAULTS[fault], sensor=of.source, what=of.name)
        else:
            self._log.info("counter delivers again", sensor=of.source, what=of.name)

    def handover(self, claim: str, owner: str, former: str) -> None:
        """Another sensor measures it."""
        self._log.info("measured by another sensor now", what=claim, sensor=owner, before=former)

    def mirrors(self, hidden: Mapping[str, str]) -> None:
        """These devices show the counter of another device."""
        for key, first in hidden.items():
            if key not in self._hidden:
                self._log.info(
                    "one counter is seen twice and is counted once",
                    sensor=sensor_of(key),
                    what=name_of(key),
                    counted=name_of(first),
                )
        for key in self._hidden.keys() - hidden.keys():
            self._log.info("counters differ: each is counted", sensor=sensor_of(key), what=name_of(key))
        self._hidden = dict(hidden)

    def platform(self, election: Election, change: tuple[str, str] | None) -> None:
        """The meter that makes ``other``, and the meters that are only shown."""
        others = [c.meter.name for key, c in election.candidates.items() if key != election.key]
        chosen = election.chosen
        if change is None and chosen is not None and election.key != self._named:
            change = ("", "")  # chosen before a restart
        self._named = election.key if chosen is not None else ""
        if change is not None and chosen is None:
            self._log.info(
                "nothing measures the rest of the machine now",
                what="other",
                before=name_of(change[0]),
                because=WHY_LOST.get(change[1], change[1]),
            )
        elif change is not None and chosen is not None:
            more: dict[str, object] = {"only_shown": ", ".join(others)} if others else {}
            if change[0]:
                more |= {"before": name_of(change[0]), "because": WHY_LOST.get(change[1], change[1])}
            self._log.info(
                "'other' is what this meter shows beyond the devices inside it",
                what="other",
                meter=chosen.meter.name,
                sensor=chosen.meter.source,
                inside=", ".join(chosen.meter.covers),
                **more,
            )
        if change is not None:
            self._shown = set(election.candidates)
            return
        if chosen is not None and not election.candidates.keys() <= self._shown:
            new = election.candidates.keys() - self._shown - {election.key}
            self._shown |= election.candidates.keys()
            for key in sorted(new):
                self._log.info(
                    "a meter around the machine is only shown",
                    meter=name_of(key),
                    sensor=sensor_of(key),
                    other=chosen.meter.name,
                )

    def bound(self, meter: str, ratio: float) -> None:
        """Modelled devices are scaled to the rest of a meter. Logged once for each meter."""
        if ratio < 0.98 and self._bounded != meter:
            self._bounded = meter
            self._log.info(
                "modelled devices are bounded by what the meter around them leaves",
                meter=name_of(meter),
                share_of_model=f"{ratio:.2f}",
            )
