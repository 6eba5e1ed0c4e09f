"""``gramwatt-labeler probe``: ask a deployed model many times and grade what its requests used."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..config import Config
from ..errors import InputError
from ..probe.asked import SERVED, read_asked
from ..probe.outcome import probe
from ..scale_files import pick
from ..store import Store
from ..store.identifiers import new_id
from . import exit_codes
from .argument_types import of_arguments
from .line import own_options
from .scales_in_force import scales_in_force
from .servers import output
from .wiring import probe_setup


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Where the model answers, what it is asked, and what serves it."""
    command.add_argument(
        "--url", required=True, help="where the model answers, such as http://127.0.0.1:8000/predict"
    )
    command.add_argument("--model", required=True, help="organisation/name, for the label")
    command.add_argument(
        "--input", action="append", default=[], metavar="TEXT", help="an example input; may be repeated"
    )
    command.add_argument("--inputs", metavar="FILE", default="", help="a file with one example input a line")
    command.add_argument(
        "--content-type", default="application/json", metavar="TYPE", help="default: application/json"
    )
    command.add_argument("--method", choices=("POST", "GET"), default="POST", help="default: POST")
    command.add_argument(
        "--requests", type=int, default=100, metavar="N", help="how many are measured (default: 100)"
    )
    command.add_argument(
        "--concurrency", type=int, default=1, metavar="N", help="requests at the same time (default: 1)"
    )
    command.add_argument(
        "--warm-up",
        type=int,
        default=3,
        metavar="N",
        help="requests before those that are measured (default: 3)",
    )
    command.add_argument(
        "--samples", type=int, default=1, metavar="N", help="samples in one request (default: 1)"
    )
    _add_served(command)
    command.add_argument("--task", default="", help="the task to keep with the result")
    command.add_argument("--dataset", default="", help="the data set to keep with the result")
    command.add_argument("--dry-run", action="store_true", help="print the result and keep nothing")
    command.add_argument("--json", action="store_true", help="print the result as JSON")


def _add_served(command: argparse.ArgumentParser) -> None:
    served = command.add_mutually_exclusive_group()
    for kind, words in SERVED.items():
        if kind and kind != "machine":
            served.add_argument(
                f"--{kind}", default="", metavar=kind.upper(), help=f"what serves it: {words}"
            )
    served.add_argument(
        "--machine", nargs="?", const="", default=None, metavar="INSTANCE",
        help="what serves it: the whole machine (of this exporter); without any of these time alone is measured",
    )  # fmt: skip


def main(options: argparse.Namespace, config: Config) -> int:
    """Ask, measure, grade, keep, print. 0 with a letter, 3 without."""
    tree: dict[str, Any] = {
        name: getattr(options, name)
        for name in (
            "url",
            "model",
            "content_type",
            "method",
            "requests",
            "concurrency",
            "warm_up",
            "samples",
            "task",
            "dataset",
        )
    }
    tree["inputs"] = [*options.input, *_lines(options.inputs)]
    for kind in ("pid", "workload", "user"):
        if getattr(options, kind):
            tree |= {"served": kind, "which": getattr(options, kind)}
    if options.machine is not None:
        tree |= {"served": "machine", "which": options.machine}
    with of_arguments():
        asked = read_asked(tree)
    scales = pick(scales_in_force(config), config.grading.scales)
    store = None if options.dry_run else Store(config.database_url)
    try:
        found = probe(asked, probe_setup(config, store, lambda: scales), _progress, new_id(time.time()), "")
    finally:
        if store is not None:
            store.close()
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        print(_text(found))
        if found["id"]:
            print(output(config).page(found["id"]))
    return 0 if found["letter"] else exit_codes.NOT_GRADED


def _lines(file: str) -> list[str]:
    if not file:
        return []
    try:
        return [line for line in Path(file).read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot read the file: {getattr(error, 'strerror', error)}") from None


def _progress(how_far: Mapping[str, Any]) -> None:
    if sys.stderr.isatty():
        print(f"\r{how_far['done']} of {how_far['of']} requests", end="", file=sys.stderr, flush=True)


def _text(found: Mapping[str, Any]) -> str:
    parts = [own_options(found["text"])]
    parts += [f"{found['requests']} requests", f"p50 {1000 * found['p50_seconds']:.3g} ms"]
    parts.append(f"p95 {1000 * found['p95_seconds']:.3g} ms")
    if "joules_per_request" in found:
        parts.append(f"{found['joules_per_request']:.4g} J per request")
    if "grams_per_request" in found:
        parts.append(f"{found['grams_per_request']:.3g} g CO2e per request")
    parts += [f"{count} failed: {words}" for words, count in found["failed"].items()]
    return ", ".join(parts)
