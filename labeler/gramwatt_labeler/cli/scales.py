"""``gramwatt-labeler scale``: list, show and check scales, compare two versions, make one of one's own runs."""

from __future__ import annotations

import argparse
import difflib
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import yaml

from ..config import Config
from ..errors import ConfigError, InputError, NotFound
from ..files import replace
from ..grading.decoding import decode
from ..grading.history import LEAST_RUNS, Key, runs, scale_of
from ..grading.names import nearest_name
from ..json_shapes import scale_json
from ..model import Graded
from ..scale_files import LoadedScale, load_scales
from . import scale_list
from .scales_in_force import scales_in_force
from .since import since
from .verbs import add_dry_run, add_verbs, with_json

if TYPE_CHECKING:
    from ..store import Store

_FACTS = ("task", "model", "dataset", "phase", "user", "name")
_PAGE = 500


def add_arguments(command: argparse.ArgumentParser, settings: argparse.ArgumentParser) -> None:
    """The verbs of ``scale``."""
    command.add_argument("--json", action="store_true", help="print the result as JSON")
    verbs = add_verbs(command, with_json(settings), "VERB")
    verbs.add_parser("list", help="every scale with version and hash").set_defaults(verb=_list)
    show = verbs.add_parser("show", help="print a scale's file")
    show.add_argument("name", metavar="NAME", help="a scale's name")
    show.set_defaults(verb=_show)
    check = verbs.add_parser("check", help="whether files are scales; what is wrong is named by key")
    check.add_argument("files", nargs="+", metavar="FILE", help="a scale in YAML")
    check.set_defaults(verb=_check)
    diff = verbs.add_parser("diff", help="what differs between two scales (names or files)")
    diff.add_argument("old", metavar="OLD", help="a scale's name, or a file")
    diff.add_argument("new", metavar="NEW", help="a scale's name, or a file")
    diff.set_defaults(verb=_diff)
    new = verbs.add_parser("new", help="make a scale from your own stored runs: median, spread and number")
    new.add_argument("--from", dest="wanted", action="append", default=[], type=_fact, metavar="FACT=TEXT",
                     help=f"only runs of this; FACT is one of {', '.join(_FACTS)}; may be repeated")  # fmt: skip
    new.add_argument(
        "--since", type=since, default=0.0, metavar="WHEN", help="runs since 2026-01-31, or 30d ago"
    )
    new.add_argument("--name", default="own-history", help="the new scale's name; default: own-history")
    new.add_argument(
        "--output", metavar="FILE", help="default: NAME.yml in grading.scales_dir, else standard output"
    )
    add_dry_run(new)
    new.set_defaults(verb=_new)


def main(options: argparse.Namespace, config: Config) -> int:
    """The verb."""
    code: int = options.verb(options, config)
    return code


def _list(options: argparse.Namespace, config: Config) -> int:
    return scale_list.main(options, config)


def _show(options: argparse.Namespace, config: Config) -> int:
    loaded = _loaded(options.name, config)
    if options.json:
        _dump(scale_json(loaded) | {"content": msgspec.to_builtins(loaded.scale)})
    else:
        sys.stdout.write(loaded.content.decode())
    return 0


def _check(options: argparse.Namespace, _: Config) -> int:
    read = [(file, *decode(_bytes(file), file)) for file in options.files]
    if options.json:
        _dump(
            [
                {"file": file, "name": one.name, "version": one.version, "format": scale.format,
                 "retired": scale.retired, "sha256": one.sha256}
                for file, scale, one in read
            ]
        )  # fmt: skip
        return 0
    for file, scale, identity in read:
        state = ", retired" if scale.retired else ""
        print(
            f"{file}: {identity.name} {identity.version}, format {scale.format}{state}, sha256 {identity.sha256}"
        )
    return 0


def _diff(options: argparse.Namespace, config: Config) -> int:
    contents = [
        _bytes(one) if Path(one).is_file() else _loaded(one, config).content
        for one in (options.old, options.new)
    ]
    if options.json:
        sides = [
            msgspec.to_builtins(decode(content, name)[0])
            for content, name in zip(contents, (options.old, options.new), strict=True)
        ]
        _dump({"old": options.old, "new": options.new, "changes": list(_changes(*sides))})
        return 0
    old, new = (content.decode("utf-8", "replace").splitlines() for content in contents)
    for line in difflib.unified_diff(old, new, options.old, options.new, lineterm="", n=2):
        print(line)
    return 0


