"""``gramwatt-labeler import``: files of CodeCarbon's become graded windows, those of other tools evaluations."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ..codecarbon_import import Imported, Outcome, import_results
from ..config import Config
from ..definitions import Definitions
from ..errors import InputError, Rejected
from ..evaluate.on_label import LabelOrder, label_order, on_label
from ..evaluate.results import fitting
from ..json_shapes import as_json
from ..render.files import write_labels
from ..render.text import clean
from ..scale_files import LoadedScale, pick
from ..sources.emissions_csv import FACTS, PHASES, Options, read_emissions
from ..store import Store
from ..store.catalogue import Catalogue
from ..store.identifiers import new_id
from . import exit_codes
from .argument_types import key_number, key_text, zone
from .import_tools import as_trees, import_tools, is_of_another_tool, say
from .line import of_scale, one_line
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
    command.add_argument("--again", action="store_true", help="add also what a person has taken back")
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
    main_scale = pick(known, config.grading.scales)[0].id.name

    def scales(phase: str) -> Sequence[LoadedScale]:
        return fitting(known, main_scale, phase, config.grading.scales)

    facts = {name: getattr(options, name) or "" for name in FACTS}
    settings = Options(dict(options.columns), facts, dict(options.values), options.timezone, options.runs)
    store = Store(config.database_url, keeps=not options.dry_run)
    import_id = new_id(time.time())
    done: list[Imported] = []
    failed = False
    try:
        tools = Definitions(Catalogue(store.database)).tools()
        others = [file for file in options.files if is_of_another_tool(file, options.tool, tools)]
        added = import_tools(others, options, config, store, known, import_id) if others else None
        for file in (file for file in options.files if file not in others):
            new = _import(file, settings, options, config, store, scales, import_id)
            if new is None:
                failed = True
                continue
            runs = [_Run.of(grades, label_order(known, main_scale)) for grades in _by_window(new)]
            if not options.dry_run:
                _write_labels([run.shown for run in runs], config)
            if not options.json:
                _print(file, runs, options.dry_run)
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
    is_new = any(one.outcome is Outcome.NEW for one in done) or (added is not None and added.count)
    if is_new and not options.json and not options.dry_run:
        print(f"all of it is taken back by: gramwatt-labeler take-back --import {import_id}")
    return exit_codes.ERROR if failed else 0


def _import(
    file: str,
    settings: Options,
    options: argparse.Namespace,
    config: Config,
    store: Store,
    scales: Callable[[str], Sequence[LoadedScale]],
    import_id: str,
) -> list[Imported] | None:
    """A file of CodeCarbon's; None, and a line on standard error, for one that is wrong."""
    try:
        results = read_emissions(Path(file), settings, _left_out)
        now, hardware = time.time(), config.grading.hardware
        return import_results(
            results, store, scales, now, hardware, options.replace, import_id, options.again
        )
    except (InputError, Rejected) as error:
        where = "" if isinstance(error, InputError) else f"{file}: "
        is_plain = bool(options.tool) or not Path(file).is_file()
        hint = "" if is_plain else "; read as CodeCarbon's, a table of your own needs --tool table"
        print(
            f"gramwatt-labeler: {clean(where + str(error))}; nothing of it was imported{hint}",
            file=sys.stderr,
        )
        return None


@dataclass(frozen=True, slots=True)
class _Run:
    """An imported run: what its label shows, and what the main scale says where that is something else."""

    shown: Imported
    main: Imported | None

    @classmethod
    def of(cls, grades: Mapping[str, Imported], order: LabelOrder) -> _Run:
        shown = on_label({name: one.graded for name, one in grades.items()}, order)
        assert shown is not None  # every run is graded on the main scale
        found = grades[shown.grade.scale.name]
        main = grades.get(order.main)
        return cls(found, None if main is found else main)

    @property
    def text(self) -> str:
        words = one_line(self.shown.graded, has_options=True)
        if self.main is not None:
            words += f"; {of_scale(self.main.graded.grade, has_options=True)}"
        return f"{words} ({self.shown.outcome})"


def _by_window(imported: Sequence[Imported]) -> list[Mapping[str, Imported]]:
    found: dict[str, dict[str, Imported]] = {}
    for one in imported:
        found.setdefault(one.graded.window.id, {})[one.graded.grade.scale.name] = one
    return list(found.values())


def _write_labels(imported: Sequence[Imported], config: Config) -> None:
    """Of what is new. Label files are a convenience (the web renders on demand): a full disk is only said."""
    to = output(config)
    for one in imported:
        if one.outcome in (Outcome.NEW, Outcome.GROWN, Outcome.REPLACED):
            window = one.graded.window.id
            try:
                write_labels(one.graded, to.page(window), to.directory, to.formats)
            except Exception as error:  # the disk, or a name that the renderer cannot draw
                _log.warning("cannot write the label of window %s: %s", clean(window), clean(str(error)))
                if isinstance(error, OSError):
                    return


def _left_out(what: str) -> None:
    print(f"gramwatt-labeler: {clean(what)}; left out", file=sys.stderr)


def _print(file: str, runs: Sequence[_Run], is_dry: bool) -> None:
    counts = Counter(run.shown.outcome for run in runs)
    for run in runs:
        print(run.text)
    counted = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    if Outcome.KEPT in counts:
        counted += " (--replace takes the new ones)"
    if Outcome.TAKEN_BACK in counts:
        counted += " (--again adds what was taken back)"
    counted += "; nothing was kept" if is_dry else ""
    print(clean(f"{file}: {len(runs)} window(s): {counted}"))
