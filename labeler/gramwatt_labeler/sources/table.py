"""A comma-separated file, read strictly: what is odd about it is said with file and line, never guessed."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError

_OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


@dataclass(frozen=True, slots=True)
class Row:
    """One record: the line it begins on (the header is line 1) and its cells by column, without outer blanks."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A file with a header, read."""

    path: Path
    columns: Sequence[str]
    rows: Sequence[Row]


def read_table(path: Path) -> Table:
    """Read a whole file. Empty lines are skipped; a byte order mark is no part of the first column.

    Raises:
        InputError: the file cannot be read, is not UTF-8, is empty, is cut off, or is not separated by commas.
    """
    text = _text(path)
    table = parse_table(path, text)
    if not text.endswith(("\n", "\r")):
        # The last number may have lost digits and still be a number.
        raise InputError(
            f"{path}: line {_records(path, text)[-1][0]} does not end with a line break, so the file may be cut off; "
            "copy it again, or add the line break if the line is complete"
        )
    return table


def parse_table(path: Path, text: str) -> Table:
    """The rows of a text. ``path`` is only what messages call it. Raises InputError."""
    records = _records(path, text)
    if not records:
        raise InputError(f"{path}: the file is empty; it needs a header line and a row per run")
    _, columns = records[0]
    columns = [column.strip() for column in columns]
    _check_header(path, columns)
    rows = []
    for line, cells in records[1:]:
        if [cell.strip() for cell in cells] == columns:
            continue  # several programs began the file at the same moment, each with its header
        if len(cells) != len(columns):
            fix = (
                "the file is cut off there: copy it again or remove that line"
                if len(cells) < len(columns) and line == records[-1][0]
                else "the line must have a field for each column of the header"
            )
            raise InputError(
                f"{path}: line {line} has {len(cells)} of {len(columns)} fields (the last one is column "
                f"{columns[min(len(cells), len(columns)) - 1]!r}); {fix}"
            )
        rows.append(Row(line, dict(zip(columns, (cell.strip() for cell in cells), strict=True))))
    if not rows:
        raise InputError(f"{path}: the file has a header and no row; there is nothing to import")
    return Table(path, columns, rows)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot read the file: {error.strerror}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}: line {line}: byte 0x{content[error.start]:02x} is not UTF-8; save the file as UTF-8"
        ) from None


def _records(path: Path, text: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records = []
    line = 1
    try:
        for cells in reader:
            if cells:
                records.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}: line {line}: {error}; a quotation mark is open or misplaced") from None
    return records


def _check_header(path: Path, columns: Sequence[str]) -> None:
    if len(columns) == 1:
        for delimiter, name in _OTHER_DELIMITERS.items():
            if delimiter in columns[0]:
                raise InputError(
                    f"{path}: line 1: the columns are separated by {name}; save the file separated by commas, "
                    "with points in decimal numbers"
                )
    doubled = sorted({column for column in columns if columns.count(column) > 1})
    if doubled:
        raise InputError(f"{path}: line 1: column {doubled[0]!r} is there twice; remove or rename one")
