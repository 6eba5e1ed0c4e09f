"""The subcommands: their names, what they do, and which module does it. A module is imported when its command runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class Command:
    """``module`` is one of this package; ``run`` and ``arguments`` are names of functions in it."""

    name: str
    text: str
    module: str
    run: str = "main"
    arguments: str = "add_arguments"  # "" has none of its own
    of_a_window: bool = False  # has the arguments that choose one finished window
    has_verbs: bool = False  # each verb takes the settings, too

    @property
    def description(self) -> str:
        """The text as a sentence."""
        return f"{self.text[0].upper()}{self.text[1:]}."

    def fill(self, parser: argparse.ArgumentParser, settings: argparse.ArgumentParser) -> None:
        """Give the parser this command's arguments, and ``run``. Imports the module. ``settings`` are for its verbs."""
        module = import_module(f"{__package__}.{self.module}")
        run: Callable[..., Any] = getattr(module, self.run)
        parser.set_defaults(run=run)
        if self.arguments:
            more = {"settings": settings} if self.has_verbs else {}
            getattr(module, self.arguments)(parser, **more)


COMMANDS = (
    Command(
        "watch", "grade new finished windows for as long as it runs, and serve the web pages", "watching"
    ),
    Command("serve", "serve stored grades without looking for new ones", "serving", arguments=""),
    Command(
        "grade",
        "grade one finished window (default: the last), or numbers of your own (--scheme), and print it",
        "grades",
        run="print_grades",
        arguments="add_grade_arguments",
        of_a_window=True,
    ),
    Command(
        "label",
        "grade one finished window and write its label files",
        "grades",
        run="write",
        arguments="add_label_arguments",
        of_a_window=True,
    ),
    Command(
        "report",
        "write a report over a run, a month, a user, a model or a task as one HTML or PDF file",
        "reports",
    ),
    Command(
        "intensities",
        "keep a public table of yearly carbon intensities, or list what is kept",
        "intensities",
    ),
    Command(
        "measure", "grade any stretch of the exporter's series: a service, a user, a container", "measuring"
    ),
    Command("probe", "ask a deployed model many times and grade what its requests used", "probing"),
    Command(
        "study",
        "models of the hub and their CO2: sync, import, grade, curate, analyse, export",
        "studying",
        has_verbs=True,
    ),
    Command("model-facts", "parameters, size, FLOPs and library of a model, from its file", "model_facts"),
    Command("compare", "2 to 6 evaluations side by side", "comparing"),
    Command(
        "take-back",
        "take evaluations back that were added with a mistake: one, several, a whole import or a file",
        "withdrawing",
        run="take_back",
    ),
    Command(
        "restore",
        "put back what was taken back, or list it",
        "withdrawing",
        run="restore",
        arguments="add_restore_arguments",
    ),
    Command("roi", "whether a tactic that saves energy pays back", "returning"),
    Command(
        "define", "metrics, tools, extra fields and tactics: list them, or read them from a file", "defining"
    ),
    Command("user", "users of the web pages and their tokens", "users", has_verbs=True),
    Command("db", "upgrade or check the database", "databases"),
    Command(
        "scale",
        "list, show, check and compare scales, or make one of your own runs",
        "scales",
        has_verbs=True,
    ),
    Command("scales", "list the scales with version and hash", "scale_list"),
    Command(
        "import", "grade the runs in files of CodeCarbon's, of another tool or of your own", "import_files"
    ),
)
"""In the order of ``--help``."""
