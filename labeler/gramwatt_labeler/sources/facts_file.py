"""Facts to grade, as people and programs write them: JSON, JSON Lines or CSV -> Facts, strictly.

What is no number is missing, and a note says so; what has no meaning (an unknown key, a list where a number belongs) is
refused with file, line, JSON path and what is allowed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import FactsError, InputError
from ..grading.facts import Facts, Quantity
from ..grading.names import nearest_name
from .facts_text import MOST_ROWS, Text, Value, is_json, json_values
from .table import Row, Table, parse_table

PHASES = ("training", "inference")
BOUNDARIES = ("gpu", "process", "machine")
_TEXTS = ("name", "phase", "task", "dataset", "hardware", "boundary")
KEYS = (*_TEXTS, "metrics", "weights")
_NAME_COLUMNS = ("name", "modelid", "model", "params.model", "id")
_PREFIX = "metrics."  # of MLflow's columns
_NOTHING = ("", "nan", "na", "n/a", "none", "null", "-")
_UNFINISHED = ("FAILED", "KILLED", "RUNNING", "SCHEDULED")
_ALMOST = 0.85
"""A column this much like a metric's name is taken for a misspelling of it, and refused."""


@dataclass(frozen=True, slots=True)
class Record:
    """Facts with the name they were given and where they are from. ``odd`` says why a metric is missing."""

    facts: Facts
    name: str = ""
    at: str = ""
    path: str = "$"
    odd: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Records:
    """What an input held. ``is_one`` where it was one JSON object; ``unused`` are columns that no metric is in."""

    records: list[Record]
    is_one: bool = False
    is_lines: bool = False
    unused: tuple[str, ...] = ()
    left_out: int = 0  # rows of runs that did not finish, by MLflow's column ``status``


def read_records(text: Text, known: Collection[str]) -> Records:
    """Facts from an input; ``known`` are the metrics a scale knows, to recognise columns by. Raises InputError."""
    if not is_json(text):
        return _from_table(parse_table(Path(text.name), text.content), known)
    values, is_one = json_values(text)
    is_lines = len(values) != 1 and values[0].path == "$" if values else False
    return Records([record_of(value) for value in values], is_one, is_lines)


def record_of(value: Value) -> Record:
    """One JSON object as facts. Raises InputError."""
    tree = as_object(value, KEYS)
    texts = {key: _text(value, key, tree.get(key)) for key in _TEXTS}
    one_of(value, "phase", texts["phase"], PHASES)
    one_of(value, "boundary", texts["boundary"], BOUNDARIES)
    metrics, odd = metrics_of(value, tree.get("metrics"), "metrics")
    facts = Facts(
        phase=texts["phase"],
        task=texts["task"],
        dataset=texts["dataset"],
        hardware=texts["hardware"],
        boundary=texts["boundary"],
        metrics=metrics,
        weights=weights_of(value, tree.get("weights")),
    )
    return Record(facts, texts["name"], value.at, value.path, odd)


def refused(value: Value, path: str, message: str, allowed: Collection[str] = ()) -> InputError:
    """What is wrong at a path inside a value, and what may stand there."""
    return InputError(f"{value.at}: {value.path}{path}: {message}", list(allowed))


def as_object(value: Value, keys: Collection[str]) -> dict[str, Any]:
    """The value if it is an object of these keys. Raises InputError with the nearest one."""
    tree = value.value
    if not isinstance(tree, dict):
        raise refused(value, "", f"expected an object with {', '.join(keys)}, got {kind(tree)}")
    for key in tree:
        if key not in keys:
            near = nearest_name(key, keys)
            hint = f"; did you mean {near!r}?" if near else ""
            raise refused(value, "", f"unknown key {key[:80]!r}{hint} (allowed: {', '.join(keys)})", keys)
    return tree


def metrics_of(value: Value, tree: Any, key: str) -> tuple[dict[str, Quantity], dict[str, str]]:
    """Metrics by name, and why some are missing. Raises InputError."""
    if not isinstance(tree, dict):
        got = "nothing" if tree is None else kind(tree)
        raise refused(value, f".{key}", f'expected an object such as {{"co2_eq_emissions": 10.0}}, got {got}')
    metrics: dict[str, Quantity] = {}
    odd: dict[str, str] = {}
    for name, one in tree.items():
        unit = ""
        if isinstance(one, dict):
            if set(one) - {"value", "unit"} or not isinstance(one.get("unit", ""), str):
                raise refused(
                    value, f".{key}.{name[:80]}", 'expected a number or {"value": NUMBER, "unit": TEXT}'
                )
            unit, one = one.get("unit", ""), one.get("value")
        if isinstance(one, list | dict):
            raise refused(value, f".{key}.{name[:80]}", f"expected a number, got {kind(one)}")
        metrics[name] = (one, unit) if isinstance(one, float) else (None, unit)
        if not isinstance(one, float):
            odd[name] = f"{name} is {kind(one)}, not a number" if one is not None else f"{name} is not given"
    return metrics, odd


