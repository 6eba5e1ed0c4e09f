"""``gramwatt-labeler report``: one self-contained file over a run, a model, a user, a task or a month."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from ..config import Config
from ..errors import ConfigError
from ..report.asking import Asked, report_of
from ..report.printing import as_pdf
from ..scale_files import pick
from ..web.pages.desk import Desk
from ..web.pages.page import Pages
from ..web.pages.report import as_html, file_name, label_of, letters_of
from ..web.pages.visitors import anonymous
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
    command.add_argument(
        "--output", metavar="FILE", default="", help="- is standard output; default: a file here"
    )


def main(options: argparse.Namespace, config: Config) -> int:
    """Write the report and print where it is. Raises InputError when no run fits."""
    scales = scales_in_force(config)
    main_scale = pick(scales, config.grading.scales)[0]
    asked = Asked(options.id, options.model, options.user, options.month, options.task)
    form = options.format or ("pdf" if options.output.endswith(".pdf") else "html")
    store = opened(config)
    try:
        source = prometheus(config)
        desk = Desk(store, scales, main_scale.id.name, output(config).page, Pages(anonymous), source)
        report = report_of(asked, store, main_scale, letters_of(desk), time.time(), source)
        is_pdf = form == "pdf"
        content = as_pdf(report, str(label_of(desk, report))) if is_pdf else as_html(desk, report).encode()
    finally:
        store.close()
    if options.output == "-":
        sys.stdout.buffer.write(content)
        return 0
    path = Path(options.output or f"{file_name(asked)}.{form}")
    try:
        path.write_bytes(content)
    except OSError as error:
        raise ConfigError("--output", f"cannot write {path}: {error.strerror}") from None
    print(path)
    return 0
