"""The frozen picture of the machine after a sample: everything that a scrape or the socket may show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from .budgets import BudgetBook
from .gpu_memory import process_memory
from .ledger.cpu_balance import CpuBalance
from .ledger.first_scrape import FirstScrape
from .ledger.save_status import SaveStatus
from .ledger.shown import ShownWorkloads
from .model import COMPONENTS, DeviceMemory, IntensityState, SensorState
from .processes.row import UNBORN
from .processes.table import ProcessTable
from .sampler_parts import About, Books, Readers
from .series import ProcessSeries
from .snapshot import Snapshot
from .views import (
    budget_views,
    device_view,
    meter_views,
    process_columns,
    remainders,
    unlisted_views,
    user_views,
    workload_view,
)
from .windows.model import ROOT
from .windows.published import PublishedWindows


class Progress(Struct):
    """How sampling goes. Written by the sampler alone."""

    at: float = 0.0  # Unix time of the last sample
    samples: int = 0
    failures: int = 0
    interval_ns: int = 0  # between the last two published samples
    seconds: float = 0.0  # that the last sample took
    intensity: IntensityState = field(default_factory=IntensityState)
    sensors: Sequence[SensorState] = ()


class Picture:
    """Takes the picture. It remembers which series have been scraped: a new one begins at 0."""

    def __init__(
        self, books: Books, readers: Readers, series: ProcessSeries, cpu_balance: CpuBalance, about: About
    ) -> None:
        self._books = books
        self._budgets = books.budgets
        self._readers = readers
        self._series = series
        self._cpu_balance = cpu_balance
        self._about = about
        self.first_scrape = FirstScrape()
        self.workloads = ShownWorkloads("all")
        self._budgets_born = {view.name: 0 for view in books.budgets.frozen()}
        self._windows = PublishedWindows(window.id for window in books.windows.find(ROOT))

    def replace_budgets(self, budgets: BudgetBook) -> None:
        """Use other budgets from now on; the series of a new one begins at 0."""
        self._budgets = budgets

    def freeze(
        self,
        progress: Progress,
        saves: SaveStatus,
        table: ProcessTable,
        memory: Mapping[str, DeviceMemory],
    ) -> Snapshot:
        """Everything as it is after the last sample; ``memory`` of the GPUs is that in use."""
        books, accounts, first = self._books, self._books.accounts, self.first_scrape
        first.begin(progress.samples)
        present = {account.device.component for account in accounts.devices.values()}
        components = tuple(index for index, name in enumerate(COMPONENTS) if name in present)
        columns = process_columns(self._series.members, components, accounts.priced_ever, first)
        other, departed = remainders(accounts, columns)
        used = [
            account
            for account in accounts.workloads.values()
            if account.cpu_nanoseconds or any(account.microjoules)
        ]
        shown, unlisted = self.workloads.choose(used, first)
        return Snapshot(
            at=progress.at,
            samples=progress.samples,
            sample_failures=progress.failures,
            interval_ns=progress.interval_ns,
            sample_seconds=progress.seconds,
            devices=tuple(
                device_view(account, books.baseline, memory.get(account.device.name))
                for account in accounts.devices.values()
            ),
            meters=meter_views(accounts),
            processes=columns,
            other=other,
            departed=departed,
            workloads=tuple(workload_view(account, first) for account in shown),
            departed_workloads=(
                *map(workload_view, accounts.departed_workloads.values()),
                *unlisted_views(unlisted),
            ),
            workloads_held=(len(shown), len(unlisted), accounts.places.most),
            users=user_views(accounts, first),
            process_count=len(table),
            components=components,
            priced={key: (entry[0], entry[1]) for key, entry in accounts.priced.items()},
            priced_ever=accounts.priced_ever,
            intensity=progress.intensity,
            marginal=dict(accounts.marginal),
            revisions=books.extras.revisions(),
            factors=books.extras.factors(progress.at),
            windows=self._windows.views(books.windows.frozen(), first, books.windows.is_scraped_enough),
            windows_held=books.windows.counts(),
            projects=books.windows.projects.views(first, UNBORN),
            budgets=budget_views(self._budgets.frozen(), self._budgets_born, first),
            sensors=tuple(progress.sensors),
            resets=dict(accounts.resets),
            exit_mode=self._readers.exit_mode,
            clock_method=self._readers.clock_method,
            exits_observed=dict(accounts.exits_observed),
            exits_lost=accounts.exits_lost,
            cpu_overbooked=(self._cpu_balance.samples, self._cpu_balance.nanoseconds),
            state_saved_at=saves.saved_at,
            state_save_failures=saves.failures,
            state_damages=saves.damages,
            boot_id=self._about.boot_id,
            machine=self._about.machine,
            hardware=self._about.hardware,
            gpu_memory=process_memory(memory, table.find, self._series.limit),
        )
