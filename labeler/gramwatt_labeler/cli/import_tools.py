"""``gramwatt-labeler import`` of other tools' files: read, mapped, merged and added as the upload page does."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..config import Config
from ..errors import ConfigError, InputError
from ..forms.fields import NUMBERS
from ..forms.signs import written
from ..render.text import clean
from ..scale_files import LoadedScale
from ..store import Store
from ..uploads.adding import (
    ADDED,
    CODECARBON,
    DEFAULTS,
    TAKEN_BACK,
    File,
    Line,
    added,
    counts_of,
    graded,
    origin_of,
    proposed,
    retargeted,
    rows_of,
)
from ..uploads.mapping import EXTRA, FIELDS, named
from ..uploads.reading import read_upload
from ..uploads.sheet import Sheet
from ..uploads.text_files import UTF_16, separator_of
from ..uploads.tools import Target, Tool, recognise, tool_named
from ..web.pages.desk import Desk
from ..web.pages.page import Pages
from ..web.pages.visitors import anonymous
from .author import BY
from .line import own_options

_FORMATS = (".json", ".jsonl", ".xlsx", ".tsv")
_HEADER_BYTES = 65536
# What only CodeCarbon's own reader has: a file of another tool says it itself, or it has no such thing.
_ONLY_CODECARBON = ("timezone", "runs", "replace", "software", "user")


@dataclass(frozen=True, slots=True)
class Added:
    """What became of each line, and of the files that could not be read at all."""

    lines: Sequence[Line]
    wrong: Sequence[str]

    @property
    def failed(self) -> bool:
        return bool(self.wrong) or any(line.is_wrong for line in self.lines)

    @property
    def count(self) -> int:
        """How many were added."""
        return counts_of(self.lines)[ADDED]


def is_of_another_tool(file: str, tool: str, known: Sequence[Tool]) -> bool:
    """Whether CodeCarbon's reader is not for this file: by ``tool``, else by its format, else by its columns."""
    if tool:
        return tool != CODECARBON
    if Path(file).suffix.lower() in _FORMATS:
        return True
    try:
        with Path(file).open("rb") as opened:
            head = opened.read(_HEADER_BYTES)
    except OSError:
        return False  # the reader names the reason
    if head[:2] in UTF_16:
        return True  # CodeCarbon's reader takes neither this nor other separators than commas
    first = head.partition(b"\n")[0].decode("utf-8-sig", "replace").strip()
    if separator_of(first) != ",":
        return True
    columns = first.split(",")
    found = recognise([column.strip().strip('"') for column in columns], known)
    return found.name not in (CODECARBON, known[-1].name)


def import_tools(
    files: Sequence[str],
    options: argparse.Namespace,
    config: Config,
    store: Store,
    scales: Mapping[str, LoadedScale],
    import_id: str,
) -> Added:
    """Several files about the same runs are merged. Raises ConfigError for an argument that does not fit them."""
    unfit = next((name for name in _ONLY_CODECARBON if getattr(options, name)), "")
    if unfit:
        flag = "--run" if unfit == "runs" else f"--{unfit}"
        raise ConfigError(
            flag, f"is for CodeCarbon's files; {files[0]} is read as another tool's: leave it out"
        )
    main_scale, *more = config.grading.scales
    desk = Desk(store, scales, main_scale, str, Pages(anonymous), more_scales=more)
    known = desk.definitions.tools()
    chosen = tool_named(options.tool, known) if options.tool else None
    if options.tool and chosen is None:
        allowed = ", ".join(one.name for one in known)
        raise ConfigError("--tool", f"{options.tool[:64]!r} is none of {allowed}")
    defaults = {name: getattr(options, name, "") or "" for name in DEFAULTS} | _values(options.values)
    read: list[File] = []
    wrong = []
    for file in files:
        try:
            sheet = read_upload(file, _content(file))
        except InputError as error:
            wrong.append(str(error))
            continue
        read.append(
            _mapped(len(read), sheet, chosen or recognise(sheet.columns, known), dict(options.columns))
        )
    _check_columns(dict(options.columns), read)
    rows = rows_of(read, defaults, desk.definitions.fields())
    lines = [graded(desk.grade, row) for row in rows]
    return Added(added(desk.store, lines, BY, origin_of(read), import_id, options.again), wrong)


def as_trees(done: Added) -> list[dict[str, Any]]:
    """For ``--json``."""
    return [
        {
            "file": line.row.file, "line": line.row.line, "outcome": line.outcome, "id": line.id or None,
            "letter": line.result.shown.grade.letter if line.result else None, "message": own_options(line.message),
            "text": _text(line),
        }
        for line in done.lines
    ]  # fmt: skip


def say(done: Added, is_dry: bool, is_json: bool) -> None:
    """A line for each row, if no JSON was printed; what is wrong goes to standard error."""
    for words in done.wrong:
        print(f"gramwatt-labeler: {clean(words)}; nothing of it was imported", file=sys.stderr)
    for line in done.lines:
        where = f"{line.row.file}: line {line.row.line}: " if line.row.file else ""
        if line.is_wrong:
            print(f"gramwatt-labeler: {clean(where + line.row.wrong)}; not added", file=sys.stderr)
        elif not is_json:
            words = f"{line.message}; --again adds it" if line.outcome == TAKEN_BACK else line.outcome
            print(clean(f"{where}{_text(line)} ({words})"))
    if done.lines and not is_json:
        counts = counts_of(done.lines)
        counted = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
        print(counted + (" (nothing was kept)" if is_dry else ""))


def _text(line: Line) -> str:
    if line.result is None or line.is_wrong:
        return line.row.wrong
    shown = line.result.shown
    text = own_options(shown.grade.text)
    return f"{shown.window.model!r} on {shown.grade.scale.name} {shown.grade.scale.version}: {text}"


def _content(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"{file}: cannot read the file: {error.strerror}") from None


def _values(given: Sequence[tuple[str, float]]) -> dict[str, str]:
    """``--value`` as the form writes it, for rows that have none."""
    names = [one.name for one in NUMBERS]
    for name, _ in given:
        if name not in names:
            raise ConfigError("--value", f"{name[:64]!r} is none of {', '.join(names)}")
    return {name: written(number) for name, number in given}


def _mapped(at: int, sheet: Sheet, tool: Tool, columns: Mapping[str, str]) -> File:
    """As the tool's columns say, and as ``--column`` says instead."""
    file = proposed(at, sheet, tool)
    targets = {column.name: column.target for column in file.columns if column.target is not None}
    for field, column in columns.items():
        if column in sheet.columns:
            targets = {name: one for name, one in targets.items() if one.field != field}
            guess = named(column)
            targets[column] = replace(guess, field=field) if guess and guess.field == field else Target(field)
    return retargeted(file, targets)


def _check_columns(columns: Mapping[str, str], read: Sequence[File]) -> None:
    for field, column in columns.items():
        if field not in FIELDS and field != EXTRA:
            raise ConfigError("--column", f"{field[:64]!r} is none of {', '.join((*FIELDS, EXTRA))}")
        if read and all(column not in one.sheet.columns for one in read):
            there = ", ".join(name for one in read for name in one.sheet.columns)[:300]
            raise ConfigError("--column", f"no file has the column {column[:64]!r}; there are {there}")
