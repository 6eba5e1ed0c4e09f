"""All calls of the REST API as one router."""

from __future__ import annotations

from fastapi import APIRouter

from ...appearance import Appearance
from ..auth.guard import Guard
from ..manage.services import Services
from ..pages.desk import Desk
from . import (
    adding,
    appearance,
    defining,
    docs,
    evaluations,
    grading,
    hub,
    importing,
    jobs,
    managing,
    model_files,
    models,
    probing,
    returns,
    study,
    withdrawing,
)


def router(desk: Desk, guard: Guard, services: Services, looks: Appearance) -> APIRouter:
    """Everything under /api."""
    routes = APIRouter()
    for part in (
        evaluations.router(desk),
        adding.router(desk, guard),
        models.router(desk, guard),
        grading.router(desk),
        returns.router(desk, guard),
        managing.router(desk, guard, services),
        jobs.router(guard, services),
        probing.router(desk, guard, services),
        hub.router(desk, guard, services),
        study.router(desk),
        defining.router(desk, guard),
        importing.router(desk, guard),
        model_files.router(desk, guard),
        appearance.router(desk, guard, looks),
        withdrawing.router(desk, guard),
        docs.router(desk.pages),
    ):
        routes.include_router(part)
    return routes
