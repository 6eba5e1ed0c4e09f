"""``python -m gramwatt_labeler`` and the ``gramwatt-labeler`` command: settings -> command -> exit code."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext

from .cli import exit_codes
from .cli.new_database import said_when_made
from .cli.parser import given_settings, parser
from .config import describe, load
from .errors import ConfigError, LabelerError

_log = logging.getLogger("gramwatt_labeler")


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point. Returns 0 or one of ``cli.exit_codes``; errors are one line on standard error."""
    given = sys.argv[1:] if arguments is None else arguments
    options = parser(given).parse_args(given)
    file = options.config_file or os.environ.get("GRAMWATT_LABELER_CONFIG_FILE", "")
    try:
        loaded = load(file, os.environ, given_settings(options))
        _log_to_stderr(loaded.config.log.level)
        for library in ("httpx", "httpcore", "httpx2", "httpcore2"):  # they log every request
            logging.getLogger(library).setLevel(logging.WARNING)
        for warning in loaded.warnings:
            _log.warning("%s", warning)
        if options.config_check:
            print(describe(loaded))
            return 0
        with said_when_made(loaded.config, _say) if _is_one_off(given) else nullcontext():
            code = int(options.run(options, loaded.config))
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except ConfigError as error:
        print(f"gramwatt-labeler: {error}", file=sys.stderr)
        return exit_codes.USAGE
    except LabelerError as error:
        print(f"gramwatt-labeler: {error}", file=sys.stderr)
        return exit_codes.ERROR
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    except BrokenPipeError:  # `gramwatt-labeler scales | head`
        sys.stdout = None  # what is left in its buffer would fail again when Python ends
        return exit_codes.BROKEN_PIPE
    except OSError as error:  # standard output is full; commands turn their own failures into other errors
        sys.stdout = None
        _log.error("%s", error.strerror or error)
        return exit_codes.ERROR


def _log_to_stderr(level: str) -> None:
    """With the time in UTC, as on the pages and in the exporter's log: an hour of local time may come twice."""
    lines = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    lines.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(lines)
    logging.basicConfig(level=level.upper(), handlers=[handler])


def _is_one_off(given: Sequence[str]) -> bool:
    """Whether the command is none of those that serve the pages: these make their database themselves."""
    command = next((one for one in given if not one.startswith("-")), "")
    return command not in ("watch", "serve")


def _say(line: str) -> None:
    print(f"gramwatt-labeler: {line}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
