"""The labeler's web application: metrics, health, labels, REST, and the dashboards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from fastapi import FastAPI, Response
from fastapi.responses import RedirectResponse
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request

from .. import __version__
from ..scale_files import LoadedScale
from ..store import Store
from . import labels
from .dashboards import router as dashboards_router


def create_app(
    registry: CollectorRegistry,
    store: Store,
    scales: Mapping[str, LoadedScale],
    main_scale: str,
    page_of: Callable[[str], str],
    prometheus_url: str,
    dashboards_dir: Path,
    prometheus_headers: Mapping[str, str] | None = None,
) -> FastAPI:
    """Everything the labeler serves. A scrape reads what was published and asks nobody."""
    app = FastAPI(
        title="Gramwatt labeler",
        version=__version__,
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )

    @app.get("/metrics", include_in_schema=False)
    def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), media_type=content_type)

    @app.get("/-/healthy", include_in_schema=False)
    def healthy() -> Response:
        return Response("ok\n", media_type="text/plain")

    @app.get("/-/ready", include_in_schema=False)
    def ready() -> Response:
        try:
            store.recent(1)
        except Exception as error:  # whatever the database driver raises, the answer is the same
            return Response(f"no database: {type(error).__name__}\n", 503, media_type="text/plain")
        return Response("ok\n", media_type="text/plain")

    @app.get("/", include_in_schema=False)
    def root() -> Response:
        return RedirectResponse("/dashboards/")

    app.include_router(labels.router(store, dict(scales), main_scale, page_of))
    app.include_router(dashboards_router(prometheus_url, dashboards_dir, prometheus_headers))
    return app
