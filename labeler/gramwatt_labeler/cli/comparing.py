"""``gramwatt-labeler compare``: 2 to 6 evaluations side by side."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from ..compare import FEWEST, MOST, comparable_units
from ..compare.table import Cell, Run, rows_of, runs_of
from ..config import Config
from ..errors import ConfigError
from ..evaluate.on_label import label_order
from ..render.shorten import shortened
from ..store import Store
from .scales_in_force import scales_in_force

_WIDE = 34


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Their ids."""
    command.add_argument(
        "ids", nargs="+", metavar="ID", help="an evaluation; the others are compared with the first"
    )
    command.add_argument("--json", action="store_true", help="print the result as JSON")


def main(options: argparse.Namespace, config: Config) -> int:
    """Raises NotFound for an id that is not there, ConfigError for fewer than 2 or more than 6."""
    if not FEWEST <= len(set(options.ids)) <= MOST:
        raise ConfigError(
            "ID", f"expected {FEWEST} to {MOST} different evaluations, got {len(set(options.ids))}"
        )
    order = label_order(scales_in_force(config), config.grading.scales[0])
    store = Store(config.database_url)
    try:
        runs = runs_of(store, options.ids, order)
    finally:
        store.close()
    unit = comparable_units([run.graded.grade.unit if run.graded else "" for run in runs])
    rows = rows_of(runs, unit)
    print(_json(runs, rows) if options.json else _text(runs, rows))
    return 0


def _json(runs: Sequence[Run], rows: Sequence[tuple[str, list[Cell]]]) -> str:
    body = {
        "runs": [
            {"id": run.stored.evaluation.id, "title": run.title, "letter": _letter(run)} for run in runs
        ],
        "rows": [
            {
                "name": title,
                "cells": [
                    {
                        "text": cell.text,
                        "ratio": cell.difference.ratio if cell.difference else None,
                        "sigma": cell.difference.sigma if cell.difference else None,
                        "distinguishable": cell.difference.distinguishable if cell.difference else None,
                        "difference": cell.difference.text if cell.difference else "",
                    }
                    for cell in cells
                ],
            }
            for title, cells in rows
        ],
    }
    return json.dumps(body, indent=2)


def _text(runs: Sequence[Run], rows: Sequence[tuple[str, list[Cell]]]) -> str:
    lines = [["", *(f"{run.number} {shortened(run.title, _WIDE - 3)}" for run in runs)]]
    lines.append(["Grade", *(_letter(run) or "not graded" for run in runs)])
    for title, cells in rows:
        lines.append([title, *(cell.text for cell in cells)])
        if any(cell.difference for cell in cells):
            lines.append(["", *(cell.difference.text if cell.difference else "" for cell in cells)])
    widths = [max(len(line[column]) for line in lines) for column in range(len(runs) + 1)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _letter(run: Run) -> str:
    return (run.graded.grade.letter if run.graded else None) or ""
