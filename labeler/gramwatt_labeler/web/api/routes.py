"""All calls of the REST API as one router."""

from __future__ import annotations

from fastapi import APIRouter

from ..auth.guard import Guard
from ..pages.desk import Desk
from . import docs, evaluations, grading


def router(desk: Desk, guard: Guard) -> APIRouter:
    """Everything under /api."""
    routes = APIRouter()
    for part in (evaluations.router(desk, guard), grading.router(desk), docs.router(desk.pages)):
        routes.include_router(part)
    return routes
