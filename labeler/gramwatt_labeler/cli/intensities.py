"""``gramwatt-labeler intensities``: a public table of yearly carbon intensities into the database."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

from ..config import Config
from ..errors import InputError
from ..intensities.kept import keep, kept
from ..intensities.table import SOURCE, latest, read_intensities
from ..store import Store
from ..uploads.reading import read_upload
from .author import BY
from .verbs import add_dry_run


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The file, and its source."""
    command.add_argument(
        "file",
        nargs="?",
        default="",
        metavar="FILE",
        help="Our World in Data's CSV; default: list what is kept",
    )
    command.add_argument("--source", default=SOURCE, metavar="TEXT", help=f"default: {SOURCE}")
    add_dry_run(command)
    command.add_argument("--json", action="store_true", help="print the result as JSON")


def main(options: argparse.Namespace, config: Config) -> int:
    """Whole or not at all; the same source again replaces what it said before."""
    store = Store(config.database_url, keeps=not options.dry_run)
    try:
        if not options.file:
            if options.json:
                print(json.dumps([asdict(one) for one in kept(store)], ensure_ascii=False))
                return 0
            for one in latest(kept(store)).values():
                print(f"{one.zone}: {one.grams_per_kwh:g} g/kWh in {one.year} ({one.source})")
            return 0
        try:
            content = Path(options.file).read_bytes()
        except OSError as error:
            raise InputError(f"{options.file}: cannot read the file: {error.strerror}") from None
        rows = read_intensities(read_upload(options.file, content), options.source[:200])
        before = keep(store, rows, time.time(), BY)
        zones = len({one.zone for one in rows})
        if options.json:
            found = {"source": options.source, "intensities": len(rows), "zones": zones, "before": before}
            print(json.dumps(found | {"kept": not options.dry_run}, ensure_ascii=False))
            return 0
        replaced = f", in place of {before}" if before else ""
        would = "would be kept" if options.dry_run else "kept"
        print(f"{len(rows)} intensities of {zones} zones {would}{replaced} ({options.source})")
        return 0
    finally:
        store.close()
