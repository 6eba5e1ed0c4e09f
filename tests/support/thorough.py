"""Tests marked `thorough` repeat what another test shows: `make test` runs the other, `make test-all` runs both."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

LONELY = pytest.StashKey[list[str]]()
"""In a session's stash: what ``without_company`` found in all that was collected."""


def spread(*axes: Iterable[Any]) -> list[Any]:
    """Cases for ``parametrize``: every combination of the axes, of which a few are in `make test`, the others thorough.

    Those few show every value of every axis at least once: as many as the longest axis has, the others in turn. A
    value that is a tuple of several parameters is one value of its axis.
    """
    values = [list(axis) for axis in axes]
    most = max(map(len, values))
    quick = {tuple(number % len(axis) for axis in values) for number in range(most)}
    return [
        pytest.param(
            *itertools.chain.from_iterable(
                _several(axis[place]) for axis, place in zip(values, places, strict=True)
            ),
            marks=() if places in quick else pytest.mark.thorough,
        )
        for places in itertools.product(*(range(len(axis)) for axis in values))
    ]


def _several(value: Any) -> Sequence[Any]:
    return value if isinstance(value, tuple) else (value,)


def first(values: Iterable[Any], quick: int = 1) -> list[Any]:
    """Cases for ``parametrize``, of which only the first ``quick`` are in `make test`."""
    return [
        value if number < quick else pytest.param(*_several(value), marks=pytest.mark.thorough)
        for number, value in enumerate(values)
    ]


def without_company(items: Iterable[pytest.Item]) -> list[str]:
    """Ids of thorough tests of which no case is left in `make test`, and which name neither a sibling nor a reason.

    A thorough test has company when another case of the same function is not thorough. Else the marker names the test
    that shows the same (``thorough(sibling="test_name")``, or ``"tests/unit/test_file.py::test_name"`` in another file)
    or says why there is none (``thorough(reason="...")``).
    """
    everything = list(items)
    quick = {_function(item) for item in everything if item.get_closest_marker("thorough") is None}
    lonely = []
    for item in everything:
        marker = item.get_closest_marker("thorough")
        if marker is None or _function(item) in quick or marker.kwargs.get("reason"):
            continue
        file, _, name = marker.kwargs.get("sibling", "").rpartition("::")
        if not (_stands_in(item.config.rootpath / file, name) if file else (item.path, name) in quick):
            lonely.append(item.nodeid)
    return lonely


def _function(item: pytest.Item) -> tuple[Path, str]:
    return item.path, getattr(item, "originalname", item.name)


def _stands_in(file: Path, name: str) -> bool:
    return file.is_file() and f"\ndef {name}(" in file.read_text()
