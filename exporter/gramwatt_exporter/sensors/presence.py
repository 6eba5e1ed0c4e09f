"""When each device was delivered last: a device that cannot be read for a moment keeps counting. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from .claims import HOLD_SECONDS

_SECOND = 1_000_000_000


class Presence:
    """The devices by ``key_of``, and when each was delivered last by the sensor that measures it."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._count = 0

    def note(self, key: str, now_ns: int) -> None:
        """Note that a device was delivered."""
        self._seen[key] = now_ns

    def drop(self, keys: Iterable[str]) -> None:
        """Another sensor measures these devices now."""
        for key in keys:
            self._seen.pop(key, None)

    def keys_of(self, sensor: str, claim: str) -> list[str]:
        """The keys of a sensor's devices for a claim."""
        prefix = f"device|{sensor}|{claim.replace('/', '|', 1)}"
        return [key for key in self._seen if key == prefix or key.startswith(prefix + "|")]

    def unreadable(self, now_ns: int, covers: Collection[str], goes_on: Callable[[str], bool]) -> bool:
        """Whether a device of these components was not delivered now and may come back with the energy of the gap.

        ``goes_on`` says of a key whether its sensor still has the claim. The wait ends after HOLD_SECONDS.
        """
        for key, at_ns in self._seen.items():
            if at_ns != now_ns and now_ns - at_ns <= HOLD_SECONDS * _SECOND:
                component = key.split("|", 3)[2]
                if component in covers and goes_on(key):
                    return True
        return False

    def same(self) -> bool:
        """Whether there are as many devices as at the last call."""
        before, self._count = self._count, len(self._seen)
        return before == self._count

    def knows(self, key: str) -> bool:
        """Whether it was ever delivered."""
        return key in self._seen

    def overdue(self, key: str, now_ns: int) -> bool:
        """Whether it has not been delivered for HOLD_SECONDS."""
        at_ns = self._seen.get(key)
        return at_ns is None or now_ns - at_ns > HOLD_SECONDS * _SECOND
