"""Every command that a panel offers to copy is one that works: its program knows the words, make the target."""

from __future__ import annotations

import re
import shlex

import pytest
from boards import BOARDS, ROOT, panels, targets
from gramwatt.cli.main import parser

STARTS = ("gramwatt ", "gramwatt-exporter ", "gramwatt-labeler ", "make ", "echo ")
EXPORTER = {"sensors", "budgets"}


def commands() -> list[str]:
    """Of empty states, after their last colon, and of the check list."""
    texts = [
        panel["fieldConfig"]["defaults"]["noValue"].rpartition(": ")[2]
        for board in BOARDS.values()
        for panel in panels(board)
        if panel["type"] != "text"
    ]
    texts += [found for _, _, one in targets() for found in re.findall(r'"do", "([^"]+)"', one["expr"])]
    return sorted({text for text in texts if text.startswith(STARTS)})


def test_there_are_some() -> None:
    assert len(commands()) >= 8


@pytest.mark.parametrize("command", commands())
def test_a_command_can_be_run(command: str) -> None:
    words = shlex.split(command)
    if words[0] == "gramwatt":
        found = parser().parse_args(words[1:])
        assert found.command == ["python", "train.py"] or found.command[-2:] == ["python", "train.py"]
    elif words[0] == "gramwatt-exporter":
        assert words[1] in EXPORTER
    elif words[0] == "gramwatt-labeler":
        assert words[1] in {"watch", "serve"}
    elif words[0] == "make":
        target = words[1]
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    else:
        assert ">>" in words
