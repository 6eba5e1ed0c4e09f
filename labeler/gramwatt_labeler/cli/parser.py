"""The whole command line: the settings as flags, and the subcommands."""

from __future__ import annotations

import argparse
from functools import partial

from .. import __version__
from ..config import settings
from . import (
    asked_window,
    comparing,
    databases,
    grades,
    import_files,
    intensities,
    measuring,
    probing,
    reports,
    returning,
    scale_list,
    scales,
    serving,
    setting_help,
    studying,
    users,
    watching,
)


def parser() -> argparse.ArgumentParser:
    """What it parses has ``run``: the subcommand, to be called with the arguments and the Config."""
    common, later = _settings(), _settings(argparse.SUPPRESS)
    which = argparse.ArgumentParser(add_help=False)
    asked_window.add_arguments(which)
    whole = argparse.ArgumentParser(
        prog="gramwatt-labeler",
        description="Turns recorded windows into efficiency grades and energy labels.",
    )
    whole.add_argument("--version", action="version", version=f"gramwatt-labeler {__version__}")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    for name, run, parents, add_arguments, text in (
        (
            "watch",
            watching.main,
            [common],
            watching.add_arguments,
            "grade new finished windows for as long as it runs, and serve the web pages",
        ),
        ("serve", serving.main, [common], None, "serve stored grades without looking for new ones"),
        (
            "grade",
            grades.print_grades,
            [which, common],
            grades.add_grade_arguments,
            "grade one finished window (default: the last), or numbers of your own (--scheme), and print it",
        ),
        (
            "label",
            grades.write,
            [which, common],
            grades.add_label_arguments,
            "grade one finished window and write its label files",
        ),
        (
            "report",
            reports.main,
            [common],
            reports.add_arguments,
            "write a report over a run, a month, a user, a model or a task as one HTML or PDF file",
        ),
        (
            "intensities",
            intensities.main,
            [common],
            intensities.add_arguments,
            "keep a public table of yearly carbon intensities, or list what is kept",
        ),
        (
            "measure",
            measuring.main,
            [common],
            measuring.add_arguments,
            "grade any stretch of the exporter's series: a service, a user, a container",
        ),
        (
            "probe",
            probing.main,
            [common],
            probing.add_arguments,
            "ask a deployed model many times and grade what its requests used",
        ),
        (
            "study",
            studying.main,
            [common],
            partial(studying.add_arguments, settings=later),
            "models of the hub and their CO2: sync, import, curate, analyse, export",
        ),
        ("compare", comparing.main, [common], comparing.add_arguments, "2 to 6 evaluations side by side"),
        (
            "roi",
            returning.main,
            [common],
            returning.add_arguments,
            "whether a tactic that saves energy pays back",
        ),
        (
            "user",
            users.main,
            [common],
            partial(users.add_arguments, settings=later),
            "users of the web pages and their tokens",
        ),
        ("db", databases.main, [common], databases.add_arguments, "upgrade or check the database"),
        (
            "scale",
            scales.main,
            [common],
            partial(scales.add_arguments, settings=later),
            "list, show, check and compare scales, or make one of your own runs",
        ),
        ("scales", scale_list.main, [common], None, "list the scales with version and hash"),
        (
            "import",
            import_files.main,
            [common],
            import_files.add_arguments,
            "grade the runs and tasks in files of CodeCarbon's (emissions.csv)",
        ),
    ):
        command = commands.add_parser(
            name, parents=parents, help=text, description=text[0].upper() + text[1:] + "."
        )
        command.set_defaults(run=run)
        if add_arguments:
            add_arguments(command)
    return whole


def given_settings(options: argparse.Namespace) -> dict[str, str]:
    """The settings that have a flag on the command line, by their key such as ``log.level``."""
    values = {key: getattr(options, _dest(key), None) for key in settings()}
    return {key: value for key, value in values.items() if value is not None}


def _settings(default: str | None = None) -> argparse.ArgumentParser:
    """All settings as flags; with ``default`` argparse.SUPPRESS one that is not given is not set at all."""
    common = argparse.ArgumentParser(add_help=False, argument_default=default)
    group = common.add_argument_group(
        "settings", "also in the YAML file and as GRAMWATT_LABELER_<SECTION>_<KEY>"
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
