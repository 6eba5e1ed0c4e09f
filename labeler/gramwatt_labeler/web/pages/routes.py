"""All pages of the application as one router."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse

from . import (
    compare,
    evaluate,
    evaluation,
    evaluation_files,
    evaluations,
    explore,
    model,
    models,
    report,
    roi,
    upload,
    withdrawing,
)
from .desk import Desk
from .page import HEADERS, STATIC


def router(desk: Desk) -> APIRouter:
    """The pages and their style sheet."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/static/app/{name}")
    def static(name: str) -> FileResponse:
        path = next((path for path in STATIC.iterdir() if path.name == name), None)
        if path is None:
            raise HTTPException(404, f"no such file: {name}")
        return FileResponse(path, headers=HEADERS | {"Cache-Control": "max-age=300"})

    for part in (
        evaluations,
        explore,
        evaluation_files,
        evaluation,
        evaluate,
        models,
        model,
        upload,
        compare,
        roi,
        report,
        withdrawing,
    ):
        routes.include_router(part.router(desk))
    return routes
