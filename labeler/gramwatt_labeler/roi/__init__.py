"""Whether a tactic that makes a model cheaper to run pays back: money, energy and CO2, in exact arithmetic.

The figures are those of the older return-on-investment analyser, so that its users find their numbers again:
ROI = (n old - (cost + n new)) / (cost + n new), break-even = floor(cost / (old - new)) calls.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ..forms.numbers import LARGEST
from ..grading.exact import exact, nearest
from ..units import JOULES_PER_KILOWATT_HOUR

_ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known about a tactic. Energies are J per call; prices are in any one currency.

    ``cost`` is all money it takes to apply; ``cost_joules`` the energy it takes (a distillation, say), paid at the same
    price. ``intensity`` is g of CO2 equivalent per kWh, None when the zone is not known.
    """

    old_joules: float
    new_joules: float
    calls_per_day: float
    calls: float  # over the whole use of the model
    price_per_kwh: float
    cost: float = 0.0
    cost_joules: float = 0.0
    intensity: float | None = None

    @property
    def applying_cost(self) -> Fraction:
        """All money that applying takes, with that for its energy."""
        price = exact(self.price_per_kwh) / Fraction(JOULES_PER_KILOWATT_HOUR)
        return exact(self.cost) + exact(self.cost_joules) * price


@dataclass(frozen=True, slots=True)
class Return:
    """The outcome. ``roi`` is a share (0.5 is 50 %); None where nothing is left to divide by.

    ``break_even_calls`` is None when the tactic never pays back, or after more calls than a model is asked (1e18).
    Grams and joules are saved over ``calls``, net of what the tactic itself took; negative when it costs more than it
    saves.
    """

    old_cost: float
    new_cost: float
    saved: float
    roi: float | None
    roi_forever: float | None
    break_even_calls: int | None
    break_even_days: float | None
    saved_joules: float
    saved_grams: float | None
    saved_joules_per_year: float
    saved_grams_per_year: float | None
    carbon_break_even_calls: int | None


def returns(plan: Plan) -> Return:
    """Money, energy and CO2 of a plan. Numbers are finite and not negative; calls and calls per day above 0."""
    old, new = exact(plan.old_joules), exact(plan.new_joules)
    price = exact(plan.price_per_kwh) / Fraction(JOULES_PER_KILOWATT_HOUR)
    cost = plan.applying_cost
    calls, daily = exact(plan.calls), exact(plan.calls_per_day)
    old_total, new_total = calls * old * price, cost + calls * new * price
    even = _break_even(cost, (old - new) * price)
    joules = calls * (old - new) - exact(plan.cost_joules)
    yearly = 365 * daily * (old - new)
    grams_per_joule = (
        None if plan.intensity is None else exact(plan.intensity) / Fraction(JOULES_PER_KILOWATT_HOUR)
    )
    return Return(
        old_cost=float(old_total),
        new_cost=float(new_total),
        saved=float(old_total - new_total),
        roi=_share(old_total - new_total, new_total),
        roi_forever=_share(old - new, new),
        break_even_calls=even,
        break_even_days=None if even is None else float(even / daily),
        saved_joules=float(joules),
        saved_grams=None if grams_per_joule is None else float(joules * grams_per_joule),
        saved_joules_per_year=float(yearly),
        saved_grams_per_year=None if grams_per_joule is None else float(yearly * grams_per_joule),
        carbon_break_even_calls=_break_even(exact(plan.cost_joules), old - new),
    )


def curve(plan: Plan, points: int = 60) -> list[tuple[float, float, float]]:
    """``(calls, cost without, cost with)`` from no call to twice the break-even, or to all calls if that is more."""
    outcome = returns(plan)
    end = max(plan.calls, 2.0 * (outcome.break_even_calls or 0))
    price = plan.price_per_kwh / JOULES_PER_KILOWATT_HOUR
    fixed = float(plan.applying_cost)
    steps = [end * step / (points - 1) for step in range(points)]
    return [(n, n * plan.old_joules * price, fixed + n * plan.new_joules * price) for n in steps]


def after(old_joules: float, reduction: float) -> float:
    """J per call after a tactic that saves this share (0.4 is 40 %)."""
    return nearest(exact(old_joules) * (1 - exact(reduction)))


def span(plan: Plan, reductions: Sequence[float]) -> list[Return]:
    """The returns of a plan for other reductions of its old energy, such as a tactic's low, expected and high."""
    return [
        returns(
            Plan(
                plan.old_joules,
                after(plan.old_joules, share),
                plan.calls_per_day,
                plan.calls,
                plan.price_per_kwh,
                plan.cost,
                plan.cost_joules,
                plan.intensity,
            )
        )
        for share in reductions
    ]


def _break_even(cost: Fraction, saved_per_call: Fraction) -> int | None:
    if cost == 0 and saved_per_call >= 0:
        return 0 if saved_per_call > 0 else None
    if saved_per_call <= 0:
        return None
    calls = math.floor(cost / saved_per_call)
    return calls if calls <= LARGEST else None


def _share(gain: Fraction, spent: Fraction) -> float | None:
    return None if spent <= _ZERO else float(gain / spent)
