"""Prior knowledge of a class of machines, before one of them is measured. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

STEPS = 10
# The first busy CPU wakes what all CPUs share, and the last one lowers the clock of all. Measured on an EPYC 8024P and
# a Xeon E3-1240 v2, with one CPU after the other made busy.
CONCAVE = tuple(round(1 - (1 - step / STEPS) ** 3, 4) for step in range(STEPS + 1))
LINE = tuple(step / STEPS for step in range(STEPS + 1))


class IdleClass(Struct, frozen=True):
    """What the devices of one class have in common: medians, and spreads as one sigma of the logarithm.

    Power at the load u is ``full * (share + (1 - share) * g(u) ** shape)``: g is the ``curve``, the shape is 1 in the
    middle of the class. ``full_watts`` is what full load draws, None where nothing says it.
    """

    name: str
    share: float  # idle over full
    share_sigma: float
    curve: Sequence[float]  # at load 0, 0.1, ... 1: from 0 at idle to 1 at full load
    shape_sigma: float
    full_watts: float | None = None
    full_sigma: float = 0.5
    # What no member of the class shows. Chosen so that of servers left out of it two thirds lie within one sigma
    # (exporter/tools/idle_classes.py prints it).
    model_sigma: float = 0.08
    concave: bool = False  # whether some of its members rise as CONCAVE does


def at_load(curve: Sequence[float], utilisation: float) -> float:
    """The curve between its points, which lie a tenth of the load apart."""
    place = min(1.0, max(0.0, utilisation)) * STEPS
    below = min(int(place), STEPS - 1)
    return curve[below] + (curve[below + 1] - curve[below]) * (place - below)


# Without a table: the middle of servers of all years, with the spread of packages.
ANY = IdleClass(
    "any",
    0.25,
    0.5,
    (0.0, 0.17, 0.25, 0.32, 0.4, 0.48, 0.56, 0.66, 0.77, 0.89, 1.0),
    0.7,
    model_sigma=0.2,
    concave=True,
)
