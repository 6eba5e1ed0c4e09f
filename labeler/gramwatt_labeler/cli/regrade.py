"""``gramwatt-labeler grade --again``: stored results on the scales as they are now."""

from __future__ import annotations

import argparse
import time

import msgspec

from ..config import Config
from ..model import Grade
from ..render.text import clean
from ..scale_files import pick
from .scales_in_force import scales_in_force
from .since import since


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Only what belongs to grading again."""
    group = command.add_argument_group(
        "stored results again", "with the scales as they are now; both results are kept"
    )
    group.add_argument(
        "--again", action="store_true", help="grade again what another version of the scale graded"
    )
    group.add_argument(
        "--since", type=since, metavar="WHEN", help="only what ended since 2026-01-31, or 30d ago"
    )
    group.add_argument("--dry-run", action="store_true", help="say what would change, write nothing")


def main(options: argparse.Namespace, config: Config) -> int:
    """A line for each result; the exit code is 0 also when there is none."""
    # Imported here: ``grade`` of a window opens no database, and its library takes long to import.
    from ..scale_book.regrading import regrade
    from ..store import Store

    scales = pick(scales_in_force(config), config.grading.scales)
    store = Store(config.database_url, keeps=not options.dry_run)
    try:
        done = [
            one
            for loaded in scales
            for one in regrade(
                store, loaded, time.time(), config.grading.hardware, options.since or 0.0, dry=options.dry_run
            )
        ]
    finally:
        store.close()
    if options.json:
        rows = [
            {"window": one.window.id, "before": _side(one.before), "after": _side(one.after)} for one in done
        ]
        print(msgspec.json.format(msgspec.json.encode(rows)).decode())
        return 0
    for one in done:
        print(clean(one.text))
    changed = sum(one.before is None or one.before.letter != one.after.letter for one in done)
    verb = "would be" if options.dry_run else "were"
    print(
        f"{len(done)} result(s) {verb} graded again, {changed} with another letter; the earlier ones are kept"
    )
    return 0


def _side(grade: Grade | None) -> dict[str, object] | None:
    if grade is None:
        return None
    scale = grade.scale
    return {
        "scale": scale.name, "version": scale.version, "sha256": scale.sha256,
        "grade": grade.letter, "text": grade.text,
    }  # fmt: skip
