"""An idle draw and the method by which it is known."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

IdleMethod = Literal["configured", "quiet", "fitted", "model", "residence", "none"]


class Idle(Struct, frozen=True):
    """An idle draw now. ``microwatts`` is None while none is known; ``sigma`` is one sigma of it, in microwatts;
    ``since`` the Unix time from which the method is in use."""

    microwatts: int | None
    method: IdleMethod
    sigma: int = 0
    since: float = 0.0

    @property
    def sigma_ratio(self) -> float | None:
        """One sigma as a share of the idle draw."""
        return self.sigma / self.microwatts if self.microwatts else None


class Change(Struct, frozen=True):
    """Another method is in use. The idle energy booked so far stays, and is in doubt by the difference."""

    component: str
    before: int  # microwatts
    after: int
