"""CSV, TSV, JSON and JSON Lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from ..errors import InputError
from ..exchange import boamps
from ..forms.signs import written
from ..json_keys import once
from .sheet import MOST_COLUMNS, MOST_ROWS, Line, Sheet, sheet_of

UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""The byte order marks of UTF-16."""
_SEPARATORS = ",;\t|"
_DEEPEST = 4


def text_of(file: str, content: bytes) -> str:
    """A file's text: UTF-8, with or without a byte order mark, or UTF-16 with one. Raises InputError with the line."""
    encoding = "utf-16" if content[:2] in UTF_16 else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{file}: line {line}: the text is not UTF-8; save the file as UTF-8 (CSV UTF-8 in a spreadsheet)"
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError(f"{file}: line {line}: there is a NUL character; the file is not text")
    return text


def separator_of(first: str) -> str:
    """What splits the first line of a table most."""
    return max(_SEPARATORS, key=first.count)


def read_csv(file: str, content: bytes) -> Sheet:
    """A table with a header. The separator is what splits the first line most. Raises InputError naming the line."""
    text = text_of(file, content)
    separator = separator_of(text.lstrip("\r\n").split("\n", 1)[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    records: list[tuple[int, Sequence[str]]] = []
    line = 1
    try:
        for cells in reader:
            if cells:
                records.append((line, cells))
            if len(records) > MOST_ROWS + 1:
                raise InputError(f"{file}: more than {MOST_ROWS} rows; split the file")
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{file}: line {line}: {error}; a quotation mark is open or misplaced") from None
    if not records:
        raise InputError(f"{file}: the file is empty")
    return sheet_of(file, records[0][1], records[1:])


def read_json(file: str, content: bytes) -> Sheet:
    """An object, a list of objects, or one object a line. Objects inside become columns such as ``components.cpu``."""
    text = text_of(file, content)
    objects = _objects(file, text)
    if len(objects) > MOST_ROWS:
        raise InputError(f"{file}: {len(objects)} objects; at most {MOST_ROWS} are read")
    columns: dict[str, None] = {}
    flat: list[tuple[int, dict[str, str]]] = []
    for line, found in objects:
        cells: dict[str, str] = {}
        _flatten(file, line, boamps.as_row(found) if boamps.is_report(found) else found, "", cells)
        columns |= dict.fromkeys(cells)
        flat.append((line, cells))
        if len(columns) > MOST_COLUMNS:
            raise InputError(f"{file}: more than {MOST_COLUMNS} different keys")
    lines = [Line(line, {name: cells.get(name, "") for name in columns}) for line, cells in flat if cells]
    if not lines:
        raise InputError(f"{file}: there is no object with values in it")
    return Sheet(file, list(columns), lines)


def _objects(file: str, text: str) -> list[tuple[int, Mapping[str, Any]]]:
    whole = text.strip()
    if not whole:
        raise InputError(f"{file}: the file is empty")
    try:
        tree = _load(whole)
    except json.JSONDecodeError as error:
        if "\n" in whole and whole.startswith("{"):
            return _lines(file, text)
        raise InputError(f"{file}: line {error.lineno}: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: {error if isinstance(error, ValueError) else 'nested too deep'}") from None
    if isinstance(tree, dict):
        inside: list[Mapping[str, Any]] | None = next(
            (value for value in tree.values() if _is_list_of_objects(value)), None
        )
        if boamps.is_report(tree):
            return [(1, tree)]
        return list(enumerate(inside, 1)) if inside is not None and len(tree) == 1 else [(1, tree)]
    if _is_list_of_objects(tree):
        return list(enumerate(tree, 1))
    raise InputError(f"{file}: expected an object or a list of objects")


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _lines(file: str, text: str) -> list[tuple[int, Mapping[str, Any]]]:
    found: list[tuple[int, Mapping[str, Any]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            one = _load(line)
        except (ValueError, RecursionError) as error:
            what = error.msg if isinstance(error, json.JSONDecodeError) else error
            raise InputError(f"{file}: line {number}: {what}") from None
        if not isinstance(one, dict):
            raise InputError(f"{file}: line {number}: expected an object")
        found.append((number, one))
    return found


def _load(text: str) -> Any:
    return json.loads(text, parse_constant=_no_constant, object_pairs_hook=once)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON; leave the key out where the value is not known")


def _flatten(
    file: str, line: int, found: Mapping[str, Any], before: str, cells: dict[str, str], depth: int = 1
) -> None:
    for key, value in found.items():
        name = f"{before}{key}"
        if isinstance(value, dict) and depth < _DEEPEST:
            _flatten(file, line, value, f"{name}.", cells, depth + 1)
        elif value is None or isinstance(value, list | dict):
            continue  # no field of the form holds one
        else:
            cells[name] = _cell(value)
            if len(cells[name]) > 10_000:
                raise InputError(f"{file}: line {line}: {name[:60]!r} is longer than 10,000 characters")


def _cell(value: object) -> str:
    if isinstance(value, float):
        return written(value)
    return str(value).strip()
