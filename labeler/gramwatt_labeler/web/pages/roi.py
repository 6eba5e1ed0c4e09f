"""Whether a tactic pays back: a form that is a link, so that an analysis can be sent on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from ...charts.drawing import draw
from ...charts.specs import cost_curve
from ...equivalents import equivalents
from ...errors import InputError, LabelerError, NotFound
from ...intensities.kept import kept as kept_intensities
from ...intensities.table import Intensity, latest
from ...render.text import clean
from ...roi import curve, returns, span
from ...roi.asked import INPUTS, plan_of, read
from ...roi.keeping import completed, kept_form, title_of
from ...store.returns import Analysis, ReturnRows
from .desk import Desk
from .page import checked, form_of, svg, texts_of


def router(desk: Desk) -> APIRouter:
    """``/roi``, and ``/roi/{number}`` of an analysis that was kept."""
    routes = APIRouter(include_in_schema=False)
    rows = ReturnRows(desk.store.database)

    def of_zone(form: dict[str, str], zones: Mapping[str, Intensity]) -> str:
        """Fill in the intensity of the chosen zone; where it is from."""
        one = zones.get(form.get("zone", ""))
        if one is None or form.get("intensity"):
            return ""
        form["intensity"] = f"{one.grams_per_kwh:g}"
        return f"{one.zone} {one.year}: {one.grams_per_kwh:g} g per kWh ({one.source})"

    def page(
        request: Request,
        form: dict[str, str],
        kept: Analysis | None = None,
        trouble: str = "",
        status: int = 200,
    ) -> Response:
        try:
            form = completed(form, desk.store.evaluation)
        except (NotFound, InputError) as error:
            trouble = trouble or str(error)
        zones = latest(kept_intensities(desk.store))
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
            422 if wrong else status,
            here="/roi",
            inputs=INPUTS,
            form=form,
            wrong=wrong,
            first=next(iter(wrong), ""),
            trouble=trouble,
            kept=kept,
            may_remove=kept is not None and may_remove(request, kept),
            fields=kept_form(form),
            analyses=rows.some(),
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

    def may_remove(request: Request, kept: Analysis) -> bool:
        visitor = desk.pages.visitors(request)
        return visitor.may_manage or (visitor.may_write and kept.by == visitor.name)

    @routes.get("/roi")
    def asked(request: Request) -> Response:
        return page(request, {name: text[:256] for name, text in request.query_params.items()})

    @routes.get("/roi/{number}")
    def one(request: Request, number: Annotated[int, Path(ge=1, le=2**31 - 1)]) -> Response:
        kept = rows.get(number)
        return page(request, dict(kept.form), kept)

    @routes.post("/roi")
    async def keep(request: Request) -> Response:
        form = texts_of(await form_of(request))
        return await run_in_threadpool(
            lambda: _keep(request, {name: text[:256] for name, text in form.items()})
        )

    def _keep(request: Request, form: dict[str, str]) -> Response:
        visitor = desk.pages.visitors(request)
        plain = kept_form(form)
        if not visitor.may_write or not checked(form, visitor.csrf):
            return page(
                request, plain, trouble="log in with the right to write, then keep it again", status=403
            )
        try:
            plain = kept_form(completed(plain, desk.store.evaluation))
            if read(plain)[1]:
                return page(request, plain, status=422)
            number = rows.add(title_of(clean(form.get("title", ""))), plain, visitor.name, desk.clock())
        except LabelerError as error:
            return page(request, plain, trouble=str(error), status=422)
        return RedirectResponse(f"/roi/{number}", 303)

    @routes.post("/roi/{number}")
    async def forget(request: Request, number: Annotated[int, Path(ge=1, le=2**31 - 1)]) -> Response:
        form = texts_of(await form_of(request))
        return await run_in_threadpool(lambda: _forget(request, number, form))

    def _forget(request: Request, number: int, form: dict[str, str]) -> Response:
        kept = rows.get(number)
        visitor = desk.pages.visitors(request)
        if not may_remove(request, kept) or not checked(form, visitor.csrf):
            trouble = "only who kept it and managers can remove it; log in and try again"
            return page(request, dict(kept.form), kept, trouble, 403)
        rows.remove(number, visitor.name, desk.clock())
        return RedirectResponse("/roi", 303)

    return routes
