"""The series of processes in /metrics: which processes have one, and what all series have shown. No threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from .config.schema import Process as Settings
from .ledger.accounts import Accounts, is_others
from .model import COMPONENTS, DRAM, GPU
from .processes.activity import Activity
from .processes.ranking import Ranking
from .processes.row import Row
from .processes.table import ProcessTable

# Rows that hold memory but did not run compete for a series only this often; ranking all of them costs.
RANK_ALL_EVERY = 12


class ProcessSeries:
    """Single writer: the sampler. ``hot`` gives the rows that used energy since the last published sample."""

    def __init__(
        self, settings: Settings, accounts: Accounts, table: ProcessTable, hot: Callable[[], Iterable[Row]]
    ) -> None:
        self._accounts = accounts
        self._table = table
        self._hot = hot
        self._ranking = Ranking(settings.series, settings.departed_scrapes)
        self._number = 0  # published samples
        self._published_tick = 0  # the process table's at the last one of them

    @property
    def limit(self) -> int | Literal["all"]:
        """How many processes may have series."""
        return self._ranking.limit

    @property
    def members(self) -> Sequence[Row]:
        """The processes with a series, in the order of entry."""
        return list(self._ranking.members)

    def configure(self, settings: Settings) -> None:
        """Apply changed settings: another number of series."""
        if self._ranking.limit == settings.series:
            self._ranking.departed_scrapes = settings.departed_scrapes
            return
        for row in self.members:
            self._accounts.keep_series(row)
        for row in self._table.rows:
            row.base = row.totals()  # so that a new series begins at 0 and "other" never goes back
        self._ranking = Ranking(settings.series, settings.departed_scrapes)

    # --- one sample

    def scraped(self, scrapes: int) -> None:
        """Count scrapes of the last snapshot: the series of ended processes leave after some scrapes."""
        for row in self._ranking.scraped(scrapes, self._number):
            self._accounts.keep_series(row)

    def departed(self, activity: Activity) -> None:
        """The processes that ended in a sample."""
        for row in activity.departed:
            self._ranking.gone(row, self._number)

    def rank(self, now_ns: int) -> None:
        """A sample at ``now_ns`` is to be published: the hottest processes get the series."""
        for row in self._ranking.update(self._active(), now_ns, self._published_tick):
            self._accounts.keep_series(row)
        self._published_tick = self._table.tick

    def count_published(self) -> None:
        """A sample that is to be published has been read."""
        self._number += 1

    def relabel(self, row: Row) -> None:
        """The process was renamed (exec): its old series ends, a new one may begin."""
        if self._ranking.rename(row) is not None:
            self._accounts.keep_series(row)

    def leave_the_others(self) -> None:
        """Workloads may be added again: processes in the account of the others get that of their own workload."""
        for row in self._table.rows:
            if is_others(row.account.workload):
                row.account = self._accounts.workload(row.identity.workload)

    # --- what others read

    def shown(self) -> tuple[list[int], list[int], int]:
        """Microjoules and emission units by component, and CPU nanoseconds, that all series have shown so far."""
        accounts = self._accounts
        microjoules, emission_units, cpu_nanoseconds = (
            list(accounts.exported),
            list(accounts.exported_emission_units),
            accounts.exported_cpu_nanoseconds,
        )
        for row in self._ranking.members:
            if row.entered is None:
                continue
            first_microjoules, first_units, first_nanoseconds = row.entered
            for index in range(len(COMPONENTS)):
                microjoules[index] += row.microjoules[index] - first_microjoules[index]
                emission_units[index] += row.emission_units[index] - first_units[index]
            cpu_nanoseconds += row.cpu_nanoseconds - first_nanoseconds
        return microjoules, emission_units, cpu_nanoseconds

    def _active(self) -> list[Row]:
        rows = self._table.rows
        if self._ranking.limit == "all":  # nothing to rank: only the processes without a series matter
            return [
                r
                for r in rows
                if r.entered is None and (r.cpu_nanoseconds or r.microjoules[DRAM] or r.microjoules[GPU])
            ]
        if self._number % RANK_ALL_EVERY == 0:
            return [r for r in rows if r.cpu_nanoseconds or r.microjoules[DRAM] or r.microjoules[GPU]]
        return self._table.living(self._hot())
