"""One scale: its numbers as fields, what a change would do to stored letters, and a new version."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from ...errors import Duplicate, LabelerError, NotFound
from ...scale_book import fields
from ...scale_book.content import checked, read_scale
from ...scale_book.regrading import PREVIEWED, Changes, preview
from ..pages.desk import Desk
from .services import Services


def page(
    desk: Desk,
    services: Services,
    request: Request,
    name: str,
    content: str = "",
    version: str = "",
    changes: Changes | None = None,
    wrong: str = "",
    status: int = 200,
) -> Response:
    """Raises NotFound."""
    stored = content_of(desk, services, name)
    text = content or stored
    try:
        checked(text)
        numbers = fields.numbers(text)
    except Exception:  # the text is what is wrong: the fields of the scale as it is
        numbers = fields.numbers(stored)
    return desk.pages.render(
        "manage_scale.html.j2", request, status, here="/manage", name=name, scale=desk.scales[name], content=text,
        version=version or _next(desk.scales[name].id.version), numbers=numbers, changes=changes, wrong=wrong,
        versions=services.scales.versions(name), previewed=PREVIEWED,
    )  # fmt: skip


def answer(
    desk: Desk, services: Services, request: Request, name: str, form: Mapping[str, str], by: str
) -> Response:
    """Preview, save, or grade stored evaluations again."""
    if form.get("action") == "regrade":
        job = services.jobs.add("regrade", {"scale": name}, by, desk.clock())
        services.wake()
        return RedirectResponse(f"/manage?job={job}", 303)
    content, version = form.get("content", "").replace("\r\n", "\n"), form.get("version", "")
    try:
        stored = content_of(desk, services, name)
        if content.strip() in ("", stored.strip()):  # the fields count where the text was not touched
            content = stored
        read_scale(content)
        content = fields.change(content, version, form)
        loaded = read_scale(content)
        if loaded.id.name != name:
            raise NotFound(f"name: this page is for {name}; the text says {loaded.id.name}")
        if form.get("action") != "save":
            changes = preview(desk.store, loaded, services.hardware, of_measured=desk.named_scales)
            return page(desk, services, request, name, content, version, changes)
        services.scales.put(loaded, content, by, desk.clock())
    except Duplicate as there:
        return page(
            desk, services, request, name, content, version, None, f"{there.existing} is this very scale", 409
        )
    except LabelerError as error:
        return page(desk, services, request, name, content, version, None, str(error), 422)
    services.forget()
    return RedirectResponse(f"/manage/scales/{name}", 303)


def content_of(desk: Desk, services: Services, name: str) -> str:
    """The text of the scale in force. Raises NotFound."""
    if name not in desk.scales:
        raise NotFound(f"no scale {name[:64]!r}; there are {', '.join(sorted(desk.scales))}")
    digest = desk.scales[name].id.sha256
    own = next(
        (one.content for one in services.scales.versions(name) if one.sha256 == digest and one.content), ""
    )
    return own or fields.written_out(Path(desk.scales[name].file).read_text("utf-8"))


def _next(version: str) -> str:
    """The version behind this one: the last number in it, one more."""
    head = version.rstrip("0123456789")
    tail = version[len(head) :]
    return f"{head}{int(tail) + 1}" if tail and len(tail) < 10 else f"{version}-2"
