"""``gramwatt top``: what draws power now, live. The live view needs the extra ``gramwatt[top]``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from ..api import connect
from .board import SORTS, as_text


def add_parser(commands: Any) -> None:
    """Register the subcommand."""
    parser = commands.add_parser(
        "top",
        help="what draws power now: devices, budgets, workloads, processes",
        description="Live view. Keys: p e c n sort by power, energy, CPU time, name; / filters; space pauses; q ends. "
        "Without a terminal, with --once or --json: printed once.",
    )
    parser.add_argument("--once", action="store_true", help="print once as text")
    parser.add_argument("--json", action="store_true", help="print once as JSON")
    parser.add_argument(
        "--sort", choices=tuple(SORTS), default="power", help="column to sort by (default: power)"
    )
    parser.add_argument(
        "--filter", default="", metavar="TEXT", help="only rows with TEXT in a name, user or pid"
    )
    parser.add_argument(
        "--count", type=_count, default=50, metavar="N", help="at most N rows of a kind (default: 50)"
    )
    parser.add_argument("--interval", type=_interval, default=2.0, metavar="SECONDS", help="default: 2")
    parser.set_defaults(run=main)


def main(args: argparse.Namespace) -> int:
    """Once as text or JSON, or the live view."""
    api = connect(args.socket)
    if args.json:
        print(json.dumps(api.top(args.count, args.count), indent=2))
        return 0
    if not args.once and sys.stdout.isatty() and sys.stdin.isatty():
        try:
            from .live import Board
        except ImportError:
            print(
                "gramwatt top: for the live view: pip install 'gramwatt[top]'; printed once", file=sys.stderr
            )
        else:
            api.status()  # without an exporter: one line, no full-screen view
            Board(api, sort=args.sort, pattern=args.filter, count=args.count, interval=args.interval).run()
            return 0
    print(as_text(api.top(args.count, args.count), time.time(), args.sort, args.filter))
    return 0


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _interval(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0.1 and 3600 seconds")
    return seconds
