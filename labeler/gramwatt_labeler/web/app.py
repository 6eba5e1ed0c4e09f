"""The labeler's web application: metrics, health, labels, REST, and the dashboards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.exceptions import HTTPException
from starlette.requests import Request

from .. import __version__
from ..appearance import Appearance
from ..errors import DatabaseNewer, LabelerError
from ..prometheus import Prometheus
from ..published import Published
from ..scale_book.live import LiveScales
from ..scale_book.rows import ScaleRows
from ..scale_files import LoadedScale
from ..store import Store
from ..store.database import Conflict
from ..store.jobs import Jobs
from ..store.people import People
from . import labels
from .api import errors
from .api.routes import router as api_router
from .auth import login
from .auth.guard import WRITES_PER_MINUTE, Guard
from .dashboards import router as dashboards_router
from .door import Door, Hosts
from .fresh import Fresh
from .manage.routes import router as manage_router
from .manage.services import Services
from .pages import probe, study
from .pages.desk import Desk
from .pages.page import Pages
from .pages.routes import router as pages_router

_READY_SECONDS = 2.0


def create_app(
    registry: CollectorRegistry,
    published: Published,
    store: Store,
    scales: Mapping[str, LoadedScale],
    main_scale: str,
    page_of: Callable[[str], str],
    prometheus_url: str,
    dashboards_dir: Path,
    prometheus_headers: Mapping[str, str] | None = None,
    allowed_hosts: Iterable[str] = (),
    prometheus: Prometheus | None = None,
    writes_per_minute: int = WRITES_PER_MINUTE,
    wake_jobs: Callable[[], None] = lambda: None,
    hardware: str = "",
    probe_hosts: Sequence[str] = (),
    more_scales: Sequence[str] = (),
) -> FastAPI:
    """Everything the labeler serves. A scrape reads what was published and asks no other server.

    Health and metrics run on the event loop, not in the pool of threads that the pages share: pages that wait for a
    database cannot hold them up. ``allowed_hosts`` are names this server has, see :class:`~.door.Hosts`.
    """

    @cache
    def own_threads() -> CapacityLimiter:
        return CapacityLimiter(2)  # made on the event loop that uses it

    app = FastAPI(
        title="Gramwatt labeler",
        version=__version__,
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )

    appearance = Appearance(store.database)
    app.add_middleware(Fresh, appearance=appearance)
    app.add_middleware(Door, hosts=Hosts(allowed_hosts))
    for kind in (errors.ApiError, LabelerError, Conflict, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, errors.handle)
    guard = Guard(People(store.database), writes_per_minute)
    pages = Pages(guard.visitor)
    app.state.problem = pages.problem
    live = scales if isinstance(scales, LiveScales) else LiveScales(scales, ScaleRows(store.database))
    services = Services(
        ScaleRows(store.database), Jobs(store.database), wake_jobs, live.forget, hardware, probe_hosts
    )
    desk = Desk(store, live, main_scale, page_of, pages, prometheus, more_scales=more_scales)

    @app.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(published.page(registry, encode, content_type), media_type=content_type)

    @app.get("/-/healthy", include_in_schema=False)
    async def healthy() -> Response:
        return Response("ok\n", media_type="text/plain")

    @app.get("/-/ready", include_in_schema=False)
    async def ready() -> Response:
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await to_thread.run_sync(store.ping, abandon_on_cancel=True, limiter=own_threads())
        except TimeoutError:
            return Response("no database: it does not answer\n", 503, media_type="text/plain")
        except DatabaseNewer as error:
            return Response(f"{error}\n", 503, media_type="text/plain")
        except Exception as error:  # whatever the database driver raises, the answer is the same
            return Response(f"no database: {type(error).__name__}\n", 503, media_type="text/plain")
        return Response("ok\n", media_type="text/plain")

    app.include_router(login.router(guard, pages))
    app.include_router(manage_router(desk, guard, services, appearance))
    app.include_router(pages_router(desk))
    app.include_router(probe.router(desk, services))
    app.include_router(study.router(desk, guard, services))
    app.include_router(labels.router(desk))
    app.include_router(api_router(desk, guard, services, appearance))
    app.include_router(dashboards_router(prometheus_url, dashboards_dir, prometheus_headers))
    return app
