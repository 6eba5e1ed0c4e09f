"""``POST /api/v1/grade``: facts -> verdict; keeps nothing. Scales, with what a change of one would do."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated

import msgspec
from anyio import to_thread
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from ...equivalents import equivalents
from ...errors import FactsError, InputError
from ...grading.facts import Facts, Population, grade_facts, grade_members
from ...grading.names import nearest_name
from ...grading.scale import RelativeScale, StrepScale
from ...intensities.kept import kept as kept_intensities
from ...json_shapes import scale_json
from ...scale_files import LoadedScale
from ...sources.facts_file import record_of
from ...sources.facts_text import Text, Value, json_values
from ...sources.population_file import members_of, strep_request
from ...verdict_shapes import NamedVerdict, as_tree
from ..auth.guard import client_of
from ..auth.rates import Rate
from ..pages.desk import Desk
from . import shapes
from .answers import answer, kept
from .asking import only
from .errors import ApiError

_GRADES_PER_MINUTE = 60
_NAME = "the body"


def router(desk: Desk) -> APIRouter:
    """Routes that read alone."""
    routes = APIRouter(prefix="/api/v1", tags=["grading"])
    rate = Rate(_GRADES_PER_MINUTE)

    @routes.post(
        "/grade",
        responses=shapes.ok(dict, 400, 413, 415, 422, 429),
        openapi_extra=shapes.body(shapes.FactsIn),
    )
    async def grade(request: Request) -> Response:
        """Grade facts on a scale; nothing is kept. 60 a minute from one address."""
        wait = rate.take(client_of(request))
        if wait:
            raise ApiError(429, "too_many", f"at most {_GRADES_PER_MINUTE} a minute", retry_after=wait)
        kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise ApiError(
                415, "unsupported_media_type", f"{kind[:64]!r} is not read", allowed=["application/json"]
            )
        content = await request.body()
        return await to_thread.run_sync(lambda: verdict(content))

    def verdict(content: bytes) -> Response:
        try:
            text = content.decode("utf-8-sig")
            values, _ = json_values(Text(_NAME, text))
        except (UnicodeDecodeError, InputError) as error:
            raise ApiError(400, "bad_json", str(error).removeprefix(f"{_NAME}: "), "$") from None
        if len(values) != 1 or not isinstance(values[0].value, dict):
            raise ApiError(422, "invalid", "expected one object", "$")
        tree = dict(values[0].value)
        name = tree.pop("scheme", "")
        if not isinstance(name, str) or name not in desk.scales:
            near = nearest_name(str(name)[:80], desk.scales)
            hint = f"; did you mean {near!r}?" if near else ""
            raise ApiError(
                422, "invalid", f"no scale {str(name)[:80]!r}{hint}", "$.scheme", sorted(desk.scales)
            )
        try:
            return answer(_graded(desk.scales[name], Value(_NAME, "$", tree)))
        except FactsError:
            raise
        except InputError as error:
            path, _, message = str(error).removeprefix(f"{_NAME}: ").partition(": ")
            raise ApiError(422, "invalid", message or path, path if message else "$", error.allowed) from None

    @routes.get("/scales", responses=shapes.ok(dict))
    def scales(request: Request) -> Response:
        """The scales that grades can be on."""
        body = msgspec.json.encode({"scales": [scale_json(loaded) for loaded in desk.scales.values()]})
        return kept(request, body, "application/json")

    @routes.get("/scales/{name}", dependencies=[Depends(only())], responses=shapes.ok(dict, 404))
    def scale(name: Annotated[str, Path(max_length=64)], request: Request) -> Response:
        """One scale with its content."""
        if name not in desk.scales:
            raise ApiError(404, "not_found", f"no scale {name[:64]!r}", "name", sorted(desk.scales))
        loaded = desk.scales[name]
        body = scale_json(loaded) | {"content": msgspec.to_builtins(loaded.scale)}
        return kept(request, msgspec.json.encode(body), "application/json", loaded.id.sha256[:32])

    @routes.get(
        "/equivalents", dependencies=[Depends(only("energy", "emissions"))], responses=shapes.ok(dict, 422)
    )
    def equivalents_of(
        energy: Annotated[float | None, Query(ge=0, le=1e18, allow_inf_nan=False, description="J")] = None,
        emissions: Annotated[float | None, Query(ge=0, le=1e18, allow_inf_nan=False, description="g")] = None,
    ) -> Response:
        """What an energy and emissions amount to, with sources."""
        found = equivalents(energy, emissions)
        rows = [{"amount": one.amount, "what": one.what, "source": one.source} for one in found]
        return answer({"equivalents": rows})

    @routes.get(
        "/intensities",
        dependencies=[Depends(only("zone"))],
        responses=shapes.ok(shapes.IntensityPage, 422, 503),
    )
    def intensities(zone: Annotated[str, Query(max_length=256)] = "") -> Response:
        """Yearly carbon intensities of the public tables that were kept, of one zone or of all."""
        rows = [asdict(one) for one in kept_intensities(desk.store, zone.replace("\x00", "\ufffd"))]
        return answer({"intensities": rows})

    return routes


def _graded(loaded: LoadedScale, value: Value) -> object:
    """The verdict, or for a population all of them, as ``gramwatt-labeler grade`` prints it."""
    tree = dict(value.value)
    if isinstance(loaded.scale, StrepScale):
        request = strep_request(replace(value, value=tree), loaded.scale)
        if request.weights is not None:
            grade_facts(request.scale, Facts(weights=request.weights), request.members)
        graded = grade_members(request.scale, request.members, request.weights, request.mode)
        return {
            "verdicts": [as_tree(NamedVerdict(verdict, name), loaded) for name, verdict in graded.items()]
        }
    population: Population | None = None
    if isinstance(loaded.scale, RelativeScale) and "population" in tree:
        population = members_of(replace(value, value=tree.pop("population")), ".population")
    record = record_of(replace(value, value=tree))
    verdict = grade_facts(loaded.scale, record.facts, population)
    odd = [reason for name, reason in record.odd.items() if name in record.facts.metrics]
    return as_tree(NamedVerdict(verdict, record.name, odd), loaded)
