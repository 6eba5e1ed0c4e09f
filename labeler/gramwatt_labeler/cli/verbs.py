"""Verbs below a command: they take the command's own options, too, so that no order of words is wrong."""

from __future__ import annotations

import argparse
from typing import Any

from .help_text import CommandParser


def add_verbs(
    command: argparse.ArgumentParser, settings: argparse.ArgumentParser, what: str, dest: str = ""
) -> Any:
    """What ``command.add_subparsers`` gives; each verb also has the options of ``settings``.

    ``settings`` has no defaults (``argument_default=argparse.SUPPRESS``): one would replace what stands before the
    verb. ``what`` is what the usage calls a verb, ``dest`` where its name is kept.
    """

    class Verb(CommandParser):
        def __init__(self, **options: Any) -> None:
            super().__init__(parents=[settings], **options)

    return command.add_subparsers(
        required=True, metavar=what, parser_class=Verb, dest=dest or argparse.SUPPRESS
    )


def add_dry_run(command: argparse.ArgumentParser) -> None:
    """``--dry-run``, as every command that writes has it."""
    command.add_argument("--dry-run", action="store_true", help="do all of it and keep nothing")


def with_json(settings: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """``settings`` and ``--json``."""
    more = argparse.ArgumentParser(
        add_help=False, parents=[settings], argument_default=argparse.SUPPRESS, conflict_handler="resolve"
    )
    more.add_argument("--json", action="store_true", help="print the result as JSON")
    return more
