"""What holds for all tests."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests last: their driver keeps an event loop running in this thread until the session ends, and
    tests that start a loop of their own cannot run inside it."""
    items.sort(key=lambda item: "browser" in item.path.parts)
