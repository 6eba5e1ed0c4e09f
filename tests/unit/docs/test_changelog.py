"""The changelog is a list: one line per change, short enough to read at a glance."""

from __future__ import annotations

import re
from pathlib import Path

LINES = (Path(__file__).parents[3] / "CHANGELOG.md").read_text().splitlines()
VERBS = ("FEATURE", "ENHANCEMENT", "BUGFIX", "CHANGE")


def test_every_line_is_short() -> None:
    assert not [line for line in LINES if len(line) > 100]


def test_every_change_is_one_line_and_begins_with_its_kind() -> None:
    changes = [line for line in LINES if line.startswith("- ")]
    assert changes
    assert not [line for line in changes if not re.match(rf"- ({'|'.join(VERBS)}): \S.*\.$", line)]
    assert not [line for line in LINES if line.startswith("  ")]
