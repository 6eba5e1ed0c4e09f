"""Who looks at a page, as far as the pages need to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class Visitor:
    """``may_write``: may add to the data set. A form that writes sends ``csrf`` along; ``login`` is a page."""

    name: str = ""
    may_write: bool = False
    csrf: str = ""
    login: str = "/login"
    may_manage: bool = False


Visitors = Callable[[Request], Visitor]
"""The user who makes a request, by its session."""


def anonymous(_: Request) -> Visitor:
    """Everyone is a reader."""
    return Visitor()
