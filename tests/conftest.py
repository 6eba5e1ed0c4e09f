"""What holds for all tests: how hypothesis searches, which tests need the machine for themselves, and their order."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# A deadline measures the machine and not the code. In CI the same examples are tried every time, so that a failure
# there is one of the change.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

_LIVE = ("truth",)  # folders
_APART = ("browser", "e2e")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what cannot share the machine, or a process. Browser tests come last: their driver keeps an event loop
    running in this thread until the session ends, and tests that start a loop of their own cannot run inside it."""
    for item in items:
        if any(folder in item.path.parts for folder in _LIVE):
            item.add_marker("live")
        if any(folder in item.path.parts for folder in _APART):
            item.add_marker("apart")
    items.sort(key=lambda item: "browser" in item.path.parts)
