"""Totals of each project that recorded windows name: they stay when the windows leave. Pure state with one writer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from msgspec import Struct, field

from .window import Window

TAG = "project"
MOST_PROJECTS = 200
"""Projects with totals of their own; further ones share one. The bound of what strangers can make."""
OTHERS = "(others)"


class NewSeries(Protocol):
    """Which series have not been scraped yet (ledger/first_scrape.py)."""

    def born(self, number: int) -> int: ...

    def is_new(self, born: int) -> bool: ...


class ProjectView(Struct, frozen=True):
    """One project; totals by component since the ledger began, 0 where they have not been scraped yet."""

    project: str
    microjoules: Mapping[str, int]
    emission_units: Mapping[str, int]


class ProjectAccount(Struct):
    """Totals by component. ``born`` holds the snapshots in which the components were for the first time."""

    microjoules: dict[str, int] = field(default_factory=dict)
    emission_units: dict[str, int] = field(default_factory=dict)  # of components that an intensity has priced
    born: dict[str, int] = field(default_factory=dict)


class ProjectTotals:
    """Fed by the book of windows."""

    def __init__(self) -> None:
        self._accounts: dict[str, ProjectAccount] = {}

    def charge(self, window: Window, component: str, microjoules: int, emission_units: int | None) -> None:
        """Energy of a window; ``emission_units`` None without an intensity. Parts of other windows are passed over."""
        project = window.tags.get(TAG)
        if not project or window.parent:
            return
        account = self._account(project)
        account.microjoules[component] = account.microjoules.get(component, 0) + microjoules
        if emission_units is not None:
            account.emission_units[component] = account.emission_units.get(component, 0) + emission_units

    def views(self, new_series: NewSeries, unborn: int) -> tuple[ProjectView, ...]:
        """All of them now. ``unborn`` stands for a component that was in no snapshot so far."""
        shown = []
        for project, account in self._accounts.items():
            born = account.born
            for component in account.microjoules:
                born[component] = new_series.born(born.get(component, unborn))
            new = {component for component, number in born.items() if new_series.is_new(number)}
            shown.append(
                ProjectView(project, _shown(account.microjoules, new), _shown(account.emission_units, new))
            )
        return tuple(shown)

    def state(self) -> list[list[Any]]:
        """Everything, as JSON types."""
        return [
            [
                project,
                account.microjoules,
                {name: str(value) for name, value in account.emission_units.items()},
            ]
            for project, account in self._accounts.items()
        ]

    def restore(self, saved: Iterable[Any]) -> None:
        """Take back what :meth:`state` gave. Raises TypeError or ValueError, and has changed nothing then."""
        found = {}
        for project, microjoules, emission_units in saved:
            account = found[str(project)] = ProjectAccount(_integers(microjoules), _integers(emission_units))
            account.born = dict.fromkeys(
                account.microjoules, 0
            )  # it has been scraped: nothing of it begins anew
        self._accounts = found

    def _account(self, project: str) -> ProjectAccount:
        found = self._accounts.get(project)
        if found is None and len(self._accounts) >= MOST_PROJECTS:
            project = OTHERS
            found = self._accounts.get(project)
        if found is None:
            found = self._accounts[project] = ProjectAccount()
        return found


def _shown(values: Mapping[str, int], new: set[str]) -> dict[str, int]:
    return {component: 0 if component in new else value for component, value in values.items()}


def _integers(values: Any) -> dict[str, int]:
    return {str(component): int(value) for component, value in values.items()}
