"""gramwatt-exporter: the command (command.py), started with the garbage collector off until everything is wired."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 ended as asked, 1 could not run, 2 wrong settings."""
    # Imports and wiring make 100,000s of objects, none of them garbage; command.py turns the collector on again.
    gc.disable()
    from .command import main as run

    try:
        return run(argv)
    finally:
        gc.enable()


if __name__ == "__main__":
    sys.exit(main())
