"""Text that a user wrote -> bytes within limits -> JSON values, with the place of what is wrong."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import InputError
from ..json_keys import once

MOST_BYTES = 64 * 1024 * 1024
MOST_ROWS = 100_000
STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class Text:
    """What was read, and what to call it in messages."""

    name: str
    content: str


@dataclass(frozen=True, slots=True)
class Value:
    """One JSON value: ``at`` is the file and line, ``path`` the JSON path in it."""

    at: str
    path: str
    value: Any


def read_text(file: str) -> Text:
    """A file, or standard input for ``-``. Raises InputError: it cannot be read, is too large, or is not UTF-8."""
    name = "standard input" if file == STANDARD_INPUT else file
    try:
        if file == STANDARD_INPUT:
            content = _read(sys.stdin.buffer)
        else:
            with Path(file).open("rb") as handle:
                content = _read(handle)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{name}: cannot read it: {reason}") from None
    if len(content) > MOST_BYTES:
        raise InputError(f"{name}: more than {MOST_BYTES // 1024**2} MB; split it")
    try:
        return Text(name, content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise InputError(f"{name}: line {line}: byte 0x{byte:02x} is not UTF-8; save it as UTF-8") from None


def _read(handle: BinaryIO) -> bytes:
    return handle.read(MOST_BYTES + 1)


def is_json(text: Text) -> bool:
    """Whether it begins as JSON does; everything else is taken for CSV."""
    return text.content.lstrip()[:1] in ("{", "[") or text.name.endswith((".json", ".jsonl", ".ndjson"))


def json_values(text: Text) -> tuple[list[Value], bool]:
    """The values of a JSON document, or of JSON Lines, and whether it was one document with one value.

    The members of an array are values of their own. Raises InputError naming line and column.
    """
    if not text.content.strip():
        raise InputError(f"{text.name}: it is empty; a JSON object is expected")
    try:
        whole = _parse(text.content)
    except json.JSONDecodeError as error:
        lines = [line for line in text.content.splitlines() if line.strip()]
        if len(lines) < 2 or error.msg != "Extra data":
            raise InputError(_where(text.name, error)) from None
        return list(_lines(text)), False
    except (ValueError, RecursionError) as error:
        raise InputError(f"{text.name}: {_said(error)}") from None
    if isinstance(whole, list):
        if len(whole) > MOST_ROWS:
            raise InputError(f"{text.name}: {len(whole)} rows, more than {MOST_ROWS}; split it")
        return [Value(text.name, f"$[{place}]", one) for place, one in enumerate(whole)], False
    return [Value(text.name, "$", whole)], True


def _lines(text: Text) -> Iterator[Value]:
    count = 0
    for number, line in enumerate(text.content.split("\n"), 1):
        if not line.strip():
            continue
        count += 1
        if count > MOST_ROWS:
            raise InputError(f"{text.name}: line {number}: more than {MOST_ROWS} rows; split it")
        at = f"{text.name}: line {number}"
        try:
            yield Value(at, "$", _parse(line))
        except json.JSONDecodeError as error:
            raise InputError(f"{at}, column {error.colno}: not JSON: {error.msg}") from None
        except (ValueError, RecursionError) as error:
            raise InputError(f"{at}: {_said(error)}") from None


def _parse(text: str) -> Any:
    return json.loads(
        text, object_pairs_hook=once, parse_int=_number, parse_float=_number, parse_constant=float
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _where(name: str, error: json.JSONDecodeError) -> str:
    return f"{name}: line {error.lineno}, column {error.colno}: not JSON: {error.msg}"


def _said(error: BaseException) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
