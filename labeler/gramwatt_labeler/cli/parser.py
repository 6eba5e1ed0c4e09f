"""The whole command line: the settings as flags, and the subcommands."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from .. import __version__
from ..config import settings
from . import setting_help
from .commands import COMMANDS
from .help_text import SETTINGS, CommandParser


def parser(arguments: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """What it parses has ``run``: the subcommand, to be called with the arguments and the Config.

    Only the command that ``arguments`` names has arguments of its own, so that no other command's modules are
    imported; without ``arguments`` all have them.
    """
    asked = None if arguments is None else next((one for one in arguments if not one.startswith("-")), "")
    common, later = _settings(), _settings(argparse.SUPPRESS)
    whole = argparse.ArgumentParser(
        prog="gramwatt-labeler",
        description="Turns recorded windows into efficiency grades and energy labels.",
    )
    whole.add_argument("--version", action="version", version=f"gramwatt-labeler {__version__}")
    subparsers = whole.add_subparsers(required=True, metavar="COMMAND", parser_class=CommandParser)
    for command in COMMANDS:
        is_asked = asked in (None, command.name)
        parents = [_which_window(), common] if command.of_a_window else [common]
        one = subparsers.add_parser(
            command.name,
            parents=parents if is_asked else [],
            help=command.text,
            description=command.description,
        )
        if is_asked:
            command.fill(one, later)
    return whole


def given_settings(options: argparse.Namespace) -> dict[str, str]:
    """The settings that have a flag on the command line, by their key such as ``log.level``."""
    values = {key: getattr(options, _dest(key), None) for key in settings()}
    return {key: value for key, value in values.items() if value is not None}


def _which_window() -> CommandParser:
    which = CommandParser(add_help=False)
    choice = which.add_mutually_exclusive_group()
    choice.add_argument("--window", metavar="ID", help="the window's id, as gramwatt run prints it")
    choice.add_argument("--name", help="the window of this name that finished last")
    which.add_argument("--wait", type=float, default=0.0, metavar="SECONDS", help="wait for its last samples")
    which.add_argument("--json", action="store_true", help="print the result as JSON")
    return which


def _settings(default: str | None = None) -> CommandParser:
    """All settings as flags; with ``default`` argparse.SUPPRESS one that is not given is not set at all."""
    common = CommandParser(add_help=False, argument_default=default)
    group = common.add_argument_group(
        SETTINGS, "also in the YAML file and as GRAMWATT_LABELER_<SECTION>_<KEY>"
    )
    group.add_argument(
        "--config.file", dest="config_file", metavar="FILE", default=default or "", help="YAML settings"
    )
    group.add_argument(
        "--config.check",
        dest="config_check",
        action="store_true",
        help="print the settings and their origins",
    )
    for key in settings():
        group.add_argument(
            f"--{key.replace('_', '-')}", dest=_dest(key), metavar="VALUE", help=setting_help.TEXTS[key]
        )
    return common


def _dest(key: str) -> str:
    return "setting_" + key.replace(".", "__")
