"""Whether a tactic pays back: a form that is a link, so that an analysis can be sent on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from ...charts.drawing import draw
from ...charts.specs import cost_curve
from ...equivalents import equivalents
from ...errors import NotFound
from ...forms.mistakes import Mistake
from ...forms.quantities import COUNT, ENERGY, MONEY, RATIO, Kind, read_quantity
from ...intensities.kept import kept
from ...intensities.table import Intensity, latest
from ...roi import Plan, after, curve, returns, span
from .desk import Desk
from .page import svg

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
    Input("price", "Price of a kWh", MONEY, "0.25", "", "In your currency."),
    Input("cost", "Cost of applying it", MONEY, "500", "", "Work and hardware; 0 is allowed."),
    Input("cost_energy", "Energy of applying it", ENERGY, "12", "kWh", "A retraining or a distillation, say."),
    Input("intensity", "Carbon intensity, g per kWh", MONEY, "56", "", "Of your grid; empty: no CO2."),
)  # fmt: skip


def router(desk: Desk) -> APIRouter:
    """``/roi``."""
    routes = APIRouter(include_in_schema=False)

    def prefilled(form: dict[str, str]) -> str:
        """Energies per call of stored evaluations; what is wrong with an id."""
        for key, name in (("baseline", "old"), ("after", "new")):
            asked = form.get(key, "")
            if not asked or form.get(name):
                continue
            try:
                stored = desk.store.evaluation(asked)
            except NotFound:
                return f"there is no evaluation {asked[:80]!r}"
            graded = next(
                (one for one in stored.grades.values() if one.grade.energy_per_unit_joules is not None), None
            )
            if graded is None:
                return "that evaluation has no energy per unit: type the energy of one call"
            form[name] = f"{graded.grade.energy_per_unit_joules:.6g}"
            form[f"{name}_unit"] = "J"
        return ""

    def of_zone(form: dict[str, str], zones: Mapping[str, Intensity]) -> str:
        """Fill in the intensity of the chosen zone; where it is from."""
        one = zones.get(form.get("zone", ""))
        if one is None or form.get("intensity"):
            return ""
        form["intensity"] = f"{one.grams_per_kwh:g}"
        return f"{one.zone} {one.year}: {one.grams_per_kwh:g} g per kWh ({one.source})"

    @routes.get("/roi")
    def page(request: Request) -> Response:
        form = {name: text[:256] for name, text in request.query_params.items()}
        trouble = prefilled(form)
        zones = latest(kept(desk.store))
        grid = of_zone(form, zones)
        catalogue = desk.definitions.tactics()
        tactic = next((one for one in catalogue if one.id == form.get("tactic")), None)
        if tactic and tactic.expected is not None and not form.get("saving") and not form.get("new"):
            form["saving"], form["saving_unit"] = f"{100 * tactic.expected:.4g}", "%"
        asked = "calls_per_day" in form
        values, wrong = read(form) if asked else ({}, {})
        outcome = chart = None
        spread = []
        if asked and not wrong:
            plan = plan_of(values)
            outcome = returns(plan)
            drawing = cost_curve(curve(plan), outcome.break_even_calls, "cost")
            chart = svg(draw(drawing, "cost over calls, as it is and with the tactic"))
            if tactic and tactic.low and tactic.high:
                spread = list(zip(("low", "high"), span(plan, (tactic.low, tactic.high)), strict=True))
        return desk.pages.render(
            "roi.html.j2",
            request,
            422 if wrong else 200,
            here="/roi",
            inputs=INPUTS,
            form=form,
            wrong=wrong,
            first=next(iter(wrong), ""),
            trouble=trouble,
            zones=list(zones),
            grid=grid,
            outcome=outcome,
            plan=plan_of(values) if outcome else None,
            chart=chart,
            spread=spread,
            tactic=tactic,
            tactics=catalogue,
            saved_equivalents=equivalents(None, outcome.saved_grams_per_year)
            if outcome and outcome.saved_grams_per_year and outcome.saved_grams_per_year > 0
            else (),
        )

    return routes


def read(form: Mapping[str, str]) -> tuple[dict[str, float], dict[str, str]]:
    """The numbers of the form, and what is wrong by field."""
    values: dict[str, float] = {}
    wrong: dict[str, str] = {}
    for one in INPUTS:
        text = form.get(one.name, "").strip()
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
