"""The options of a command line that ``--help`` does not explain."""

from __future__ import annotations

import argparse


def unexplained(parser: argparse.ArgumentParser, path: str = "") -> list[str]:
    """Every option, argument and subcommand without a help text, by its path; those of subcommands too."""
    found = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            explained = {choice.dest for choice in action._choices_actions if choice.help}
            for name, command in action.choices.items():
                if name not in explained:
                    found.append(f"{path} {name}".strip())
                found += unexplained(command, f"{path} {name}".strip())
        elif not action.help:
            found.append(f"{path} {'/'.join(action.option_strings) or action.dest}".strip())
    return found
