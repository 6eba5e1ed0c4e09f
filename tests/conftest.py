"""What holds for all tests: how hypothesis searches, which tests need the machine for themselves, and their order."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from hypothesis import settings
from thorough import LONELY, without_company

# A run in the background of a script starts with SIGINT ignored, and so would every program that a test starts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# A deadline measures the machine and not the code. In CI the same examples are tried every time, so that a failure
# there is one of the change. `make test-all` tries four times as many as `make test`.
ALL = bool(os.environ.get("TEST_ALL"))
settings.register_profile(
    "gramwatt", deadline=None, derandomize=bool(os.environ.get("CI")), max_examples=100 if ALL else 25
)
settings.load_profile("gramwatt")

# Groups of stack/test.sh, and the folders whose tests are all of the group.
_GROUPS = {"live": "truth", "apart": "e2e", "browser": "browser"}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out files without a test of the one group that is asked for (``-m live``): to read all takes seconds."""
    wanted = re.match(r"live|apart|browser", config.option.markexpr)
    if wanted is None or collection_path.suffix != ".py" or _GROUPS[wanted[0]] in collection_path.parts:
        return None
    return None if f"pytest.mark.{wanted[0]}" in collection_path.read_text() else True


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests of a group's folder. Browser tests come last: their driver keeps an event loop running in this
    thread until the session ends, and tests that start a loop of their own cannot run inside it."""
    for item in items:
        for group, folder in _GROUPS.items():
            if folder in item.path.parts:
                item.add_marker(group)
    config.stash[LONELY] = without_company(items)
    items.sort(key=lambda item: "browser" in item.path.parts)
