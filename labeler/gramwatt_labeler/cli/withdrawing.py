"""``gramwatt-labeler take-back`` and ``restore``: evaluations that count nowhere, and those that count again."""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..config import Config
from ..errors import ConfigError
from ..render.files import remove_labels
from ..render.text import clean
from ..store import Store
from ..store.withdrawals import Which, Withdrawal, Withdrawals
from ..store.withdrawing import LONGEST_REASON
from ..units import moment
from .author import BY
from .servers import output
from .verbs import add_dry_run

_log = logging.getLogger("gramwatt_labeler")
_LISTED = 500
_ALL = 2**31 - 1


def add_arguments(command: argparse.ArgumentParser) -> None:
    """What is taken back, and why."""
    command.add_argument("ids", nargs="*", metavar="ID", help="an evaluation")
    command.add_argument(
        "--import",
        dest="import_id",
        default="",
        metavar="ID",
        help="all that came in with this import or upload",
    )
    command.add_argument("--file", default="", metavar="NAME", help="all that a file of this name stated")
    command.add_argument("--reason", default="", metavar="TEXT", help="why, as its page says it")
    add_dry_run(command)
    command.add_argument("--json", action="store_true", help="print the result as JSON")


def take_back(options: argparse.Namespace, config: Config) -> int:
    """Raises ConfigError for no evaluation or two kinds of them, NotFound, and TakenBack."""
    if sum(map(bool, (options.ids, options.import_id, options.file))) != 1:
        raise ConfigError("ID", "name evaluations, or one of --import and --file")
    reason = clean(options.reason)
    if len(reason) > LONGEST_REASON:
        raise ConfigError("--reason", f"longer than {LONGEST_REASON} characters")
    which = Which(list(dict.fromkeys(options.ids)), options.import_id, options.file)
    with _opened(config, not options.dry_run) as withdrawals:
        act = withdrawals.take_back(which, BY, reason, time.time(), None)
        done = withdrawals.get(act.id, _ALL)
    ids = [one.evaluation for one in done.items]
    if not options.dry_run:
        _remove(ids, config)
    if options.json:
        found = {"ids": ids, "withdrawal": None if options.dry_run else done.id}
        print(json.dumps(found, indent=2))
        return 0
    print("\n".join(_line(done)))
    kept = "nothing was kept" if options.dry_run else f"put back by: gramwatt-labeler restore {done.id}"
    print(f"{len(ids)} taken back; {kept}")
    return 0


def add_restore_arguments(command: argparse.ArgumentParser) -> None:
    """Which act, and which of its evaluations."""
    command.add_argument(
        "number", nargs="?", type=int, metavar="NUMBER", help="of a withdrawal; none lists all"
    )
    command.add_argument("ids", nargs="*", metavar="ID", help="these evaluations of it alone")
    add_dry_run(command)
    command.add_argument("--json", action="store_true", help="print the result as JSON")


def restore(options: argparse.Namespace, config: Config) -> int:
    """Raises NotFound, and Duplicate where another evaluation stands in the place of one."""
    with _opened(config, not options.dry_run) as withdrawals:
        if options.number is None:
            return _list(withdrawals.some(limit=_LISTED), options.json)
        ids = withdrawals.restore(options.number, BY, time.time(), options.ids)
    if options.json:
        print(json.dumps({"ids": ids}, indent=2))
    else:
        print("\n".join(map(clean, ids)))
        print(f"{len(ids)} put back" + ("; nothing was kept" if options.dry_run else ""))
    return 0


def _list(found: Sequence[Withdrawal], is_json: bool) -> int:
    if is_json:
        rows = [
            {
                "id": one.id, "at": one.at, "by": one.by, "reason": one.reason, "count": one.total,
                "ids": [item.evaluation for item in one.items],
            }
            for one in found
        ]  # fmt: skip
        print(json.dumps(rows, indent=2))
        return 0
    for one in found:
        first = clean(one.items[0].model or one.items[0].name or one.items[0].evaluation) if one.items else ""
        more = f" and {one.total - 1} more" if one.total > 1 else ""
        why = f": {clean(one.reason)}" if one.reason else ""
        print(f"{one.id:>5}  {moment(one.at)}  {first}{more}, by {clean(one.by) or 'Gramwatt'}{why}")
    if not found:
        print("nothing is taken back")
    return 0


def _line(done: Withdrawal) -> Iterator[str]:
    for one in done.items:
        yield f"{clean(one.evaluation)}  {clean(one.model or one.name)}"


@contextmanager
def _opened(config: Config, keeps: bool) -> Iterator[Withdrawals]:
    store = Store(config.database_url, keeps)
    try:
        yield Withdrawals(store.database)
    finally:
        store.close()


def _remove(ids: Sequence[str], config: Config) -> None:
    """Label files are a convenience: one that cannot be removed is only said."""
    try:
        remove_labels(ids, output(config).directory)
    except OSError as error:
        _log.warning("cannot remove label files: %s", clean(str(error)))
