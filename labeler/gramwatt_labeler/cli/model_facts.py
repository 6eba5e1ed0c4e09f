"""``gramwatt-labeler model-facts``: parameters, size, FLOPs and library of a model, from its file."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from ..config import Config
from ..errors import InputError
from ..model_files.facts import FileFacts, as_tree
from ..model_files.input_shapes import EXAMPLE, read_shapes
from ..model_files.reading import READ, read_path
from ..render.quantity import quantity
from .author import BY


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The file, and the model it is of."""
    command.add_argument(
        "file", metavar="FILE", help=f"{READ}, or that folder; of other formats the size alone"
    )
    command.add_argument(
        "--input", action="append", default=[], metavar="NAME=SIZES",
        help=f"the shape of an input that the file leaves open, such as {EXAMPLE}; for FLOPs, once for each",
    )  # fmt: skip
    command.add_argument(
        "--model", default="", metavar="NAME", help="keep the facts with this model (organisation/name)"
    )
    command.add_argument("--dry-run", action="store_true", help="print them and keep nothing")
    command.add_argument("--json", action="store_true", help="print the result as JSON")


def main(options: argparse.Namespace, config: Config) -> int:
    """Raises InputError for a file that cannot be read."""
    path = Path(options.file)
    try:
        shapes = read_shapes(" ".join(options.input))
    except InputError as error:
        raise InputError(f"--input: {error}") from None
    try:
        facts = read_path(path, shapes)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{options.file}: cannot read it: {getattr(error, 'strerror', None) or error}"
        ) from None
    kept = ""
    if options.model and not options.dry_run:
        kept = _kept(options.model, facts, config)
    tree = {**as_tree(facts), "model": kept or None}
    print(json.dumps(tree, indent=2) if options.json else text_of(path.name, facts, kept))
    return 0


def text_of(name: str, facts: FileFacts, kept: str = "") -> str:
    """In words."""
    parameters = "not known" if facts.parameters is None else quantity(facts.parameters, "count")
    lines = [f"{name}: {facts.format}, {quantity(facts.file_bytes, 'bytes')}, parameters {parameters}"]
    if facts.flops_per_unit is not None:
        lines[0] += f", {quantity(facts.flops_per_unit, 'flops')} per request"
    lines[0] += f", {facts.library}" if facts.library not in ("", facts.format) else ""
    lines += [f"  {note}" for note in facts.notes]
    return "\n".join([*lines, f"kept with the model {kept}"] if kept else lines)


def _kept(name: str, facts: FileFacts, config: Config) -> str:
    # Imported here: without --model no database is opened, and its library takes long to import.
    from ..model_files.keeping import keep
    from ..render.text import clean
    from ..store import Store
    from ..store.nouns import ModelFacts
    from ..store.rows import author_and_name

    author, short = author_and_name(clean(name))
    if not short or len(author) > 256 or len(short) > 256:
        raise InputError(
            f"--model: {name[:80]!r} is no name; write organisation/name, 256 characters each at most"
        )
    store = Store(config.database_url)
    try:
        keep(store, ModelFacts(author, short), facts, time.time(), BY)
    finally:
        store.close()
    return f"{author}/{short}" if author else short
