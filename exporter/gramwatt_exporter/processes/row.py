"""What is kept per process and per workload while the exporter runs."""

from __future__ import annotations

from ..model import Identity, Workload

NO_WINDOWS: frozenset[str] = frozenset()

UNBORN = 2**62
"""In place of the number of a snapshot: shown in no snapshot so far (ledger/first_scrape.py)."""
NOT_BORN = (UNBORN,) * 4
_NO_SERIES: list[int] = []

Totals = tuple[tuple[int, ...], tuple[int, ...], int]
_ZERO: Totals = ((0, 0, 0, 0), (0, 0, 0, 0), 0)
Booked = tuple[list[int], list[int], int]
_NOTHING_BOOKED: Booked = ([0, 0, 0, 0], [0, 0, 0, 0], 0)


class Account:
    """Running totals by component index (see ``model.COMPONENTS``): microjoules, emission units, CPU ns."""

    __slots__ = ("cpu_nanoseconds", "emission_units", "microjoules")

    def __init__(self) -> None:
        self.microjoules = [0, 0, 0, 0]
        self.emission_units = [0, 0, 0, 0]
        self.cpu_nanoseconds = 0

    def totals(self) -> Totals:
        """Energy, emissions and CPU time so far."""
        return tuple(self.microjoules), tuple(self.emission_units), self.cpu_nanoseconds


class WorkloadAccount(Account):
    """Totals of one workload. They never decrease, whichever process exits."""

    __slots__ = (
        "booked", "booked_version", "born", "drawn", "heir", "kept_number", "kept_version", "memory", "power",
        "quiet_ns", "quiet_version", "version", "view", "view_version", "workload",
    )  # fmt: skip

    def __init__(self, workload: Workload) -> None:
        super().__init__()
        self.workload = workload
        self.power = [0, 0, 0, 0]  # microjoules of the last published interval
        self.drawn = [0, 0, 0, 0]  # microjoules since then
        self.memory = 0  # microjoules of its processes' memory in the sample that is booked
        self.version = 0  # raised with every change: unchanged text is not written again
        self.view: object = None
        self.view_version = -1
        # The version since which nothing changed, and when that was seen (ledger/eviction.py).
        self.quiet_version = -1
        self.quiet_ns = 0
        # The version that is on the disk, and its place in the table there (ledger/changes.py).
        self.kept_version = self.kept_number = -1
        self.booked: Booked = _NOTHING_BOOKED  # the part that its user is charged so far (ledger/users.py)
        self.booked_version = 0
        self.born = list(NOT_BORN)  # the snapshots its series were in for the first time, by component
        self.heir: WorkloadAccount | None = None  # the account with its totals, after it left the table

    def mark_booked(self) -> None:
        """Note that its user is charged everything so far."""
        self.booked, self.booked_version = (
            (self.microjoules[:], self.emission_units[:], self.cpu_nanoseconds),
            self.version,
        )


class Row(Account):
    """One process. ``last_ns`` is its CPU clock at the last sample, ``reaped_ns`` that of children it waited for."""

    __slots__ = (
        "account", "base", "born", "born_tick", "budgets", "entered", "gone_scrapes", "gone_tick", "identity",
        "memory_held", "own_window", "pages", "power", "reaped_ns", "score", "score_memory", "score_ns", "trees",
        "unwaited_charged_ns", "unwaited_ns", "waits", "windows",
    )  # fmt: skip

    def __init__(self, identity: Identity, account: WorkloadAccount) -> None:
        super().__init__()
        self.identity = identity
        self.account = account
        self.windows = NO_WINDOWS  # that it is charged to
        self.trees = NO_WINDOWS  # those of them that its children are in as well
        self.own_window: str | None = None  # the window its workload is, also one stopped by hand
        self.budgets: tuple[str, ...] = ()
        self.pages = 0
        self.power = [0, 0, 0, 0]  # microjoules of the last published interval
        self.memory_held = 0  # microjoules of memory since then (see ledger/interval.py)
        self.reaped_ns: int | None = None
        self.waits = True  # False: it ignores its children's ends, so the kernel does not sum their time
        self.unwaited_ns = 0  # negative: its children are overcharged (reconcile.py)
        self.unwaited_charged_ns = 0  # what its children were charged since ``waits`` is False
        self.born_tick = 0
        self.score = 0.0
        self.score_ns = 0
        self.score_memory = 0  # of its memory energy, what is in the score
        self.base: Totals = _ZERO  # totals when its last series ended
        self.entered: Totals | None = None  # totals when its series began
        self.born: list[int] = _NO_SERIES  # the snapshots its series were in for the first time, by component
        self.gone_scrapes = 0
        self.gone_tick = 0

    def follow_account(self) -> None:
        """Charge the heir of its account from now on, if its workload has left the table."""
        if self.account.heir is not None:
            self.account = self.account.heir
