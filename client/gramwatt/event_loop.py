"""A window's two edges beside an event loop: the blocking calls run in threads of the loop's pool."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from typing import Any, Callable


def in_thread(call: Callable[[], Any]) -> asyncio.Future[Any]:
    """Run a blocking call without blocking the event loop (``asyncio.to_thread``, keeping the context variables)."""
    return asyncio.get_running_loop().run_in_executor(
        None, functools.partial(contextvars.copy_context().run, call)
    )


async def enter(begin: Callable[[], None], end: Callable[[BaseException], Any]) -> None:
    """Run ``begin`` in a thread, for an ``__aenter__``. Raises what it raises.

    A task that is cancelled while ``begin`` runs never enters its block, so no ``__aexit__`` follows. ``end`` is then
    called with the cancellation, in a thread and after ``begin``; the task does not wait for it.
    """
    ended = threading.Event()
    begun = False

    def beginning() -> None:
        nonlocal begun
        try:
            begin()
            begun = True
        finally:
            ended.set()

    def ending(error: BaseException) -> None:
        ended.wait()
        if begun:
            end(error)

    try:
        await asyncio.shield(in_thread(beginning))
    except asyncio.CancelledError as error:
        in_thread(functools.partial(ending, error))
        raise
