"""Emission budgets: which emissions count for which budget, and how much of the current period is spent.

Pure state with one writer. Emissions are exact integer units (see :mod:`units`), so budgets neither lose nor
invent a milligram. Every charge goes into a bucket of wall-clock time and a period's emissions are the sum of
its buckets, so that one rule serves calendar periods, rolling ones and clocks that step:

- A clock set forward by mistake loses nothing: old buckets are kept beyond their period, so when the clock is
  corrected they count again.
- A clock set back finds buckets dated in the future. They count as current: the emissions happened. If the
  clock stays behind them for an hour, the earlier clock was wrong: the buckets get the present date, so that
  they end with their period.
- A clock before 2020 has not been set since the machine started. Nothing is dated by it: its buckets get the date of
  the first moment after it is set, and the buckets of before stay as they are.

A rolling period begins at the start of the bucket that holds "now - period", so it may hold up to one bucket
(1/720 of the period; an hour of 30 days) more than the period.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from .config import Period
from .config.schema import Budget
from .patterns import pattern

_BUCKETS = 720
_SHORTEST_BUCKET = 10  # seconds
_KEPT_BUCKETS = 3 * _BUCKETS
_HOUR = 3600
_DAY = 86400
_TRUSTED_AFTER = 3600  # seconds a clock set back must run on before it is believed
_SET_SINCE = 1_577_836_800  # Unix seconds of 2020: an earlier clock has not been set yet
_REMEMBERED = 8192  # label combinations


class BudgetView(Struct, frozen=True):
    """One budget at one moment, for a snapshot."""

    name: str
    limit_grams: float
    emission_units: int  # since the ledger began
    period_emission_units: int
    period_start: float  # Unix seconds
    period_seconds: float  # its length: of the calendar month at hand, or as configured
    period: str  # as configured: month, 30d


class _Account:
    """The emissions of one budget in buckets of time."""

    def __init__(self, settings: Budget) -> None:
        self.settings = settings
        self.total = 0
        rolling = settings.period.rolling
        if rolling is None:  # all calendar periods begin at midnight
            self.width = _DAY if settings.period.calendar in ("quarter", "year") else _HOUR
        else:
            self.width = max(_SHORTEST_BUCKET, round(rolling / _BUCKETS))
        self.buckets: dict[int, int] = {}  # number of the bucket -> emission units, in the order they began
        self.behind_since: float | None = None  # Unix seconds: since then some buckets lie in the future

    def charge(self, emission_units: int, now: float) -> None:
        self.total += emission_units
        bucket = self._bucket(now)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + emission_units
        if len(self.buckets) > _KEPT_BUCKETS:
            del self.buckets[next(iter(self.buckets))]  # not the lowest: the clock may be far behind

    def view(self, now: float) -> BudgetView:
        start, seconds = period_at(self.settings.period, now)
        self._redate(now)
        first = self._bucket(start)
        spent = sum(emission_units for bucket, emission_units in self.buckets.items() if bucket >= first)
        settings = self.settings
        return BudgetView(
            settings.name, float(settings.limit), self.total, spent, start, seconds, str(settings.period)
        )

    def _bucket(self, at: float) -> int:
        return int(at // self.width)

    def _redate(self, now: float) -> None:
        if now < _SET_SINCE:
            return
        present = self._bucket(now)
        self._date([bucket for bucket in self.buckets if bucket < self._bucket(_SET_SINCE)], present)
        future = [bucket for bucket in self.buckets if bucket > present]
        if not future:
            self.behind_since = None
            return
        if self.behind_since is None or now < self.behind_since:
            self.behind_since = now
        if now - self.behind_since >= _TRUSTED_AFTER:
            self._date(future, present)

    def _date(self, wrong: Sequence[int], present: int) -> None:
        """Give these buckets the present date."""
        if wrong:
            moved = sum(self.buckets.pop(bucket) for bucket in wrong)
            self.buckets[present] = self.buckets.get(present, 0) + moved

    def state(self) -> dict[str, Any]:
        # As text: emission units outgrow 64 bits after a few kilograms.
        return {
            "total": str(self.total),
            "buckets": [
                [bucket * self.width, str(emission_units)] for bucket, emission_units in self.buckets.items()
            ],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        total = int(state["total"])
        buckets: dict[int, int] = {}
        for at, text in state["buckets"]:
            bucket, amount = self._bucket(float(at)), int(text)
            if amount < 0:
                raise ValueError(f"negative emissions {amount}")
            buckets[bucket] = buckets.get(bucket, 0) + amount  # the period may have been changed since
        if total < 0:
            raise ValueError(f"negative emissions {total}")
        self.total, self.buckets = total, buckets


class BudgetBook:
    """All budgets of the configuration. ``wall_clock`` gives Unix seconds."""

    def __init__(self, budgets: Sequence[Budget], wall_clock: Callable[[], float]) -> None:
        self._wall_clock = wall_clock
        self._accounts = {budget.name: _Account(budget) for budget in budgets}
        self._patterns = {
            budget.name: {label: pattern(text) for label, text in budget.match.items()} for budget in budgets
        }
        self._labels: tuple[str, ...] = tuple(
            sorted({label for patterns in self._patterns.values() for label in patterns})
        )
        self._matches: dict[tuple[str, ...], tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._accounts)

    def matches(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        """Names of the budgets that emissions with these labels count for.

        Every expression of a budget must match the whole label; a label that is not there is "", as in
        Prometheus. A budget without expressions takes everything.
        """
        key = tuple(labels.get(label, "") for label in self._labels)
        found = self._matches.get(key)
        if found is None:
            values = dict(zip(self._labels, key, strict=True))
            found = tuple(
                name
                for name, patterns in self._patterns.items()
                if all(each.matches(values[label]) for label, each in patterns.items())
            )
            if len(self._matches) >= _REMEMBERED:
                self._matches.clear()
            self._matches[key] = found
        return found

    def charge(self, budget: str, emission_units: int) -> None:
        """Emissions that count for a budget, now. Raises ValueError when negative.

        An unknown budget is ignored: processes that ended before a reload may name a removed one.
        """
        if emission_units < 0:
            raise ValueError(f"emissions cannot be negative: {emission_units}")
        account = self._accounts.get(budget)
        if emission_units and account is not None:
            account.charge(emission_units, self._wall_clock())

    def frozen(self) -> tuple[BudgetView, ...]:
        """All budgets at this moment, in the order of the configuration."""
        now = self._wall_clock()
        return tuple(account.view(now) for account in self._accounts.values())

    def state(self) -> dict[str, Any]:
        """Everything worth keeping over a restart, as JSON types."""
        accounts = {name: account.state() for name, account in self._accounts.items()}
        return {"version": 1, "budgets": accounts}

    def restore(self, state: Mapping[str, Any]) -> list[str]:
        """Take back what :meth:`state` gave. Removed budgets are dropped.

        Returns a line for each saved budget that could not be read; that one begins at 0.
        """
        problems = []
        saved = state.get("budgets")
        if not isinstance(saved, Mapping):
            return ["the saved budgets cannot be read; all begin at 0"]
        for name, account in self._accounts.items():
            if name not in saved:
                continue
            try:
                account.restore(saved[name])
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                problems.append(f"the saved emissions of budget {name!r} cannot be read: {error!r}")
        return problems


def period_at(period: Period, now: float) -> tuple[float, float]:
    """Start (Unix seconds) and length (seconds) of the period that holds ``now``. Calendar periods are UTC.

    A week begins on Monday. A rolling period ends now.
    """
    if period.rolling is not None:
        return now - period.rolling, float(period.rolling)
    midnight = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period.calendar == "day":
        start, end = midnight, midnight + timedelta(days=1)
    elif period.calendar == "week":
        start = midnight - timedelta(days=midnight.weekday())
        end = start + timedelta(days=7)
    else:
        months = {"month": 1, "quarter": 3, "year": 12}[period.calendar]
        first = midnight.month - (midnight.month - 1) % months
        start = midnight.replace(month=first, day=1)
        end = start.replace(year=start.year + (first + months > 12), month=(first + months - 1) % 12 + 1)
    return start.timestamp(), (end - start).total_seconds()
