"""Requests that wait at the exporters for windows that end: one thread, one connection to each exporter.

Which exporters there are is asked of Prometheus, now and then. What cannot be reached so (behind TLS, a password or a
network) is graded from Prometheus alone, a few scrapes later; nothing depends on this.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx

from .errors import LabelerError
from .prometheus import Prometheus
from .render.text import clean

_log = logging.getLogger(__name__)
PATH = "/api/v1/windows/ended"
_WAIT_SECONDS = 50.0
_SLACK_SECONDS = 10.0  # for the answer, beyond what it may wait
_LOOK_SECONDS = 60.0  # until Prometheus is asked again for exporters
_SOON_SECONDS = 2.0  # while none is known
_AGAIN_SECONDS = (1.0, 60.0)  # after a failure: the first pause, and the longest
_AWAY_SECONDS = 4.0  # between tries at a port that refuses
_MOST_EXPORTERS = 500
_LONGEST_ANSWER = 16 * 1024 * 1024

Report = Callable[[str, Mapping[str, Any]], None]
"""Called with the instance and the report, on the listener's thread."""


def exporters(prometheus: Prometheus, now: float) -> dict[str, str]:
    """Instance -> base URL of every exporter that Prometheus scrapes. Raises TryAgain or Rejected."""
    instances = {
        one.labels.get("instance", "")
        for one in prometheus.instant("gramwatt_build_info", prometheus.now(now))
    }
    urls = {instance: f"http://{instance}" for instance in instances if instance}
    for target in prometheus.targets():
        instance = target.labels.get("instance", "")
        if instance in urls:
            urls[instance] = _base(target.url) or urls[instance]
    return dict(sorted(urls.items())[:_MOST_EXPORTERS])


def _base(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") and parts.netloc else ""


def pause_after(error: Exception, failures: int) -> float:
    """Seconds until an exporter is asked again after this many failures in a row.

    A port that refuses is tried often: an exporter that starts again is heard soon, and a try costs next to nothing.
    """
    first, longest = _AGAIN_SECONDS
    pause: float = min(first * 2 ** min(failures - 1, 20), longest)
    return min(pause, _AWAY_SECONDS) if isinstance(error, httpx.ConnectError) else pause


class Listener:
    """Waits at every exporter until ``stop``. ``fixed`` are base URLs to ask instead of those that Prometheus knows."""

    def __init__(
        self,
        find: Callable[[], Mapping[str, str]],
        report: Report,
        fixed: Sequence[str] = (),
        look_seconds: float = _LOOK_SECONDS,
    ) -> None:
        self._find = find
        self._report = report
        self._fixed = {urlsplit(url).netloc: url.rstrip("/") for url in fixed}
        self._look_seconds = look_seconds
        self._waiting: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="listening", daemon=True)

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Leave every request."""
        if self._loop is not None and self._main is not None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._main.cancel)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        async def main() -> None:
            self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
            limits = httpx.Limits(
                max_connections=_MOST_EXPORTERS + 10, max_keepalive_connections=_MOST_EXPORTERS
            )
            async with httpx.AsyncClient(limits=limits, timeout=_WAIT_SECONDS + _SLACK_SECONDS) as client:
                try:
                    await self._look(client)
                finally:
                    for task in self._waiting.values():
                        task.cancel()

        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(main())

    async def _look(self, client: httpx.AsyncClient) -> None:
        while True:
            try:
                found: Mapping[str, str] = self._fixed or await asyncio.to_thread(self._find)
            except (LabelerError, OSError) as error:
                _log.debug("exporters are not known: %s", error)
                await asyncio.sleep(_SOON_SECONDS)
                continue
            wanted = set(found.items())
            for gone in self._waiting.keys() - wanted:
                self._waiting.pop(gone).cancel()
            for instance, url in wanted - self._waiting.keys():
                self._waiting[instance, url] = asyncio.create_task(self._wait(client, instance, url))
            # A Prometheus that was just started knows none yet: it is asked again soon.
            await asyncio.sleep(self._look_seconds if wanted else min(_SOON_SECONDS, self._look_seconds))

    async def _wait(self, client: httpx.AsyncClient, instance: str, url: str) -> None:
        cursor, failures, is_silent = "", 0, False
        while True:
            try:
                cursor = await self._ask(client, instance, url, cursor)
            except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError, OSError) as error:
                if not is_silent:
                    _log.info(
                        "%s does not report windows that end (%s): they are graded a few scrapes later",
                        clean(instance), clean(str(error) or type(error).__name__)[:200],
                    )  # fmt: skip
                is_silent = True
                failures += 1
                await asyncio.sleep(pause_after(error, failures))
                continue
            if is_silent:
                _log.info("%s reports windows that end again", clean(instance))
            failures, is_silent = 0, False

    async def _ask(self, client: httpx.AsyncClient, instance: str, url: str, cursor: str) -> str:
        began = asyncio.get_running_loop().time()
        asked = {"after": cursor, "wait": f"{_WAIT_SECONDS:g}"}
        async with client.stream("GET", url + PATH, params=asked) as answer:
            answer.raise_for_status()
            content = bytearray()
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > _LONGEST_ANSWER:
                    raise ValueError("its answer is too long")
        tree = httpx.Response(200, content=bytes(content)).json()
        following = str(tree["cursor"])[:64]
        for report in tree["windows"]:
            self._report(instance, report)
        if not tree["windows"] and asyncio.get_running_loop().time() - began < 1:
            await asyncio.sleep(1)  # too many wait there: no further reader is accepted
        return following
