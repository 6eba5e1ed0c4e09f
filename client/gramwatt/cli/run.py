"""``gramwatt run``: a command's process tree is one window."""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

from .. import emissions_csv, software
from ..api import PHASES, Api, connect
from ..checks import MAX_NAME
from ..environment import PARENT
from ..errors import GramwattError, Refused
from ..local import children_cpu_seconds
from ..outcome import Outcome, of_command
from ..outputs import guarded, say, write_json
from ..result import Result, from_window
from ..texts import sendable
from ..wording import block
from .passthrough import Ended, Passthrough, StoppedEarly, die_of


def add_parser(commands: Any) -> None:
    """Register the subcommand."""
    parser = commands.add_parser(
        "run",
        help="measure one command and everything it starts",
        description="Run COMMAND; its process tree is one window. Its exit code is ours, a signal that kills it "
        "becomes 128 + its number. Standard input and output are the command's alone; the summary goes to "
        "standard error.",
        epilog="example: gramwatt run --name mnist --phase training --value samples=60000 -- python train.py",
    )
    parser.add_argument("--name", type=_name, help="name of the window (default: the command's name)")
    parser.add_argument("--phase", required=True, choices=PHASES, help="what the command does")
    parser.add_argument("--model", default="", help="name of the model that is trained or used")
    parser.add_argument("--task", default="", help="task of the model, for example image-classification")
    parser.add_argument("--dataset", default="", help="name of the data set")
    parser.add_argument(
        "--value", action="append", default=[], type=_value, metavar="KEY=NUMBER",
        help="a number to keep with the window: samples=60000, accuracy=0.98; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--tag",
        action="append",
        default=[],
        type=_tag,
        metavar="KEY=TEXT",
        help="a text to keep with the window",
    )
    parser.add_argument(
        "--software", default="", metavar="TEXT", help="what runs, for the label: vLLM 0.9 (the tag software)"
    )
    parser.add_argument(
        "--whole-machine",
        action="store_true",
        help="count what every device draws meanwhile, idle draw included (for root, or the exporter's user)",
    )
    parser.add_argument("--summary-json", metavar="FILE", help="write the result as JSON")
    parser.add_argument("--emissions-csv", metavar="FILE", help="append a row with CodeCarbon's column names")
    parser.add_argument("--quiet", action="store_true", help="print no summary")
    parser.add_argument(
        "command", nargs=argparse.REMAINDER, metavar="-- COMMAND ...", help="the command to measure"
    )
    parser.set_defaults(run=main)


def main(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code, whatever happens to the measurement."""
    if os.name != "posix":
        print("gramwatt run: needs Linux or macOS", file=sys.stderr)
        return 2
    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not command:
        print(
            "gramwatt run: no command; put it after --, as in: gramwatt run ... -- python train.py",
            file=sys.stderr,
        )
        return 2
    fields: dict[str, Any] = {
        "name": sendable(args.name or Path(command[0]).name[:MAX_NAME] or "command"),
        "phase": args.phase,
        "model": sendable(args.model),
        "task": sendable(args.task),
        "dataset": sendable(args.dataset),
        "parent": sendable(os.environ.get(PARENT, "")),
        "values": {sendable(key): value for key, value in args.value},
        "tags": {sendable(key): sendable(value) for key, value in args.tag},
        "pid": os.getpid(),
    }
    if args.software:
        fields["tags"][software.TAG] = sendable(args.software)
    if args.whole_machine:
        fields["whole_machine"] = True  # only when set: exporters of earlier versions refuse the field
    passthrough = Passthrough()
    api = connect(args.socket)
    window = _open(api, fields)
    began = time.monotonic()
    try:
        ended = passthrough.run(command, _environment(window))
    except StoppedEarly as early:
        ended = early.ended
    outcome = of_command(ended.code, ended.signum)
    result = _close(api, window, fields, time.monotonic() - began, outcome)
    _report(args, ended, result)
    if ended.interrupted:
        die_of(signal.SIGINT)
    return ended.code


def _open(api: Api, fields: Mapping[str, Any]) -> Optional[str]:
    try:
        try:
            answer = api.open(fields)
        except Refused as error:
            if error.field != "parent":
                raise
            # The parent window has ended, or belongs to another user (sudo). Open a window without a parent.
            answer = api.open({**fields, "parent": ""})
    except GramwattError as error:
        _warn(f"not measured: {error}")
        return None
    return str(answer["window"])


def _environment(window: Optional[str]) -> dict[str, str]:
    """The command's environment: ours and the id of its window, so that inner windows become parts of it."""
    environ = dict(os.environ)
    if window is not None:
        environ[PARENT] = window
    return environ


def _close(
    api: Api, window: Optional[str], fields: Mapping[str, Any], seconds: float, outcome: Outcome
) -> Result:
    if window is not None:
        try:
            return from_window(api.stop(window, outcome=outcome))
        except GramwattError as error:
            _warn(f"the window {window} could not be read at its end: {error}")
    return Result(
        name=str(fields["name"]),
        phase=str(fields["phase"]),
        window=window,
        seconds=seconds,
        cpu_seconds=children_cpu_seconds(),
        values=dict(fields["values"]),
        model=str(fields["model"]),
        task=str(fields["task"]),
        dataset=str(fields["dataset"]),
        outcome=outcome,
        note="not measured" if window is None else "the exporter did not answer at the end",
    )


def _report(args: argparse.Namespace, ended: Ended, result: Result) -> None:
    if ended.problem:
        say(f"gramwatt run: {ended.problem}")
    elif result.measured and not args.quiet:
        guarded("the summary", lambda: say(block(result)), _warn)
    if args.emissions_csv and not ended.problem:
        guarded(
            f"--emissions-csv {args.emissions_csv}",
            lambda: emissions_csv.append(Path(args.emissions_csv), result),
            _warn,
        )
    if args.summary_json:
        summary = {**result.summary(), "exit_code": ended.code}
        guarded(
            f"--summary-json {args.summary_json}", lambda: write_json(Path(args.summary_json), summary), _warn
        )


def _warn(message: str) -> None:
    say(f"gramwatt: warning: {message}")


def _name(text: str) -> str:
    if not 1 <= len(text) <= MAX_NAME:
        raise argparse.ArgumentTypeError(f"a name has 1 to {MAX_NAME} characters")
    return text


_COUNTED = ("samples", "dataset_samples", "epochs", "tokens", "output_tokens", "requests", "parameters")
"""Keys of whole numbers: 1.000 of them may well be a thousand."""
_THREE_DIGITS = re.compile(r"[1-9]\d{0,2}\.\d{3}$")


def _value(text: str) -> tuple[str, float]:
    key, equals, number = text.partition("=")
    try:
        value = float(number)
    except ValueError:
        value = float("nan")
    if not equals or not key or value != value or value in (float("inf"), float("-inf")):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=NUMBER, for example samples=60000")
    if key in _COUNTED and _THREE_DIGITS.match(number):
        whole = number.replace(".", "")
        raise argparse.ArgumentTypeError(
            f"{text!r} can mean {whole} or {value:g}; write {key}={whole} or {key}={value:g}"
        )
    return key, value


def _tag(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=TEXT, for example team=vision")
    return key, value
