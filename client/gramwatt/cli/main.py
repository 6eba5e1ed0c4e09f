"""The command line: one parser, one subcommand per file."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from typing import Optional

from ..errors import GramwattError
from ..outputs import reason, say
from . import completion, run, top, when, windows
from .version import version


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    whole = argparse.ArgumentParser(
        prog="gramwatt", description="Energy and CO2 of training runs and inference batches, measured by the "
        "gramwatt exporter on this machine.",
    )  # fmt: skip
    whole.add_argument("--version", action="version", version=f"gramwatt {version()}")
    whole.add_argument(
        "--socket", default="", metavar="PATH|URL",
        help="the exporter's socket (default: GRAMWATT_URL, GRAMWATT_SOCKET_PATH, /run/gramwatt/gramwatt.sock, "
        "$XDG_RUNTIME_DIR/gramwatt/gramwatt.sock)",
    )  # fmt: skip
    commands = whole.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
    run.add_parser(commands)
    windows.add_parser(commands)
    top.add_parser(commands)
    when.add_parser(commands)
    completion.add_parser(commands, parser)
    return whole


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Parse and run; returns the exit code. Errors are one line on standard error."""
    args = parser().parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that cannot show a character shows its escape
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code: int = args.run(args)
        if sys.stdout is not None:
            sys.stdout.flush()
    except GramwattError as error:
        print(f"gramwatt {args.subcommand}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `gramwatt windows | head`
        _forget_output()
        return 141
    except (
        OSError
    ) as error:  # standard output is full or gone; commands turn their own failures into other errors
        _forget_output()
        say(f"gramwatt {args.subcommand}: cannot write the answer: {reason(error)}")
        return 1
    return code


def _forget_output() -> None:
    """Drop the rest of the buffer: Python would fail to write it when it ends, and change the exit code."""
    sys.stdout = None
