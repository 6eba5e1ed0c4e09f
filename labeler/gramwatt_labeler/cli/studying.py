"""``gramwatt-labeler study``: models of the hub, their CO2 by their cards, corrections, what it goes along with."""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..config import Config
from ..errors import ConfigError, InputError
from ..forms.mistakes import Mistake
from ..hub.curating import curate
from ..hub.regrading import grade_all
from ..hub.sync import Counts, sync
from ..hub.table import MOST_BYTES, Table
from ..store import Store
from ..store.hub import HubRows
from ..study.analysis import Finding, Study, analyse
from ..study.frame import Row
from ..study.reading import STUDY_SCALE, all_rows
from . import exit_codes
from .argument_types import of_arguments
from .author import BY
from .scales_in_force import scales_in_force
from .spreadsheet import harmless
from .verbs import add_dry_run, add_verbs, with_json
from .wiring import hub


def add_arguments(command: argparse.ArgumentParser, settings: argparse.ArgumentParser) -> None:
    """One subcommand for each thing to do."""
    command.add_argument("--json", action="store_true", help="print the result as JSON")
    actions = add_verbs(command, with_json(settings), "ACTION", dest="action")
    one = actions.add_parser("sync", help="read the models that changed since the last sync from the hub")
    one.add_argument("--whole", action="store_true", help="look at every model, and mark those that are gone")
    one.add_argument(
        "--texts", action="store_true", help="read cards' texts for CO2 in kilograms; no text is kept"
    )
    one = actions.add_parser("import", help="read the table of the ESEM 2023 study (HFCO2.csv)")
    one.add_argument("file", metavar="FILE", help="the CSV file")
    one = actions.add_parser("curate", help="set a value of a model in place of its card's")
    one.add_argument("model", metavar="MODEL", help="organisation/name on the hub")
    one.add_argument("field", metavar="FIELD", help="emissions, size, accuracy, source, domain, ...")
    one.add_argument(
        "value",
        nargs="?",
        metavar="VALUE",
        help="such as '83 kg'; '' hides the card's; without one the card's is back",
    )
    one.add_argument("--note", default="", metavar="TEXT", help="why")
    one = actions.add_parser("grade", help="grade every model again, on the scales as they are now")
    one.add_argument(
        "--scale",
        default=STUDY_SCALE,
        metavar="NAME",
        help=f"whose letters are counted (default: {STUDY_SCALE})",
    )
    for one in actions.choices.values():
        add_dry_run(one)
    actions.add_parser("analyse", help="totals, how CO2 is reported, and what it goes along with")
    actions.add_parser("export", help="print all models as CSV")


def main(options: argparse.Namespace, config: Config) -> int:
    """Do it. 0 done, 1 the hub or a file failed."""
    store = Store(config.database_url, keeps=not getattr(options, "dry_run", False))
    try:
        rows = HubRows(store.database)
        action = {
            "sync": _sync, "import": _import, "curate": _curate, "grade": _grade, "analyse": _analyse,
            "export": _export,
        }  # fmt: skip
        return action[options.action](options, config, rows)
    finally:
        store.close()


def _sync(options: argparse.Namespace, config: Config, rows: HubRows) -> int:
    scales = scales_in_force(config)
    main_scale = config.grading.scales[0]
    counts = sync(hub(config), rows, scales, main_scale, BY, _progress, options.whole, options.texts)
    return _counted(options, counts)


