"""``--help`` explains every option."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pytest
from gramwatt_exporter import command, estimate_command, sensors_command
from gramwatt_exporter.budget_command import cli as budget_cli
from gramwatt_exporter.intensity import cli as intensity_cli
from option_help import unexplained


@pytest.mark.parametrize(
    "parser",
    [
        command._parser,
        budget_cli._parser,
        estimate_command._parser,
        intensity_cli._parser,
        sensors_command._parser,
    ],
    ids=["exporter", "budget", "estimate", "intensity", "sensors"],
)
def test_every_option_has_a_help_text(parser: Callable[[], argparse.ArgumentParser]) -> None:
    assert unexplained(parser()) == []
