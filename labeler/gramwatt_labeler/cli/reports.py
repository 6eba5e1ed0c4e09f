"""``gramwatt-labeler report``: one self-contained file over a run, a model, a user, a task or a month."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from ..config import Config
from ..errors import ConfigError
from ..report.asking import Asked, month_of, report_of
from ..report.content import Report
from ..report.printing import as_pdf
from ..scale_files import pick
from ..units import energy
from ..web.pages.desk import Desk
from ..web.pages.page import Pages
from ..web.pages.report import as_html, file_name, label_of
from ..web.pages.visitors import anonymous
from .argument_types import of_arguments
from .scales_in_force import scales_in_force
from .servers import output, prometheus
from .wiring import opened


def add_arguments(command: argparse.ArgumentParser) -> None:
    """What the report is about, and where it goes."""
    command.add_argument(
        "id", nargs="?", default="", metavar="ID", help="one evaluation; default: all that fit"
    )
    command.add_argument("--month", default="", metavar="YYYY-MM", help="such as 2026-11 (UTC)")
    for name in ("user", "model", "task"):
        command.add_argument(f"--{name}", default="", metavar=name.upper(), help=f"only runs of this {name}")
    command.add_argument(
        "--format", choices=("html", "pdf"), default="", help="default: by the file's name, else html"
    )
    command.add_argument("--dry-run", action="store_true", help="say what it would hold, write nothing")
    command.add_argument(
        "--json", action="store_true", help="print the file's name and what it holds as JSON"
    )
    command.add_argument(
        "--output", metavar="FILE", default="", help="- for standard output; default: a file in this folder"
    )


def main(options: argparse.Namespace, config: Config) -> int:
    """Write the report and print where it is. Raises InputError when no run fits."""
    if options.json and options.output == "-" and not options.dry_run:
        raise ConfigError("--json", "standard output is the report's; name a file with --output")
    if options.month:
        with of_arguments():
            month_of(options.month)
    scales = scales_in_force(config)
    main_scale = pick(scales, config.grading.scales)[0]
    asked = Asked(options.id, options.model, options.user, options.month, options.task)
    form = options.format or ("pdf" if options.output.endswith(".pdf") else "html")
    store = opened(config, keeps=not options.dry_run)
    try:
        source = prometheus(config)
        desk = Desk(store, scales, main_scale.id.name, output(config).page, Pages(anonymous), source)
        report = report_of(asked, store, main_scale, time.time(), source, desk.on_label)
        is_pdf = form == "pdf"
        content = as_pdf(report, str(label_of(desk, report))) if is_pdf else as_html(desk, report).encode()
    finally:
        store.close()
    path = Path(options.output or f"{file_name(asked)}.{form}")
    if not options.dry_run:
        if options.output == "-":
            sys.stdout.buffer.write(content)
            return 0
        try:
            path.write_bytes(content)
        except OSError as error:
            raise ConfigError("--output", f"cannot write {path}: {error.strerror}") from None
    _print(options, path, report, len(content))
    return 0


def _print(options: argparse.Namespace, path: Path, report: Report, size: int) -> None:
    totals = report.totals
    if options.json:
        found = {
            "file": str(path), "bytes": size, "title": report.title, "runs": totals.runs,
            "energy_joules": totals.joules, "emissions_grams": totals.grams, "letters": dict(report.letters),
            "not_graded": report.not_graded, "written": not options.dry_run,
        }  # fmt: skip
        print(json.dumps(found, ensure_ascii=False))
    elif options.dry_run:
        print(f"{path} would have {totals.runs} run(s), {energy(totals.joules)}, {size} bytes")
    else:
        print(path)
