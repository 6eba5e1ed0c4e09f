"""``gramwatt-labeler db upgrade|check``."""

from __future__ import annotations

import argparse

import msgspec

from ..config import Config
from ..store import Store, migrate, searching
from ..store.rehearsal import Rehearsal
from . import exit_codes


def add_arguments(command: argparse.ArgumentParser) -> None:
    """What to do."""
    command.add_argument("action", choices=("upgrade", "check"), help="check: say what upgrade would do")
    command.add_argument(
        "--dry-run", action="store_true", help="upgrade: only say what it would do, as check"
    )
    command.add_argument("--json", action="store_true", help="print the result as JSON")


def main(options: argparse.Namespace, config: Config) -> int:
    """``check``: 0 when the database is of this version, 1 when it is to be upgraded; ``upgrade``: does it.

    ``watch`` and ``serve`` upgrade by themselves; this shows it before they start.
    """
    action = "check" if options.dry_run else options.action
    before, shown, is_indexed = _before(config)
    if action == "upgrade" and not (before == migrate.HEAD and is_indexed):
        store = Store(config.database_url)
        store.ping()
        store.database.put_search_index()
        store.close()
        is_indexed = _before(config)[2]
    now = migrate.HEAD if action == "upgrade" else before
    if options.json:
        found = {"database": shown, "before": before, "version": now, "newest": migrate.HEAD}
        print(msgspec.json.encode(found | {"search_index": is_indexed}).decode())
    else:
        what = f"version {now}" if now else "empty"
        changed = f" (was {before or 'empty'})" if now != before else ""
        print(f"{shown}: {what}{changed}; newest is {migrate.HEAD}")
        if now == migrate.HEAD and not is_indexed:
            print(
                f"searches read every text, as pg_trgm is not there or this role may not use it: {searching.FIX}"
            )
    return 0 if now == migrate.HEAD else exit_codes.ERROR


def _before(config: Config) -> tuple[str, str, bool]:
    """The version of the database, "" of an empty one, its address without a password, and whether it has the index of
    searches. It stays as it is.
    """
    if config.database_file is not None and not config.database_file.is_file():
        return "", config.database_url, True  # opening it would make the file
    database = Rehearsal(config.database_url, upgrades=False)
    try:
        with database.reading() as connection:
            version = migrate.version(connection)
            return version, database.shown, version != migrate.HEAD or searching.has_index(connection)
    finally:
        database.close()
