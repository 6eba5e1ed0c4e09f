"""``gramwatt-labeler import``: files of CodeCarbon's become graded windows, those of other tools evaluations."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ..codecarbon_import import Imported, Outcome, import_results
from ..config import Config
from ..definitions import Definitions
from ..errors import InputError, Rejected
from ..json_shapes import as_json
from ..render.files import write_labels
from ..render.text import clean
from ..scale_files import LoadedScale, pick
from ..sources.emissions_csv import FACTS, PHASES, Options, read_emissions
from ..store import Store
from ..store.catalogue import Catalogue
from . import exit_codes
from .argument_types import key_number, key_text, zone
from .import_tools import as_trees, import_tools, is_of_another_tool, say
from .line import one_line
from .scales_in_force import scales_in_force
from .servers import output
from .verbs import add_dry_run

_log = logging.getLogger("gramwatt_labeler")


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The files, and what they do not say."""
    command.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="emissions.csv, or emissions_..._....csv of tasks; CSV, JSON or XLSX of another tool or your own",
    )
    _add_facts(command)
    command.add_argument(
        "--run", dest="runs", action="append", default=[], metavar="ID", help="only this run_id"
    )
    command.add_argument(
        "--replace", action="store_true", help="take what is different from an earlier import of the same run"
    )
    command.add_argument(
        "--tool",
        default="",
        metavar="NAME",
        help="whose files these are: codecarbon, eco2ai, gramwatt, hugging-face, boamps, table, or one that a manager "
        "defined; default: by their format and columns, else codecarbon",
    )
    add_dry_run(command)
    command.add_argument("--json", action="store_true", help="print the results as JSON")


def _add_facts(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group(
        "what the files do not say", "for rows whose own column is missing or empty"
    )
    group.add_argument("--phase", choices=PHASES, help="what was recorded")
    for fact in FACTS[1:]:
        words = fact.replace("dataset", "data set")
        group.add_argument(
            f"--{fact}",
            metavar=fact.upper(),
            default="",
            help=f"the {words} of rows that have none",
        )
    group.add_argument(
        "--value", dest="values", action="append", default=[], metavar="KEY=NUMBER", type=key_number,
        help="such as samples=60000 or tokens=1200, for every imported run",
    )  # fmt: skip
    group.add_argument(
        "--column", dest="columns", action="append", default=[], metavar="FIELD=COLUMN", type=key_text,
        help="the column that has a field: one of CodeCarbon's, of the above, or a value such as samples",
    )  # fmt: skip
    group.add_argument(
        "--timezone",
        type=zone,
        metavar="ZONE",
        help="of the times in the files, such as Europe/Paris; default: here",
    )


def main(options: argparse.Namespace, config: Config) -> int:
    """Each file whole or not at all; one that is wrong does not keep the others out."""
    known = scales_in_force(config)
    scales = pick(known, config.grading.scales)
    facts = {name: getattr(options, name) or "" for name in FACTS}
    settings = Options(dict(options.columns), facts, dict(options.values), options.timezone, options.runs)
    store = Store(config.database_url, keeps=not options.dry_run)
    done: list[Imported] = []
    failed = False
    try:
        tools = Definitions(Catalogue(store.database)).tools()
        others = [file for file in options.files if is_of_another_tool(file, options.tool, tools)]
        added = import_tools(others, options, config, store, known) if others else None
        for file in (file for file in options.files if file not in others):
            new = _import(file, settings, options, config, store, scales)
            if new is None:
                failed = True
                continue
            if not options.dry_run:
                _write_labels(new, scales[0], config)
            if not options.json:
                _print(file, new, options.dry_run)
            done += new
    finally:
        store.close()
    if options.json:
        page_of = output(config).page
        rows = [as_json(one.graded, page_of) | {"outcome": one.outcome.value} for one in done]
        rows += as_trees(added) if added else []
        print(msgspec.json.format(msgspec.json.encode(rows)).decode())
    if added:
        say(added, options.dry_run, options.json)
        failed = failed or added.failed
    return exit_codes.ERROR if failed else 0


def _import(
    file: str,
    settings: Options,
    options: argparse.Namespace,
    config: Config,
    store: Store,
    scales: Sequence[LoadedScale],
) -> list[Imported] | None:
    """A file of CodeCarbon's; None, and a line on standard error, for one that is wrong."""
    try:
        results = read_emissions(Path(file), settings, _left_out)
        return import_results(results, store, scales, time.time(), config.grading.hardware, options.replace)
    except (InputError, Rejected) as error:
        where = "" if isinstance(error, InputError) else f"{file}: "
        hint = "" if options.tool else "; read as CodeCarbon's, a table of your own needs --tool table"
        print(
            f"gramwatt-labeler: {clean(where + str(error))}; nothing of it was imported{hint}",
            file=sys.stderr,
        )
        return None


def _write_labels(imported: Sequence[Imported], scale: LoadedScale, config: Config) -> None:
    """Of what is new. Label files are a convenience (the web renders on demand): a full disk is only said."""
    to = output(config)
    for one in imported:
        written = one.outcome in (Outcome.NEW, Outcome.GROWN, Outcome.REPLACED)
        if written and one.graded.grade.scale.name == scale.id.name:
            window = one.graded.window.id
            try:
                write_labels(one.graded, to.page(window), to.directory, to.formats)
            except Exception as error:  # the disk, or a name that the renderer cannot draw
                _log.warning("cannot write the label of window %s: %s", clean(window), clean(str(error)))
                if isinstance(error, OSError):
                    return


def _left_out(what: str) -> None:
    print(f"gramwatt-labeler: {clean(what)}; left out", file=sys.stderr)


def _print(file: str, imported: Sequence[Imported], is_dry: bool) -> None:
    counts: dict[Outcome, int] = {}
    for one in imported:
        counts[one.outcome] = counts.get(one.outcome, 0) + 1
        print(f"{one_line(one.graded, has_options=True)} ({one.outcome})")
    counted = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    if Outcome.KEPT in counts:
        counted += " (--replace takes the new ones)"
    windows = len({one.graded.window.id for one in imported})
    results = f" and {len(imported)} results" if len(imported) > windows else ""  # on several scales
    counted += "; nothing was kept" if is_dry else ""
    print(clean(f"{file}: {windows} window(s){results}: {counted}"))
