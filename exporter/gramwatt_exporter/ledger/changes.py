"""The changes of the state since the last save, and how a change is merged into the saved state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from ..processes.row import WorkloadAccount
from .persistence import entry_of, is_worth_an_entry

# Tables of the state: each entry has a key, and a change holds only the entries that changed.
_TABLES: dict[str, Callable[[Any], Any]] = {
    "accounts.workloads": lambda entry: tuple(entry[:3]),  # name, kind, user
    "accounts.departed_workloads": lambda entry: tuple(entry[:3]),
    "windows.windows": lambda entry: entry["id"],
}
_MERGED = ("accounts", "windows", "baseline")  # a change may hold only some keys of these


class Source(Protocol):
    """The state to save. ``whole`` and ``changed`` give JSON types, and may be called again until ``kept``."""

    def whole(self) -> Mapping[str, Any]:
        """All of it."""
        ...

    def changed(self) -> Mapping[str, Any] | None:
        """The changes since ``kept``, for :func:`merge`. None: they are not known, and ``whole`` must be saved."""
        ...

    def kept(self) -> None:
        """The state given last is on the disk or in the kernel's page cache."""
        ...


class Fixed:
    """A fixed state."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self._state = state

    def whole(self) -> Mapping[str, Any]:
        return self._state

    changed = whole

    def kept(self) -> None:
        pass


class ChangedAccounts:
    """Finds the changed accounts of a table by their version: thousands of unchanged ones cost almost nothing."""

    def __init__(self) -> None:
        self._number = 0  # number of entries in the saved table
        self._is_whole = False  # the entries given last
        self._given: list[tuple[WorkloadAccount, int]] = []

    def of(self, accounts: Iterable[WorkloadAccount]) -> list[WorkloadAccount] | None:
        """Entries that changed since ``kept``; None when a saved one is gone."""
        met = 0
        changed = []
        for account in accounts:
            if account.kept_number >= 0:
                met += 1
            if account.kept_version != account.version:
                changed.append(account)
        self._given, self._is_whole = [(account, account.version) for account in changed], False
        return changed if met == self._number else None

    def all_of(self, accounts: Iterable[WorkloadAccount]) -> list[WorkloadAccount]:
        """All entries, for a new table. Entries of the old table come first, in its order: the journal names entries by
        number, and so fits the old table, too."""
        last = self._number
        whole = sorted(
            accounts, key=lambda account: account.kept_number if account.kept_number >= 0 else last
        )
        self._given = [(account, account.version) for account in whole]
        self._is_whole = True
        return whole

    def kept(self) -> None:
        """The entries given last are saved."""
        if self._is_whole:
            self._number = 0
            for account, _ in self._given:
                account.kept_number = -1
        for account, version in self._given:
            account.kept_version = version
            if account.kept_number < 0 and is_worth_an_entry(account):
                account.kept_number = self._number
                self._number += 1
        self._given, self._is_whole = [], False


def dump_whole(accounts: Iterable[WorkloadAccount]) -> list[list[Any]]:
    """All entries of a table, in this order."""
    return [entry_of(account) for account in accounts if is_worth_an_entry(account)]


def dump_changed(accounts: Iterable[WorkloadAccount]) -> list[list[Any]]:
    """Entries of a table: a saved one is named by its number, and zeros at the end are left out."""
    return [
        _short_entry(account) if account.kept_number >= 0 else entry_of(account)
        for account in accounts
        if is_worth_an_entry(account)
    ]


def _short_entry(account: WorkloadAccount) -> list[Any]:
    last = len(account.microjoules)
    while last and not (account.microjoules[last - 1] or account.emission_units[last - 1]):
        last -= 1
    amounts = [str(amount) for amount in account.emission_units[:last]] if any(account.emission_units) else []
    return [account.kept_number, account.microjoules[:last], amounts, account.cpu_nanoseconds]


def _whole_entry(entry: Sequence[Any], before: Sequence[Any]) -> list[Any]:
    """The entry that ``entry`` makes of the one ``before`` it."""
    _, microjoules, amounts, cpu_nanoseconds = entry
    zeros = len(before[3])
    return [
        *before[:3],
        [*microjoules, *[0] * (zeros - len(microjoules))],
        [*amounts, *["0"] * (zeros - len(amounts))],
        cpu_nanoseconds,
    ]


class ChangedText:
    """Which of several values changed, by their JSON text."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}
        self._given: dict[str, bytes] = {}

    def of(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values that changed since ``kept``."""
        self._given = {key: msgspec.json.encode(value) for key, value in values.items()}
        return {key: values[key] for key, text in self._given.items() if self._kept.get(key) != text}

    def kept(self) -> None:
        self._kept = self._given


def merge(state: dict[str, Any], change: Mapping[str, Any]) -> None:
    """Lay ``change`` over ``state``. Raises KeyError, TypeError, IndexError or AttributeError for a damaged change."""
    gone = change.get("gone", {})
    for name, value in change.items():
        if name == "gone":
            continue
        if name not in _MERGED or not isinstance(state.get(name), dict):
            state[name] = value
            continue
        section = state[name]
        for key, part in value.items():
            table = _TABLES.get(f"{name}.{key}")
            section[key] = part if table is None else _merged(section[key], part, table, gone.get(name, ()))


def _merged(
    entries: Iterable[Any], changed: Iterable[Any], key: Callable[[Any], Any], gone: Iterable[Any]
) -> list[Any]:
    merged = {key(entry): entry for entry in entries}
    numbered = list(merged)
    for entry in changed:
        if isinstance(entry, list) and isinstance(entry[0], int):
            name = numbered[entry[0]]
            merged[name] = _whole_entry(entry, merged[name])
        else:
            merged[key(entry)] = entry
    for left in gone:
        merged.pop(left, None)
    return list(merged.values())