def weights_of(value: Value, tree: Any) -> dict[str, float] | None:
    """Weights by name; None where there are none. Raises InputError."""
    if tree is None:
        return None
    if not isinstance(tree, dict):
        raise refused(value, ".weights", f"expected an object of numbers by metric, got {kind(tree)}")
    for name, weight in tree.items():
        if not isinstance(weight, float) or not math.isfinite(weight) or weight < 0:
            raise refused(
                value, f".weights.{name[:80]}", f"expected a number of at least 0, got {shown(weight)}"
            )
    return dict(tree)


def one_of(value: Value, key: str, text: str, allowed: Collection[str]) -> None:
    """Raises InputError for a text that is neither empty nor allowed."""
    if text and text not in allowed:
        near = nearest_name(text, allowed)
        hint = f"; did you mean {near!r}?" if near else ""
        raise refused(value, f".{key}", f"{text[:80]!r} is not one of {', '.join(allowed)}{hint}", allowed)


def at_record(record: Record, error: FactsError) -> InputError:
    """The same error with file, line and the path inside the file."""
    return InputError(f"{record.at}: {record.path}{error.path.removeprefix('$')}: {error.message}")


def kind(value: object) -> str:
    """What a JSON value is, in words."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", float: "a number"}
    return next((name for one, name in names.items() if isinstance(value, one)), "null")


def shown(value: object) -> str:
    """A wrong value, briefly."""
    return f"{value:g}" if isinstance(value, float) else repr(value)[:60]


def _text(value: Value, key: str, one: object) -> str:
    if one is None:
        return ""
    if not isinstance(one, str):
        raise refused(value, f".{key}", f"expected a text, got {kind(one)}")
    return one.strip()


def _from_table(table: Table, known: Collection[str]) -> Records:
    if len(table.rows) > MOST_ROWS:
        raise InputError(f"{table.path}: {len(table.rows)} rows, more than {MOST_ROWS}; split it")
    columns = {column: column.removeprefix(_PREFIX) for column in table.columns}
    texts = {key: column for key in _TEXTS[1:] for column in table.columns if column.lower() == key}
    names = {column.lower(): column for column in table.columns}
    name_column = next((names[one] for one in _NAME_COLUMNS if one in names), "")
    labels = {*texts.values(), name_column}
    # A population names its own metrics: then every other column is one.
    metrics = {one: name for one, name in columns.items() if (name in known if known else one not in labels)}
    unused = [column for column in table.columns if column not in {*metrics, *texts.values(), name_column}]
    for column in unused:
        near = nearest_name(columns[column], known, _ALMOST)
        if near and near not in metrics.values():
            raise InputError(
                f"{table.path}: line 1: unknown column {column!r}; did you mean {near!r}? (known: {', '.join(known)})"
            )
    if known and not metrics:
        raise InputError(f"{table.path}: line 1: no column of a metric; known are {', '.join(known)}")
    rows = [row for row in table.rows if row.cells.get("status", "") not in _UNFINISHED]
    records = [_of_row(table.path, row, metrics, texts, name_column) for row in rows]
    return Records(records, is_lines=True, unused=tuple(unused), left_out=len(table.rows) - len(rows))


def _of_row(
    path: Path, row: Row, metrics: Mapping[str, str], texts: Mapping[str, str], name_column: str
) -> Record:
    numbers: dict[str, Quantity] = {}
    odd = {}
    for column, name in metrics.items():
        cell = row.cells[column]
        try:
            numbers[name] = (float(cell), "")
        except ValueError:
            numbers[name] = (None, "")
            is_empty = cell.lower() in _NOTHING
            odd[name] = f"{name} is not given" if is_empty else f"{name} is {cell[:40]!r}, not a number"
    found = {key: row.cells[column] for key, column in texts.items()}
    at = f"{path}: line {row.line}"
    value = Value(at, "$", found)
    phase, boundary = found.get("phase", "").lower(), found.get("boundary", "").lower()
    one_of(value, "phase", phase, PHASES)
    one_of(value, "boundary", boundary, BOUNDARIES)
    facts = Facts(
        phase=phase,
        task=found.get("task", ""),
        dataset=found.get("dataset", ""),
        hardware=found.get("hardware", ""),
        boundary=boundary,
        metrics=numbers,
    )
    return Record(facts, row.cells.get(name_column, ""), at, "$", odd)
