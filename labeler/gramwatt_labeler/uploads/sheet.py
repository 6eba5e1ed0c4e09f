"""What any uploaded file is read into, and the limits it is read within."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import InputError

MOST_BYTES = 10_000_000
MOST_FILES = 10
MOST_ROWS = 100_000
MOST_COLUMNS = 300
LONGEST_CELL = 10_000
MOST_UNPACKED = 200_000_000
MOST_RATIO = 100
"""How many times larger than its file an XLSX may be unpacked."""
DURATION = " s"
"""Behind the seconds of a workbook's cell with a duration, whatever unit its column names."""


@dataclass(frozen=True, slots=True)
class Line:
    """One record: the line (or row) of the file it stands on, and its cells by column, without outer blanks."""

    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file with named columns. ``note`` says what was left out of it."""

    file: str
    columns: Sequence[str]
    lines: Sequence[Line]
    note: str = ""


def sheet_of(
    file: str, columns: Sequence[str], records: Sequence[tuple[int, Sequence[str]]], note: str = ""
) -> Sheet:
    """Check what every kind of file must keep to. Raises InputError naming file and line."""
    names = [column.strip() for column in columns]
    if not any(names):
        raise InputError(f"{file}: the first line has no column names")
    if len(names) > MOST_COLUMNS:
        raise InputError(f"{file}: {len(names)} columns; at most {MOST_COLUMNS} are read")
    if len(records) > MOST_ROWS:
        raise InputError(f"{file}: {len(records)} rows; at most {MOST_ROWS} are read; split the file")
    names = [name or f"column {number}" for number, name in enumerate(names, 1)]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise InputError(f"{file}: line 1: column {doubled[:60]!r} is there twice; remove or rename one")
    lines = []
    for number, cells in records:
        texts = [cell.strip() for cell in cells]
        if not any(texts) or texts == names:
            continue
        if len(texts) > len(names):
            raise InputError(
                f"{file}: line {number} has {len(texts)} fields and the header {len(names)}; "
                "a field with the separator in it needs quotation marks"
            )
        long = next((text for text in texts if len(text) > LONGEST_CELL), None)
        if long is not None:
            raise InputError(
                f"{file}: line {number} has a cell of {len(long)} characters; at most {LONGEST_CELL}"
            )
        lines.append(Line(number, dict(zip(names, texts + [""] * (len(names) - len(texts)), strict=True))))
    if not lines:
        raise InputError(f"{file}: there is a header and no row")
    return Sheet(file, names, lines, note)
