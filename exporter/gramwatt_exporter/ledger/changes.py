"""What of the state changed since it was last kept, and such a change laid over the state before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import msgspec

from ..processes.row import WorkloadAccount

# Tables of the state: each entry has a key, and a change holds only the entries that changed.
_TABLES: dict[str, Callable[[Any], Any]] = {
    "accounts.workloads": lambda entry: tuple(entry[:3]),  # name, kind, user
    "accounts.departed_workloads": lambda entry: tuple(entry[:3]),
    "windows.windows": lambda entry: entry["id"],
}
_MERGED = ("accounts", "windows", "baseline")  # of these a change may hold some keys only


class Source(Protocol):
    """What is kept. ``whole`` and ``changed`` are JSON types, and may be asked again until ``kept``."""

    def whole(self) -> Mapping[str, Any]:
        """All of it."""
        ...

    def changed(self) -> Mapping[str, Any] | None:
        """What changed since ``kept``, for :func:`merge`. None: it cannot be said, only ``whole`` is right."""
        ...

    def kept(self) -> None:
        """What was given last is on the disk, or in the kernel's hands."""
        ...


class Fixed:
    """A state that is kept as it is."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self._state = state

    def whole(self) -> Mapping[str, Any]:
        return self._state

    changed = whole

    def kept(self) -> None:
        pass


class ChangedAccounts:
    """Which accounts of workloads changed: by their version, so that thousands that did not cost next to nothing."""

    def __init__(self) -> None:
        self._number = 0  # of accounts that have been kept
        self._given: list[tuple[WorkloadAccount, int]] = []

    def of(self, accounts: Iterable[WorkloadAccount]) -> list[WorkloadAccount] | None:
        """Those that changed since ``kept``; None when one that was kept is there no more."""
        met = 0
        changed = []
        for account in accounts:
            if account.kept_version >= 0:
                met += 1
            if account.kept_version != account.version:
                changed.append(account)
        self._given = [(account, account.version) for account in changed]
        return changed if met == self._number else None

    def all_of(self, accounts: Iterable[WorkloadAccount]) -> None:
        """All of them are given."""
        self._number = 0
        self._given = [(account, account.version) for account in accounts]
        for account, _ in self._given:
            account.kept_version = -1

    def kept(self) -> None:
        """What was given last need not be given again."""
        for account, version in self._given:
            if account.kept_version < 0:
                self._number += 1
            account.kept_version = version
        self._given = []


class ChangedText:
    """Which of several values changed, by their JSON text."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}
        self._given: dict[str, bytes] = {}

    def of(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Those that changed since ``kept``."""
        self._given = {key: msgspec.json.encode(value) for key, value in values.items()}
        return {key: values[key] for key, text in self._given.items() if self._kept.get(key) != text}

    def kept(self) -> None:
        self._kept = self._given


def merge(state: dict[str, Any], change: Mapping[str, Any]) -> None:
    """Lay ``change`` over ``state``. Raises KeyError, TypeError, IndexError or AttributeError for what is none."""
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
    for entry in changed:
        merged[key(entry)] = entry
    for left in gone:
        merged.pop(left, None)
    return list(merged.values())
