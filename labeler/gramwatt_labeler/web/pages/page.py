"""What all pages share: templates, headers, and reading a form within limits."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException

from ... import units
from ...errors import LabelerError
from ...model import Grade
from ...render.content import reason_text
from ...render.quantity import quantity
from ...render.shorten import shortened
from ...render.text import clean
from ...render.words import words
from ..navigation import NAVIGATION
from .drawings import letter_chip, slider
from .visitors import Visitor, Visitors

HEADERS = {
    # Nothing runs and nothing comes from elsewhere, whatever a name on the page contains.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_TITLES = {
    400: "This request cannot be read", 401: "Log in first", 403: "This is not allowed", 404: "There is no such page",
    405: "This address does not take that", 409: "This is here already", 410: "This was taken back",
    413: "This is too large",
    422: "Something in the address or the form is wrong", 429: "Too many requests", 503: "Try again in a moment",
}  # fmt: skip
_WITHOUT_WORDS = {  # what the server itself says is only the status again
    404: "Nothing is at this address. The bar above has all pages.",
    405: "This address is not for what was sent to it. Go back, load the page anew and try again.",
}
_TEMPLATES = Path(__file__).parent.parent / "templates"
STATIC = Path(__file__).parent.parent / "static" / "app"


class Pages:
    """Renders templates for a visitor."""

    def __init__(self, visitors: Visitors) -> None:
        self.visitors = visitors
        self._templates = Environment(
            # One folder up, for the bar that all pages share.
            loader=FileSystemLoader([_TEMPLATES / "app", _TEMPLATES]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(
            clean=clean,
            energy=units.energy,
            mass=units.mass,
            number=units.number,
            counted=units.counted,
            duration=units.duration,
            when=units.moment,
            quantity=quantity,
            short=shortened,
            why=why,
            said=words("en").said,
            query=lambda pairs: urlencode(
                {key: value for key, value in pairs.items() if value not in ("", None)}
            ),
        )
        self._templates.globals.update(letter_chip=letter_chip, slider=slider, navigation=NAVIGATION)

    def render(self, template: str, request: Request, status: int = 200, **names: object) -> HTMLResponse:
        """A page. ``here`` is the entry of the navigation it belongs to."""
        text = self._templates.get_template(template).render(
            visitor=self.visitors(request), request=request, **names
        )
        return HTMLResponse(text, status, headers=HEADERS)

    def problem(self, request: Request, status: int, message: str) -> HTMLResponse:
        """The page of an error: what is wrong, and the way on. It needs no database."""
        try:
            visitor = self.visitors(request)
        except LabelerError:  # the database may be what is wrong
            visitor = Visitor()
        text = self._templates.get_template("problem.html.j2").render(
            visitor=visitor,
            request=request,
            here="",
            title=_TITLES.get(status, "That did not work"),
            message=_WITHOUT_WORDS.get(status, message) if message == _phrase(status) else message,
        )
        return HTMLResponse(text, status, headers=HEADERS | {"Cache-Control": "no-store"})

    def text(self, template: str, **names: object) -> str:
        """A template that is no page of the site, such as a report."""
        return self._templates.get_template(template).render(**names)


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else ""


def why(grade: Grade) -> str:
    """Why a grade has no letter, in the words of the label."""
    return reason_text(grade, words("en"))


async def form_of(
    request: Request, most_files: int = 0, most_bytes: int = 1_000_000, most_fields: int = 1000
) -> FormData:
    """The fields of a form that was sent. Raises HTTPException 400 or 413 in words."""
    length = request.headers.get("content-length", "")
    allowed = most_bytes * max(1, most_files) + 1_000_000
    if not length.isdigit():
        raise HTTPException(411, "a form is sent with its length (Content-Length), not in pieces")
    if int(length) > allowed:
        raise HTTPException(413, f"the form is larger than {allowed // 1_000_000} MB")
    try:
        return await request.form(max_files=most_files, max_fields=most_fields, max_part_size=1_000_000)
    except MultiPartException as error:
        raise HTTPException(400, f"the form cannot be read: {error.message}") from None
    except HTTPException as error:
        raise HTTPException(400, f"the form cannot be read: {error.detail}") from None
    except (ValueError, UnicodeError) as error:
        raise HTTPException(400, f"the form cannot be read: {type(error).__name__}") from None


def texts_of(form: FormData) -> dict[str, str]:
    """The text fields; of a field that is there twice the last."""
    return {name: value.strip() for name, value in form.multi_items() if isinstance(value, str)}


def files_of(form: FormData, name: str) -> list[UploadFile]:
    """The files of a field; an empty choice of the browser is none."""
    return [one for one in form.getlist(name) if isinstance(one, UploadFile) and (one.filename or one.size)]


def checked(form: Mapping[str, str], csrf: str) -> bool:
    """Whether a form that writes was sent from a page of ours."""
    return bool(csrf) and hmac.compare_digest(form.get("csrf", "").encode(), csrf.encode())


def svg(text: str) -> Markup:
    """Our own drawing as it is."""
    return Markup(text)  # noqa: S704 - made by the renderers, which escape names
