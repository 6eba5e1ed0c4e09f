"""Which sensor measures what: each component belongs to one sensor, and each GPU to one, by its identity. Pure.

A sensor that fails keeps its claims for a while, because its counters go on counting and the gap is booked when it
returns. The next sensor takes over only when it is certainly gone, or away for HOLD_SECONDS.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from ..model import Device

HOLD_SECONDS = 60
_SECOND = 1_000_000_000


def claim_of(device: Device) -> str:
    """What one sensor may claim: a whole component, or one GPU."""
    return f"gpu/{device.name}" if device.component == "gpu" else device.component


class Claims:
    """The owner of every claim, by the sensors' names; sensors given earlier are preferred."""

    def __init__(self, order: Iterable[str], surely_gone: Callable[[str], bool]) -> None:
        self._order = {name: number for number, name in enumerate(order)}
        self._surely_gone = surely_gone
        self._owners: dict[str, str] = {}
        self._seen_ns: dict[str, int] = {}

    def owner(self, claim: str) -> str | None:
        """The sensor whose readings count for this claim."""
        return self._owners.get(claim)

    def order(self, sensor: str) -> int:
        """Place of the sensor in the order of preference."""
        return self._order.get(sensor, len(self._order))

    def of(self, sensor: str) -> set[str]:
        """The claims of a sensor."""
        return {claim for claim, owner in self._owners.items() if owner == sensor}

    def settle(
        self, claim: str, delivered_by: Iterable[str], now_ns: int, useless: Collection[str] = ()
    ) -> str | None:
        """These sensors delivered a claim: decide which one owns it. Returns the former owner if that changed.

        Sensors in ``useless`` answer without usable steps (delivery.py): they own it only where no other sensor
        delivers it.
        """
        sensors = [sensor for sensor in delivered_by if sensor not in useless] or list(delivered_by)
        best = min(sensors, key=self._order.__getitem__)
        owner = self._owners.get(claim)
        former = None
        if owner is None:
            self._owners[claim] = best
        elif owner != best and (owner in useless or self._may_replace(owner, best, claim, now_ns)):
            self._owners[claim], former = best, owner
        if self._owners[claim] in sensors:
            self._seen_ns[claim] = now_ns
        return former

    def _may_replace(self, owner: str, other: str, claim: str, now_ns: int) -> bool:
        if owner not in self._order or self._order[other] < self._order[owner] or self._surely_gone(owner):
            return True
        return now_ns - self._seen_ns.setdefault(claim, now_ns) > HOLD_SECONDS * _SECOND

    def seen(self, claims: Iterable[str], now_ns: int) -> None:
        """Note that the owners delivered these claims."""
        for claim in claims:
            self._seen_ns[claim] = now_ns

    def state(self) -> dict[str, str]:
        """What to save."""
        return dict(self._owners)

    def restore(self, saved: Mapping[str, object], now_ns: int) -> None:
        """Restore the saved owners; they have HOLD_SECONDS to come back."""
        self._owners = {str(claim): str(owner) for claim, owner in saved.items()}
        self._seen_ns = dict.fromkeys(self._owners, now_ns)
