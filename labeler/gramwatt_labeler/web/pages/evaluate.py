"""The form: numbers of one run -> its label at once, and into the data set on request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from ...errors import Duplicate, InputError, NotYours, Rejected
from ...evaluate.correcting import carried, stated
from ...evaluate.results import Result, evaluation_of
from ...forms.entry import Entry, read_entry
from ...forms.fields import PHASES, SCORES, Field, numbers, texts
from ...forms.mistakes import Mistakes
from ...forms.prefill import address, of_entry
from ...render.files import MEDIA_TYPES, convert
from ...render.label import render_svg
from ...render.text import clean
from ...store.nouns import Evaluation
from ...store.withdrawing import LONGEST_REASON
from .desk import Desk
from .page import HEADERS, checked, form_of, svg, texts_of
from .values import metric_views
from .withdrawing import owner_of

_TASKS = (
    "image-classification", "object-detection", "text-classification", "token-classification", "question-answering",
    "fill-mask", "text-generation", "summarization", "translation", "image-generation", "image-captioning",
    "automatic-speech-recognition", "code-generation", "digit-classification",
)  # fmt: skip


_HARDWARE = ("H100", "A100", "consumer-gpu", "cpu-server", "cpu-small")


def router(desk: Desk) -> APIRouter:
    """The form, its answer, and the label as a file without keeping anything."""
    routes = APIRouter(include_in_schema=False)

    def page(
        request: Request,
        form: Mapping[str, str],
        wrong: Mapping[str, str],
        result: Result | None = None,
        status: int = 200,
        duplicate: str = "",
        old: Evaluation | None = None,
    ) -> Response:
        known, defined = desk.definitions.metrics(), desk.definitions.fields()
        phase = form.get("phase", "") if form.get("phase", "") in PHASES else PHASES[0]
        shown = result.on(form.get("scale", "")) if result else None
        given = {name: text for name, text in form.items() if name not in ("csrf", "add", "scale") and text}
        return desk.pages.render(
            "evaluate.html.j2",
            request,
            status,
            here="/evaluate",
            phase=phase,
            phases=PHASES,
            texts=texts(phase),
            numbers=numbers(phase),
            options={"task": sorted({*_TASKS, *desk.store.values("task")}), "hardware": _HARDWARE},
            facts={one.name: known.get(_METRIC_OF.get(one.name, one.name)) for one in numbers(phase)},
            defined=[one for one in defined if phase in one.phases],
            form=form,
            wrong=wrong,
            first=next(iter(wrong), ""),
            result=result,
            shown=shown,
            label=svg(render_svg(result.label(form.get("scale", "")), "")) if result else "",
            metrics=metric_views(shown.grade, desk.scale(shown.grade.scale.name), known) if shown else [],
            given=given,
            fill=_lacking(result.verdicts[shown.grade.scale.name].missing, phase, given)
            if result and shown
            else [],
            tabs={one: address(given, one) for one in PHASES},
            duplicate=duplicate,
            old=old,
            longest_reason=LONGEST_REASON,
        )

    def corrected(form: Mapping[str, str]) -> Evaluation | None:
        """The evaluation that the form corrects. Raises NotFound, TakenBack, and InputError for a measured one."""
        if not form.get("corrects"):
            return None
        old = desk.store.evaluation(form["corrects"]).evaluation
        if not old.origin.is_correctable:
            raise InputError(
                f"corrects: {clean(old.id)[:80]!r} was not stated by a person; it can only be taken back"
            )
        return old

    @routes.get("/evaluate")
    def empty(request: Request) -> Response:
        form = dict(request.query_params)
        old = corrected(form)
        if old is not None and not set(form) - {"corrects", "scale"}:
            form = of_entry(stated(old), desk.definitions.fields()) | form
        return page(request, form, {}, old=old)

    @routes.post("/evaluate")
    async def answer(request: Request) -> Response:
        form = texts_of(await form_of(request))
        return await run_in_threadpool(lambda: _answer(request, form))

    def _answer(request: Request, form: dict[str, str]) -> Response:
        old = corrected(form)
        try:
            entry = read_entry(form, desk.definitions.fields())
        except Mistakes as mistakes:
            return page(request, form, mistakes.by_field, status=422, old=old)
        result = desk.grade(entry if old is None else carried(entry, old))
        if not form.get("add"):
            return page(request, form, {}, result, old=old)
        visitor = desk.pages.visitors(request)

        def refused(why: str, status: int) -> Response:
            return page(request, form, {"add": why}, result, status, old=old)

        if not visitor.may_write:
            return refused("log in with the right to write first", 403)
        if not checked(form, visitor.csrf):
            return refused("the page was open for too long; send it again", 403)
        if len(form.get("reason", "")) > LONGEST_REASON:
            return refused(f"the reason is longer than {LONGEST_REASON} characters", 422)
        try:
            if old is None:
                added = desk.store.add_evaluation(*evaluation_of(result, visitor.name))
            else:
                reason = form.get("reason", "")
                added = desk.correct(old, entry, visitor.name, reason, owner_of(visitor))
        except Duplicate as there:
            return page(request, form, {}, result, 409, duplicate=there.existing, old=old)
        except NotYours as error:
            return refused(str(error), 403)
        except Rejected as error:
            return refused(str(error), 422)
        return RedirectResponse(f"/evaluations/{quote(added, safe='')}?new=1", 303)

    @routes.post("/evaluate/label.{form}")
    async def label(request: Request, form: str) -> Response:
        if form not in MEDIA_TYPES:
            raise HTTPException(404, f"no format {form!r}; there are {', '.join(MEDIA_TYPES)}")
        fields = texts_of(await form_of(request))
        return await run_in_threadpool(lambda: _file(fields, form))

    def _file(fields: Mapping[str, str], form: str) -> Response:
        try:
            entry = read_entry(fields, desk.definitions.fields())
        except Mistakes as mistakes:
            raise HTTPException(422, str(mistakes)) from None
        result = desk.grade(entry)
        content = convert(render_svg(result.label(fields.get("scale", "")), ""), form)
        return Response(
            content,
            media_type=MEDIA_TYPES[form],
            headers=HEADERS | {"Content-Disposition": f'attachment; filename="{file_name(entry)}.{form}"'},
        )

    return routes


_METRIC_OF = {"emissions": "co2_eq_emissions"}
_FIELDS_OF = {
    "co2_eq_emissions": ("emissions",),
    "performance_score": SCORES,
    "size_efficency": ("size", "emissions"),
    "datasets_size_efficency": ("dataset_size", "emissions"),
}
"""The fields that a metric is made from, where they are not of its name; of the scores one is enough."""


def _lacking(metrics: Sequence[str], phase: str, given: Mapping[str, str]) -> list[Field]:
    """The empty fields of the form that would give these metrics, in the form's order."""
    wanted: set[str] = set()
    for metric in metrics:
        fields = _FIELDS_OF.get(metric, (metric,))
        wanted |= {name for name in fields if not given.get(name)}
    return [one for one in numbers(phase) if one.name in wanted]


def file_name(entry: Entry) -> str:
    """A name for a label's file, of plain letters."""
    plain = "".join(one if one.isascii() and one.isalnum() else "-" for one in entry.model).strip("-")
    return f"label-{plain[:60] or 'model'}"
