"""``gramwatt-labeler scales``: the scales that grades can be on."""

from __future__ import annotations

import argparse
import json

from ..config import Config
from ..json_shapes import scale_json
from .scales_in_force import scales_in_force


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The form of the list."""
    command.add_argument("--json", action="store_true", help="print the list as JSON")


def main(options: argparse.Namespace, config: Config) -> int:
    """Two lines for each: name, kind, version, date and hash; title and file."""
    if options.json:
        rows = [scale_json(one) | {"file": str(one.file)} for one in scales_in_force(config).values()]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return 0
    for loaded in scales_in_force(config).values():
        facts = scale_json(loaded)
        print(
            f"{facts['name']:<16} {facts['kind']:<9} version {facts['version']} of {facts['date']}  {facts['sha256']}"
        )
        print(f"{'':<16} {facts['title']}. {loaded.file}")
    return 0
