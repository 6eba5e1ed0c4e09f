"""Whether a tactic pays back: a form that is a link, so that an analysis can be sent on."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from ...charts.drawing import draw
from ...charts.specs import cost_curve
from ...equivalents import equivalents
from ...errors import InputError, NotFound
from ...intensities.kept import kept
from ...intensities.table import Intensity, latest
from ...roi import curve, returns, span
from ...roi.asked import INPUTS, energy_of, plan_of, read
from .desk import Desk
from .page import svg


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
            try:
                form[name] = f"{energy_of(stored):.6g}"
            except InputError as error:
                return str(error)
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
