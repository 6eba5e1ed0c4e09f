"""What is asked about a tactic's return -> a plan: the same fields for the page, REST and the command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InputError
from ..forms.mistakes import Mistake
from ..forms.quantities import COUNT, ENERGY, MONEY, RATIO, Kind, read_quantity
from ..forms.signs import doubtful
from . import Plan, after

if TYPE_CHECKING:
    from ..store.nouns import Stored

_NEEDED = ("old", "calls_per_day", "price")


@dataclass(frozen=True, slots=True)
class Input:
    """A field of the form."""

    name: str
    label: str
    kind: Kind
    hint: str
    unit: str = ""
    help: str = ""
    positive: bool = False


INPUTS = (
    Input("old", "Energy per call as it is", ENERGY, "120", "J", "Of one request, before the tactic.", True),
    Input("new", "Energy per call with the tactic", ENERGY, "70", "J", "Measured after it; or give the saving."),
    Input("saving", "Saving expected", RATIO, "40", "%", "Instead of the energy with the tactic; see the catalogue."),
    Input("calls_per_day", "Calls a day", COUNT, "20000", "", "How often the model is asked.", True),
    Input("calls", "Calls in all", COUNT, "5", "M", "Over the use of the model; empty: a year of calls.", True),
    Input("price", "Price of a kWh", MONEY, "0.25", "", "In your currency.", True),
    Input("cost", "Cost of applying it", MONEY, "500", "", "Work and hardware; 0 is allowed."),
    Input("cost_energy", "Energy of applying it", ENERGY, "12", "kWh", "A retraining or a distillation, say."),
    Input("intensity", "Carbon intensity, g per kWh", MONEY, "56", "", "Of your grid; empty: no CO2."),
)  # fmt: skip


def read(form: Mapping[str, str]) -> tuple[dict[str, float], dict[str, str]]:
    """The numbers of the form, and what is wrong by field."""
    values: dict[str, float] = {}
    given = {one.name: form.get(one.name, "").strip() for one in INPUTS}
    wrong = doubtful(given)
    for one in INPUTS:
        text = given[one.name]
        if one.name in wrong:
            continue
        if not text:
            if one.name in _NEEDED:
                wrong[one.name] = "is needed"
            continue
        try:
            values[one.name] = read_quantity(
                text, one.kind, form.get(f"{one.name}_unit", "") or one.kind.base
            )
            if one.positive and values[one.name] == 0:
                wrong[one.name] = "must be above 0"
        except Mistake as mistake:
            wrong[one.name] = str(mistake)
    if "new" not in values and "saving" not in values and not wrong.keys() & {"new", "saving"}:
        wrong["new"] = "give the energy with the tactic, or the saving expected"
    if "new" in values and "saving" in values:
        wrong["saving"] = "give either this or the energy with the tactic"
    return values, wrong


def plan_of(values: Mapping[str, float]) -> Plan:
    """A plan from numbers that :func:`read` found right."""
    old = values["old"]
    return Plan(
        old_joules=old,
        new_joules=values["new"] if "new" in values else after(old, values["saving"]),
        calls_per_day=values["calls_per_day"],
        calls=values.get("calls", 365 * values["calls_per_day"]),
        price_per_kwh=values["price"],
        cost=values.get("cost", 0.0),
        cost_joules=values.get("cost_energy", 0.0),
        intensity=values.get("intensity"),
    )


def energy_of(stored: Stored) -> float:
    """J per unit of a stored evaluation. Raises InputError where it has none."""
    for one in stored.grades.values():
        if one.grade.energy_per_unit_joules is not None:
            return one.grade.energy_per_unit_joules
    raise InputError("that evaluation has no energy per unit: type the energy of one call")
