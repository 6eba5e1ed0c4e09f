"""Windows as /metrics shows them: a new one as at its start, and a part of another window only for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Protocol

import msgspec

from ..processes.row import UNBORN
from .model import WindowView


class NewSeries(Protocol):
    """Which series have not been scraped yet (ledger/first_scrape.py)."""

    def born(self, number: int) -> int: ...

    def is_new(self, born: int) -> bool: ...


_CPU_TIME = ""  # among the names of components


class PublishedWindows:
    """Remembers the first snapshot of each series of a window; None where all have been scraped.

    ``increase()`` starts at the first sample of a series: so the first scrape shows a window that began since the
    scrape before it as it was then, open and without energy. Its outcome is not shown before its energy is.
    """

    def __init__(self, known: Iterable[str]) -> None:
        self._born: dict[str, dict[str, int] | None] = dict.fromkeys(known)

    def views(
        self, windows: Iterable[WindowView], new_series: NewSeries, scraped_enough: Callable[[str], bool]
    ) -> tuple[WindowView, ...]:
        """The windows to publish. A finished part of another window leaves when ``scraped_enough`` says so of its id:
        an epoch each minute would be hundreds of them. The socket answers all that are kept."""
        before, self._born = self._born, {}
        shown = []
        for view in windows:
            new = self._new(view, before.get(view.id, {}), new_series)
            if new:
                shown.append(_without(view, new))
            elif not (view.parent and view.state == "finished" and scraped_enough(view.id)):
                shown.append(view)
        return tuple(shown)

    def _new(self, view: WindowView, known: dict[str, int] | None, new_series: NewSeries) -> frozenset[str]:
        """The components, and ``_CPU_TIME``, that have not been scraped yet. ``known`` is None when all have been."""
        if known is None:
            self._born[view.id] = None
            return frozenset()
        born = {name: new_series.born(known.get(name, UNBORN)) for name in (_CPU_TIME, *view.microjoules)}
        new = frozenset(name for name, number in born.items() if new_series.is_new(number))
        self._born[view.id] = None if view.state == "finished" and not new else born
        return new


def _without(view: WindowView, new: frozenset[str]) -> WindowView:
    """The window as an open one, without the values in ``new``."""
    return msgspec.structs.replace(
        view,
        state="open",
        ended_by=None,
        end=None,
        microjoules=MappingProxyType(
            {name: 0 if name in new else microjoules for name, microjoules in view.microjoules.items()}
        ),
        emission_units=MappingProxyType(
            {
                name: 0 if name in new and amount is not None else amount
                for name, amount in view.emission_units.items()
            }
        ),
        cpu_nanoseconds=0 if _CPU_TIME in new else view.cpu_nanoseconds,
        uncertainty_ratio=None,
    )
