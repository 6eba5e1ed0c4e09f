"""How ``--help`` looks: a command's own words first, the settings that all commands share after them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

SETTINGS = "settings"  # the group of options that every command has


class HelpText(argparse.HelpFormatter):
    """Leaves the settings out of the usage, where thirty of them hide what the command needs."""

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[Any],
        prefix: str | None = None,
    ) -> None:
        own = [action for action in actions if not action.dest.startswith(("setting_", "config_"))]
        super().add_usage(usage, own, groups, prefix)


class CommandParser(argparse.ArgumentParser):
    """A parser of one command or verb with that help."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=HelpText, **options)

    def format_help(self) -> str:
        """The groups as they came, the settings last."""
        self._action_groups.sort(key=lambda group: group.title == SETTINGS)
        return super().format_help()
