"""What /metrics shows of the windows: a new one as it was when it began, and a part of another only for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

import msgspec

from .model import WindowView


class NewSeries(Protocol):
    """Which series have not been scraped yet (ledger/first_scrape.py)."""

    def born(self, number: int) -> int: ...

    def is_new(self, born: int) -> bool: ...


class PublishedWindows:
    """Remembers in which snapshot each window was for the first time.

    ``increase()`` starts at the first sample of a series: so the first scrape shows a window that began since the
    scrape before it as it was then, open and without energy. Its outcome is not shown before its energy is.
    """

    def __init__(self, known: Iterable[str]) -> None:
        self._born: dict[str, int] = dict.fromkeys(known, 0)

    def views(
        self, windows: Iterable[WindowView], new_series: NewSeries, scraped_enough: Callable[[str], bool]
    ) -> tuple[WindowView, ...]:
        """The windows to publish. A finished part of another window leaves when ``scraped_enough`` says so of its id:
        an epoch each minute would be hundreds of them. The socket answers all that are kept."""
        born: dict[str, int] = {}
        shown = []
        for view in windows:
            known = self._born.get(view.id)
            born[view.id] = new_series.born(-1) if known is None else known
            if new_series.is_new(born[view.id]):
                shown.append(_as_it_began(view))
            elif not (view.parent and view.state == "finished" and scraped_enough(view.id)):
                shown.append(view)
        self._born = born
        return tuple(shown)


def _as_it_began(view: WindowView) -> WindowView:
    return msgspec.structs.replace(
        view,
        state="open",
        ended_by=None,
        end=None,
        microjoules=_zero(view.microjoules),
        emission_units=MappingProxyType(
            {name: None if units is None else 0 for name, units in view.emission_units.items()}
        ),
        cpu_nanoseconds=0,
        uncertainty_ratio=None,
    )


def _zero(values: Mapping[str, int]) -> Mapping[str, int]:
    return MappingProxyType(dict.fromkeys(values, 0))
