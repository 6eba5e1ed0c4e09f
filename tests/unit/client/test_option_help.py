"""``--help`` explains every option."""

from __future__ import annotations

from gramwatt.cli.main import parser
from option_help import unexplained


def test_every_option_has_a_help_text() -> None:
    assert unexplained(parser()) == []
