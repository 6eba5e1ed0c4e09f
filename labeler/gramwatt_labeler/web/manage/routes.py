"""The pages under /manage as one router."""

from __future__ import annotations

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from ...appearance import Appearance
from ...store.audit import entries
from ...store.people import Role, may
from ..api.errors import ApiError
from ..auth.guard import Guard
from ..pages.desk import Desk
from ..pages.page import form_of, texts_of
from . import colours, defining, people, scales
from .services import Services

_AUDIT_ROWS = 50


def router(desk: Desk, guard: Guard, services: Services, appearance: Appearance) -> APIRouter:
    """Every page needs a login of a manager; the page for other users says so."""
    routes = APIRouter(include_in_schema=False)

    def refused(request: Request) -> Response | None:
        who = guard.requester(request)
        if who.role is None:
            return RedirectResponse(f"/login?then={request.url.path}", 303)
        if not may(who.role, Role.MANAGER):
            return desk.pages.render(
                "manage_refused.html.j2", request, 403, here="/manage", role=who.role.value
            )
        return None

    def overview(request: Request, done: str = "", wrong: str = "", status: int = 200) -> Response:
        return desk.pages.render(
            "manage.html.j2", request, status, here="/manage", scales=list(desk.scales.values()),
            main_scale=desk.main_scale, users=guard.people.users(), roles=[role.value for role in Role],
            audit=entries(desk.store.database, limit=_AUDIT_ROWS), jobs=services.jobs.recent(), done=done, wrong=wrong,
        )  # fmt: skip

    @routes.get("/manage")
    def start(request: Request) -> Response:
        return refused(request) or overview(request)

    @routes.get("/manage/scales/{name}")
    def scale(request: Request, name: str) -> Response:
        return refused(request) or scales.page(desk, services, request, name)

    @routes.post("/manage/scales/{name}")
    async def change_scale(request: Request, name: str) -> Response:
        form = texts_of(await form_of(request))
        return await to_thread.run_sync(lambda: _scale(request, name, form))

    def _scale(request: Request, name: str, form: dict[str, str]) -> Response:
        no = refused(request)
        if no is not None:
            return no
        who = guard.allow(request, Role.MANAGER, form.get("csrf", ""))
        return scales.answer(desk, services, request, name, form, who.name)

    @routes.post("/manage/users")
    async def change_user(request: Request) -> Response:
        form = texts_of(await form_of(request))
        return await to_thread.run_sync(lambda: _user(request, form))

    def _user(request: Request, form: dict[str, str]) -> Response:
        no = refused(request)
        if no is not None:
            return no
        who = guard.allow(request, Role.MANAGER, form.get("csrf", ""))
        done, wrong = people.do(guard.people, form, who.name, guard.clock())
        return overview(request, done, wrong, 422 if wrong else 200)

    @routes.get("/manage/colours")
    def colours_of(request: Request) -> Response:
        return refused(request) or colours.page(desk, request)

    @routes.post("/manage/colours")
    async def change_colours(request: Request) -> Response:
        form = texts_of(await form_of(request))
        return await to_thread.run_sync(lambda: _colours(request, form))

    def _colours(request: Request, form: dict[str, str]) -> Response:
        no = refused(request)
        if no is not None:
            return no
        who = guard.allow(request, Role.MANAGER, form.get("csrf", ""))
        return colours.answer(desk, request, form, appearance, who.name)

    @routes.get("/manage/{kind}")
    def defined(request: Request, kind: str) -> Response:
        return refused(request) or defining.page(desk, request, known_kind(kind))

    @routes.post("/manage/{kind}")
    async def define(request: Request, kind: str) -> Response:
        form = texts_of(await form_of(request))
        return await to_thread.run_sync(lambda: _defined(request, known_kind(kind), form))

    def _defined(request: Request, kind: defining.Kind, form: dict[str, str]) -> Response:
        no = refused(request)
        if no is not None:
            return no
        who = guard.allow(request, Role.MANAGER, form.get("csrf", ""))
        return defining.answer(desk, request, kind, form, who.name)

    def known_kind(name: str) -> defining.Kind:
        for kind in defining.KINDS:
            if kind == name:
                return kind
        raise ApiError(404, "not_found", f"there is no page /manage/{name[:64]}")

    @routes.get("/manage/{rest:path}")
    def nothing(rest: str) -> Response:
        raise ApiError(404, "not_found", f"there is no page /manage/{rest[:64]}")

    return routes