def _changes(old: object, new: object, path: str = "$") -> Iterator[dict[str, object]]:
    """What differs, by its JSON path; ``null`` is not there."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            yield from _changes(old.get(key), new.get(key), f"{path}.{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _changes(before, after, f"{path}[{number}]")
    elif old != new:
        yield {"path": path, "old": old, "new": new}


def _dump(tree: object) -> None:
    print(msgspec.json.format(msgspec.json.encode(tree)).decode())


def _new(options: argparse.Namespace, config: Config) -> int:
    if options.name in load_scales():
        raise ConfigError(
            "--name",
            f"{options.name!r} is a shipped scale; letters by your own runs need a name of their own",
        )
    from ..store import Store  # here: the other verbs open no database, and its library takes long to import

    store = Store(config.database_url)
    try:
        found = runs(_stored(store), dict(options.wanted), options.since)
    finally:
        store.close()
    enough = {key: values for key, values in found.items() if len(values) >= LEAST_RUNS}
    if not enough:
        most = max(map(len, found.values()), default=0)
        raise NotFound(
            f"no {LEAST_RUNS} stored runs that are alike and may be graded (most of one kind: {most}); record more, "
            "or widen --from and --since"
        )
    what = ", ".join(f"{name}={value}" for name, value in options.wanted) or "all tasks"
    content = yaml.safe_dump(
        scale_of(options.name, enough, what, time.time()), sort_keys=False, allow_unicode=True
    )
    decode(content.encode(), options.name)  # what is written can be read
    file = _write(options, config, content)
    _print_new(options, file, content, enough)
    return 0


def _print_new(
    options: argparse.Namespace, file: Path | None, content: str, enough: Mapping[Key, Sequence[float]]
) -> None:
    """The scale, or where it is; on standard error how many runs each of its references has."""
    if options.json:
        written = str(file) if file is not None and not options.dry_run else None
        _dump(
            {
                "file": written, "content": yaml.safe_load(content),
                "runs": [{"task": key.task, "phase": key.phase, "unit": key.unit, "hardware": key.hardware,
                          "boundary": key.boundary, "n": len(values)} for key, values in enough.items()],
            }
        )  # fmt: skip
    elif file is None or options.dry_run:
        sys.stdout.write(content)
    else:
        print(file)
    for key, values in enough.items():
        where = f"{key.hardware}, {key.boundary}"
        print(f"{key.task} {key.phase} per {key.unit} ({where}): n {len(values)}", file=sys.stderr)


def _write(options: argparse.Namespace, config: Config, content: str) -> Path | None:
    """The file it is in, or would be in; None for standard output."""
    directory = config.grading.scales_dir
    file = (
        Path(options.output)
        if options.output
        else Path(directory, f"{options.name}.yml")
        if directory
        else None
    )
    if file is None or options.dry_run:
        return file
    try:
        replace(file, content.encode())
    except OSError as error:
        raise ConfigError("--output", f"cannot write {file}: {error.strerror}") from None
    return file


def _stored(store: Store) -> Iterator[Graded]:
    offset = 0
    while page := store.recent(_PAGE, offset=offset):
        yield from page
        offset += _PAGE


def _loaded(name: str, config: Config) -> LoadedScale:
    scales = scales_in_force(config)
    if name not in scales:
        near = nearest_name(name, scales)
        hint = f"; did you mean {near!r}?" if near else ""
        raise NotFound(f"no scale {name[:80]!r}{hint} (known: {', '.join(scales)})")
    return scales[name]


def _bytes(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot read it: {getattr(error, 'strerror', None) or error}") from None


def _fact(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or name not in _FACTS:
        raise argparse.ArgumentTypeError(
            f"expected FACT=TEXT with FACT one of {', '.join(_FACTS)}, got {text!r}"
        )
    return name, value