def _import(options: argparse.Namespace, config: Config, rows: HubRows) -> int:
    path = Path(options.file)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{options.file}: larger than {MOST_BYTES // 1024 // 1024} MB")
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise InputError(f"{options.file}: cannot read the file: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{options.file}: is not UTF-8") from None
    table = Table(text, options.file)
    if table.repeated:
        lines = "line is" if table.repeated == 1 else "lines are"
        said = f"{table.repeated} {lines} of a model that stands above: its first line counts"
        print(f"gramwatt-labeler: {options.file}: {said}", file=sys.stderr)
    counts = sync(table, rows, scales_in_force(config), config.grading.scales[0], BY)
    return _counted(options, counts)


def _counted(options: argparse.Namespace, counts: Counts) -> int:
    if options.json:
        print(json.dumps(asdict(counts)))
    else:
        print(f"{counts.seen} models seen: {counts.created} new, {counts.updated} changed, {counts.failed} failed"
              + (f", {counts.deleted} gone" if counts.deleted else "") + _not_kept(options))  # fmt: skip
    return exit_codes.ERROR if counts.failed else 0


def _progress(how_far: Mapping[str, Any]) -> None:
    if sys.stderr.isatty():
        print(f"\r{how_far['seen']} models", end="", file=sys.stderr, flush=True)


def _curate(options: argparse.Namespace, config: Config, rows: HubRows) -> int:
    scales = scales_in_force(config)
    try:
        with of_arguments(field="FIELD"):
            curate(
                rows, options.model, options.field, options.value, options.note, BY, scales, config.grading.scales[0],
                time.time(),
            )  # fmt: skip
    except Mistake as mistake:
        raise ConfigError(options.field, str(mistake)) from None
    if options.json:
        print(json.dumps({"hub_id": options.model, "field": options.field, "value": options.value}))
        return 0
    said = "as the card says" if options.value is None else repr(options.value)
    print(f"{options.model}: {options.field} is {said}{_not_kept(options)}")
    return 0


def _not_kept(options: argparse.Namespace) -> str:
    return "; nothing was kept" if options.dry_run else ""


def _grade(options: argparse.Namespace, config: Config, rows: HubRows) -> int:
    scales = scales_in_force(config)
    if options.scale not in scales:
        raise ConfigError("--scale", f"no scale {options.scale[:64]!r}; there are {', '.join(scales)}")
    counts = grade_all(rows, scales, config.grading.scales[0], options.scale, time.time)
    if options.json:
        letters = {letter or "none": count for letter, count in sorted(counts.items())}
        print(json.dumps({"scale": options.scale, "models": counts.total(), "letters": letters}))
    else:
        words = ", ".join(f"{letter or 'no letter'} {count}" for letter, count in sorted(counts.items()))
        print(
            f"{counts.total()} models with CO2 graded on {options.scale}: {words or 'none is here'}"
            + _not_kept(options)
        )
    return 0


def _analyse(options: argparse.Namespace, _: Config, rows: HubRows) -> int:
    study = analyse(all_rows(rows))
    if options.json:
        print(json.dumps(asdict(study), indent=2))
    else:
        print(_text(study))
    return 0


def _text(study: Study) -> str:
    lines = [f"{study.models} models, {study.with_co2} with CO2, {study.grams:.6g} g together"]
    if study.median_grams is not None:
        lines.append(f"median {study.median_grams:.4g} g")
    reported = ", ".join(f"{name} {count}" for name, count in study.reporting.items())
    lines.append(f"reported: {reported or 'nothing'}")
    lines += [_finding(one) for one in study.findings]
    if study.confounding:
        lines.append(study.confounding)
    return "\n".join(lines)


def _finding(one: Finding) -> str:
    text = f"{one.name}: {one.words}"
    if one.effect is None:
        return text
    text += f" ({one.statistic} {one.effect:.3f}"
    if one.low is not None and one.high is not None:
        text += f", 95 % {one.low:.3f} to {one.high:.3f}"
    text += f", n {one.n}, p {one.p:.2g}"
    return text + (f", corrected {one.corrected:.2g})" if one.corrected is not None else ")")


def _export(options: argparse.Namespace, _: Config, rows: HubRows) -> int:
    found = all_rows(rows)
    if options.json:
        print(json.dumps([asdict(one) for one in found]))
        return 0
    names = list(Row.__dataclass_fields__)
    writer = csv.writer(sys.stdout)
    writer.writerow(names)
    for one in found:
        writer.writerow([harmless(getattr(one, name)) for name in names])
    return 0
