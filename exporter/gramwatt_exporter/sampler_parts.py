"""What a sampler works with: readers of the machine, books, clocks, and what is known of the machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct, field

from .budgets import BudgetBook
from .hardware import Part
from .idle import IdleBook, Learner
from .ledger.accounts import Accounts
from .ledger.extras import Extras
from .machine import MachineInfo
from .model import Identity, MergedSample
from .processes.linux.kernel import KernelCounters
from .processes.row import Row
from .processes.table import ProcessTable
from .windows import WindowBook
from .windows.catch_up import CatchUp


class SensorSet(Protocol):
    """All sensors behind one read."""

    def read(self) -> MergedSample: ...


class KernelReader(Protocol):
    """Global counters of the machine."""

    cpus: int

    def read(self) -> KernelCounters: ...


class Readers(Struct):
    """What reads the machine. ``exits_lost`` counts exit messages that the kernel dropped."""

    sensor_set: SensorSet
    kernel: KernelReader
    make_table: Callable[[Callable[[Identity], Row]], ProcessTable]
    exit_mode: str
    clock_method: str
    exits_lost: Callable[[], int] = lambda: 0


class Books(Struct):
    """What a sample is booked in."""

    accounts: Accounts
    baseline: IdleBook
    windows: WindowBook
    budgets: BudgetBook
    extras: Extras
    catch_up: CatchUp = field(default_factory=CatchUp)
    learner: Learner | None = None


class Clocks(Struct):
    """``wall`` gives Unix seconds, ``boottime_ns`` nanoseconds since boot."""

    wall: Callable[[], float] = time.time
    boottime_ns: Callable[[], int] = lambda: time.clock_gettime_ns(
        getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    )


class About(Struct, frozen=True):
    """Which machine it is, since which boot."""

    boot_id: str
    machine: MachineInfo | None = None
    hardware: Sequence[Part] = ()
