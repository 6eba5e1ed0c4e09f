"""``gramwatt-labeler scales``: the scales that grades can be on."""

from __future__ import annotations

import argparse

from ..config import Config
from ..json_shapes import scale_json
from .scales_in_force import scales_in_force


def main(_: argparse.Namespace, config: Config) -> int:
    """Two lines for each: name, kind, version, date and hash; title and file."""
    for loaded in scales_in_force(config).values():
        facts = scale_json(loaded)
        print(
            f"{facts['name']:<16} {facts['kind']:<9} version {facts['version']} of {facts['date']}  {facts['sha256']}"
        )
        print(f"{'':<16} {facts['title']}. {loaded.file}")
    return 0
