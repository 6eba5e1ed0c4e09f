"""The pages to log in and out, without scripts."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from ...render.text import clean
from ...store.people import Role
from ..pages.page import Pages, checked, form_of, texts_of
from .guard import COOKIE, Guard, client_of
from .rates import Rate

_log = logging.getLogger(__name__)
_TRIES_PER_MINUTE = 10


def router(guard: Guard, pages: Pages) -> APIRouter:
    """``/login`` and ``/logout``."""
    routes = APIRouter(include_in_schema=False)
    by_client, by_name = Rate(_TRIES_PER_MINUTE), Rate(_TRIES_PER_MINUTE)

    def page(
        request: Request, name: str = "", then: str = "", wrong: str = "", status: int = 200
    ) -> Response:
        return pages.render(
            "login.html.j2", request, status, here="/login", name=name, then=local(then), wrong=wrong,
            has_users=bool(guard.people.users()),
        )  # fmt: skip

    @routes.get("/login")
    def empty(request: Request, then: str = "") -> Response:
        return page(request, then=then)

    @routes.post("/login")
    async def log_in(request: Request) -> Response:
        form = texts_of(await form_of(request))
        return await to_thread.run_sync(answer, request, form)

    def answer(request: Request, form: dict[str, str]) -> Response:
        name, then = form.get("name", ""), form.get("then", "")
        wait = max(by_client.take(client_of(request)), by_name.take(name[:64]))
        if wait:
            return page(request, name, then, f"too many tries; try again in {wait:.0f} s", 429)
        found = guard.people.log_in(name, form.get("password", ""), guard.clock())
        if found is None:
            # Where people look for it, and programs that lock an address out; the audit is of what was done.
            _log.warning("a login as %s from %s was refused", clean(name)[:64], client_of(request))
            return page(request, name, then, "this name and password do not belong together", 401)
        secret, session = found
        start = "/manage" if session.user.role is Role.MANAGER else "/evaluations"
        answer = RedirectResponse(local(then) or start, 303)
        answer.set_cookie(
            COOKIE, secret, httponly=True, samesite="strict", secure=request.url.scheme == "https", path="/"
        )
        return answer

    @routes.post("/logout")
    async def log_out(request: Request) -> Response:
        form = texts_of(await form_of(request))
        return await to_thread.run_sync(end, request, form)

    def end(request: Request, form: dict[str, str]) -> Response:
        visitor = guard.visitor(request)
        answer = RedirectResponse("/", 303)
        if checked(form, visitor.csrf):
            guard.people.log_out(request.cookies.get(COOKIE, ""))
            answer.delete_cookie(COOKIE, path="/")
        return answer

    return routes


def local(path: str) -> str:
    """A path of this site, else "": a login never leads to another site."""
    try:
        parts = urlsplit(path)
    except ValueError:
        return ""
    is_ours = (
        path.startswith("/") and not path.startswith(("//", "/\\")) and not (parts.scheme or parts.netloc)
    )
    return path if is_ours and path.isprintable() and "\\" not in path else ""
