"""``gramwatt-labeler define``: metrics, tools, extra fields and tactics, listed or read from a file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import yaml

from ..config import Config
from ..errors import InputError
from ..render.text import clean
from ..store import Store
from ..web.api import shapes
from ..web.api.defined import SHAPES, Given, listed, put
from ..web.api.errors import ApiError
from ..web.pages.desk import Desk
from ..web.pages.page import Pages
from ..web.pages.visitors import anonymous
from .author import BY

_MOST_BYTES = 1_000_000


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Which kind, and a file."""
    command.add_argument("kind", choices=tuple(SHAPES), help="what is listed or defined")
    command.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="one of them or a list, in YAML or JSON as the REST API takes it",
    )
    command.add_argument("--dry-run", action="store_true", help="check the file and keep nothing")
    command.add_argument("--json", action="store_true", help="print the result as JSON")


def main(options: argparse.Namespace, config: Config) -> int:
    """List, or add and change: one that is there is changed. Raises InputError naming file and field."""
    store = Store(config.database_url, keeps=not options.dry_run)
    try:
        desk = Desk(store, {}, "", lambda one: one, Pages(anonymous))
        if options.file is None:
            rows = listed(desk, options.kind)
            lines = [f"{clean(row['name']):<28} {row['origin']:<8} {_title(row)}" for row in rows]
            text = "\n".join(lines) or f"no {options.kind} are defined yet"
            print(json.dumps(rows, indent=2) if options.json else text)
            return 0
        done = []
        for path, given in _read(options.file, options.kind):
            there = {row["name"] for row in listed(desk, options.kind)}
            _put(desk, options.file, path, given, given.name not in there)
            done.append({"name": given.name, "outcome": "changed" if given.name in there else "added"})
    finally:
        store.close()
    if options.json:
        print(json.dumps(done))
    else:
        would = "would be " if options.dry_run else ""
        print("\n".join(f"{clean(one['name'])}: {would}{one['outcome']}" for one in done))
    return 0


def _title(row: dict[str, Any]) -> str:
    return clean(str(row.get("title") or row.get("description") or ""))[:60]


def _read(file: str, kind: str) -> list[tuple[str, Given]]:
    """The path and the shape of each; all of a file is right before any of it is kept."""
    try:
        content = Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"{file}: cannot read it: {error.strerror}") from None
    if len(content) > _MOST_BYTES:
        raise InputError(f"{file}: larger than {_MOST_BYTES // 1_000_000} MB")
    try:
        tree = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        words = clean(str(error).partition("\n")[0])
        raise InputError(f"{file}: is neither YAML nor JSON: {words}") from None
    many = tree if isinstance(tree, list) else [tree]
    found = []
    for number, one in enumerate(many):
        path = f"$[{number}]" if isinstance(tree, list) else "$"
        try:
            found.append((path, shapes.read(SHAPES[kind], one)))
        except ApiError as error:
            raise InputError(_words(file, path, error)) from None
    return found


def _put(desk: Desk, file: str, path: str, given: Given, is_new: bool) -> None:
    try:
        put(desk, given, BY, is_new)
    except ApiError as error:
        raise InputError(_words(file, path, error)) from None


def _words(file: str, path: str, error: ApiError) -> str:
    allowed = f"; allowed: {', '.join(error.allowed)}" if error.allowed else ""
    return f"{file}: {path}{error.path.removeprefix('$')}: {error.message}{allowed}"
