"""``gramwatt windows`` and ``gramwatt show``: recorded windows."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from typing import Any

from ..api import Api, connect
from ..errors import Refused
from ..outcome import words
from ..result import Result, from_window
from ..wording import UNKNOWN, block, duration, grams, printable, quantity
from .table import table


def add_parser(commands: Any) -> None:
    """Register both subcommands."""
    several = commands.add_parser("windows", help="list recorded windows, newest first")
    several.add_argument("--state", choices=("open", "finished"), default="", help="only these")
    several.add_argument("--json", action="store_true", help="print JSON")
    several.set_defaults(run=list_windows)
    one = commands.add_parser("show", help="one window in full")
    one.add_argument(
        "window", metavar="ID", help="id of a window, or the beginning of one; 'last' is the newest"
    )
    one.add_argument("--json", action="store_true", help="print JSON")
    one.set_defaults(run=show)


def list_windows(args: argparse.Namespace) -> int:
    """``gramwatt windows``."""
    found = connect(args.socket).windows(args.state)
    if args.json:
        print(json.dumps(found, indent=2))
    elif not found:
        print("no windows", file=sys.stderr)
    else:
        header = ("WINDOW", "NAME", "PHASE", "STATE", "START", "DURATION", "ENERGY", "CO2", "POWER")
        rows = [[printable(cell) for cell in _row(from_window(window))] for window in found]
        print(table(header, rows, right=frozenset({5, 6, 7, 8})))
    return 0


def show(args: argparse.Namespace) -> int:
    """``gramwatt show ID``."""
    api = connect(args.socket)
    window = api.window(_resolve(api, args.window), sample=True)
    if args.json:
        print(json.dumps(window, indent=2))
        return 0
    result = from_window(window)
    lines = [block(result)]
    facts = [("state", result.state + (f" (by {result.ended_by})" if result.ended_by else ""))]
    if result.outcome is not None:
        facts.append(("outcome", words(result.outcome)))
    facts += [(key, value) for key, value in (("model", result.model), ("task", result.task),
              ("dataset", result.dataset), ("part of", result.parent)) if value]  # fmt: skip
    facts.append(("started", _clock(result.start)))
    if result.end is not None:
        facts.append(("ended", _clock(result.end)))
    lines += [f"  {key:<10}  {printable(value)}" for key, value in facts]
    print("\n".join(lines))
    return 0


def _resolve(api: Api, asked: str) -> str:
    """The full id of ``last`` or of a unique beginning; anything else goes to the exporter as it is."""
    ids = [str(window.get("window", "")) for window in api.windows()]
    if asked == "last":
        if not ids:
            raise Refused(404, "there is no window yet")
        return ids[0]
    matching = [window for window in ids if window.startswith(asked)]
    if asked in ids or not matching:
        return asked
    if len(matching) > 1:
        raise Refused(404, f"{len(matching)} windows begin with {asked!r}", fix="give more of the id")
    return matching[0]


def _row(result: Result) -> tuple[str, ...]:
    return (
        result.window or UNKNOWN,
        result.name,
        result.phase,
        result.state,
        _clock(result.start),
        duration(result.seconds),
        "< " + quantity(result.floor_joules, "J") if result.below_floor else quantity(result.joules, "J"),
        grams(result.grams),
        quantity(result.watts, "W"),
    )


def _clock(at: Any) -> str:
    if at is None:
        return UNKNOWN
    try:
        return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (
        ValueError,
        OverflowError,
        OSError,
    ):  # a time outside the calendar must not hide the other windows
        return UNKNOWN
