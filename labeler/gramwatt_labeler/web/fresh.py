"""Before a page is drawn: the colours that a manager may have changed in another labeler on the same database."""

from __future__ import annotations

from anyio import to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from ..appearance import Appearance

_DRAWN = (
    "/evaluations", "/evaluate", "/labels", "/compare", "/explore", "/report", "/models", "/manage", "/study",
    "/upload", "/api/v1/labels", "/api/v1/colours",
)  # fmt: skip
"""What has letters. Everything else never waits for a database here."""


class Fresh:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, appearance: Appearance) -> None:
        self._app = app
        self._appearance = appearance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(_DRAWN) and self._appearance.is_due:
            await to_thread.run_sync(self._appearance.refresh)
        await self._app(scope, receive, send)
