"""The pages under /manage as one router."""

from __future__ import annotations

from collections.abc import Callable

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
        answer = desk.pages.render(
            "manage.html.j2", request, status, here="/manage", scales=list(desk.scales.values()),
            main_scale=desk.main_scale, users=guard.people.users(), roles=[role.value for role in Role],
            audit=entries(desk.store.database, limit=_AUDIT_ROWS), jobs=services.jobs.recent(), done=done, wrong=wrong,
        )  # fmt: skip
        answer.headers["Cache-Control"] = "no-store"  # it may show a new token
        return answer

    async def changed(request: Request, change: Callable[[dict[str, str], str], Response]) -> Response:
        """What ``change`` makes of a manager's form and name; otherwise the login, or why it is refused."""
        form = texts_of(await form_of(request))

        def done() -> Response:
            no = refused(request)
            if no is not None:
                return no
            who = guard.allow(request, Role.MANAGER, form.get("csrf", ""))
            return change(form, who.name)

        return await to_thread.run_sync(done)

    @routes.get("/manage")
    def start(request: Request) -> Response:
        return refused(request) or overview(request)

    @routes.get("/manage/scales/{name}")
    def scale(request: Request, name: str) -> Response:
        return refused(request) or scales.page(desk, services, request, name)

    @routes.post("/manage/scales/{name}")
    async def change_scale(request: Request, name: str) -> Response:
        return await changed(request, lambda form, by: scales.answer(desk, services, request, name, form, by))

    @routes.post("/manage/users")
    async def change_user(request: Request) -> Response:
        def change(form: dict[str, str], by: str) -> Response:
            done, wrong = people.do(guard.people, form, by, guard.clock())
            return overview(request, done, wrong, 422 if wrong else 200)

        return await changed(request, change)

    @routes.get("/manage/users")
    def users(request: Request) -> Response:
        """Where a login leads to that a form of users had asked for."""
        return refused(request) or overview(request)

    @routes.get("/manage/colours")
    def colours_of(request: Request) -> Response:
        return refused(request) or colours.page(desk, request)

    @routes.post("/manage/colours")
    async def change_colours(request: Request) -> Response:
        return await changed(request, lambda form, by: colours.answer(desk, request, form, appearance, by))

    @routes.get("/manage/{kind}")
    def defined(request: Request, kind: str) -> Response:
        return refused(request) or defining.page(desk, request, known_kind(kind))

    @routes.post("/manage/{kind}")
    async def define(request: Request, kind: str) -> Response:
        return await changed(
            request, lambda form, by: defining.answer(desk, request, known_kind(kind), form, by)
        )

    def known_kind(name: str) -> defining.Kind:
        for kind in defining.KINDS:
            if kind == name:
                return kind
        raise ApiError(404, "not_found", f"there is no page /manage/{name[:64]}")

    @routes.get("/manage/{rest:path}")
    def nothing(rest: str) -> Response:
        raise ApiError(404, "not_found", f"there is no page /manage/{rest[:64]}")

    return routes
