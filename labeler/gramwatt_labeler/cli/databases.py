"""``gramwatt-labeler db upgrade|check``."""

from __future__ import annotations

import argparse

import msgspec

from ..config import Config
from ..store import Store, migrate
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
    before, shown = _before(config)
    if action == "upgrade" and before != migrate.HEAD:
        store = Store(config.database_url)
        store.ping()
        store.close()
    now = migrate.HEAD if action == "upgrade" else before
    if options.json:
        found = {"database": shown, "before": before, "version": now, "newest": migrate.HEAD}
        print(msgspec.json.encode(found).decode())
    else:
        what = f"version {now}" if now else "empty"
        changed = f" (was {before or 'empty'})" if now != before else ""
        print(f"{shown}: {what}{changed}; newest is {migrate.HEAD}")
    return 0 if now == migrate.HEAD else exit_codes.ERROR


def _before(config: Config) -> tuple[str, str]:
    """The version of the database, "" of an empty one, and its address without a password. It stays as it is."""
    if config.database_file is not None and not config.database_file.is_file():
        return "", config.database_url  # opening it would make the file
    database = Rehearsal(config.database_url, upgrades=False)
    try:
        with database.reading() as connection:
            return migrate.version(connection), database.shown
    finally:
        database.close()
