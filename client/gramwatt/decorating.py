"""A window around every call of a function, whatever kind of function it is."""

from __future__ import annotations

import functools
import inspect
from typing import Any, Callable, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])


def decorated(function: Function, again: Callable[[], Any]) -> Function:
    """The function, coroutine or generator with a new window, made by ``again``, around each call."""
    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def measured_async_generator(*args: Any, **kwargs: Any) -> Any:
            async with again():
                async for item in function(*args, **kwargs):
                    yield item

        return cast(Function, measured_async_generator)
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def measured_coroutine(*args: Any, **kwargs: Any) -> Any:
            async with again():
                return await function(*args, **kwargs)

        return cast(Function, measured_coroutine)
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def measured_generator(*args: Any, **kwargs: Any) -> Any:
            with again():
                return (yield from function(*args, **kwargs))

        return cast(Function, measured_generator)

    @functools.wraps(function)
    def measured(*args: Any, **kwargs: Any) -> Any:
        with again():
            return function(*args, **kwargs)

    return cast(Function, measured)
