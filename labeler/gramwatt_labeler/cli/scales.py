"""``gramwatt-labeler scale``: list, show and check scales, compare two versions, make one of one's own runs."""

from __future__ import annotations

import argparse
import difflib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from ..config import Config
from ..errors import ConfigError, InputError, NotFound
from ..files import replace
from ..grading.decoding import decode
from ..grading.history import LEAST_RUNS, runs, scale_of
from ..grading.names import nearest_name
from ..model import Graded
from ..scale_files import LoadedScale, load_scales
from . import scale_list
from .scales_in_force import scales_in_force
from .since import since
from .verbs import add_verbs

if TYPE_CHECKING:
    from ..store import Store

_FACTS = ("task", "model", "dataset", "phase", "user", "name")
_PAGE = 500


def add_arguments(command: argparse.ArgumentParser, settings: argparse.ArgumentParser) -> None:
    """The verbs of ``scale``."""
    verbs = add_verbs(command, settings, "VERB")
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
    new.add_argument(
        "--name", default="own-history", help="what letters by it are named by; default: own-history"
    )
    new.add_argument(
        "--output", metavar="FILE", help="default: NAME.yml in grading.scales_dir, else standard output"
    )
    new.set_defaults(verb=_new)


def main(options: argparse.Namespace, config: Config) -> int:
    """The verb."""
    code: int = options.verb(options, config)
    return code


def _list(options: argparse.Namespace, config: Config) -> int:
    return scale_list.main(options, config)


def _show(options: argparse.Namespace, config: Config) -> int:
    sys.stdout.write(_loaded(options.name, config).content.decode())
    return 0


def _check(options: argparse.Namespace, _: Config) -> int:
    for file in options.files:
        scale, identity = decode(_bytes(file), file)
        state = ", retired" if scale.retired else ""
        print(
            f"{file}: {identity.name} {identity.version}, format {scale.format}{state}, sha256 {identity.sha256}"
        )
    return 0


def _diff(options: argparse.Namespace, config: Config) -> int:
    texts = []
    for one in (options.old, options.new):
        content = _bytes(one) if Path(one).is_file() else _loaded(one, config).content
        texts.append(content.decode("utf-8", "replace").splitlines())
    old, new = texts
    for line in difflib.unified_diff(old, new, options.old, options.new, lineterm="", n=2):
        print(line)
    return 0


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
    _write(options, config, content)
    for key, values in enough.items():
        where = f"{key.hardware}, {key.boundary}"
        print(f"{key.task} {key.phase} per {key.unit} ({where}): n {len(values)}", file=sys.stderr)
    return 0


def _write(options: argparse.Namespace, config: Config, content: str) -> None:
    directory = config.grading.scales_dir
    file = (
        Path(options.output)
        if options.output
        else Path(directory, f"{options.name}.yml")
        if directory
        else None
    )
    if file is None:
        sys.stdout.write(content)
        return
    try:
        replace(file, content.encode())
    except OSError as error:
        raise ConfigError("--output", f"cannot write {file}: {error.strerror}") from None
    print(file)


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
