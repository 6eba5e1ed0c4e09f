"""Populations to compare with: named members and their metrics, from JSON, JSON Lines or CSV."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ..errors import InputError
from ..grading.scale import StrepProperty, StrepScale
from ..type_descriptions import described
from .facts_file import Record, as_object, kind, metrics_of, one_of, read_records, refused, weights_of
from .facts_text import MOST_ROWS, Text, Value, is_json, json_values

REQUEST_KEYS = ("name", "phase", "task", "dataset", "environment", "population", "metrics", "mode", "weights")
_MEMBER_KEYS = ("name", "metrics")
MODES = ("mean", "median")
Members = dict[str, dict[str, float | None]]


@dataclass(frozen=True, slots=True)
class StrepRequest:
    """A population with what its metrics mean."""

    members: Members
    scale: StrepScale
    weights: Mapping[str, float] | None
    mode: str
    at: str = ""


def read_population(text: Text, known: Collection[str] = ()) -> Members:
    """Members by name. Raises InputError, also for a name with two sets of numbers."""
    if not is_json(text):
        return members_of_records(read_records(text, known).records)
    values, is_one = json_values(text)
    if is_one:
        tree = values[0].value
        listed = tree.get("population", tree) if isinstance(tree, dict) else tree
        if isinstance(listed, dict):
            listed = [{"name": name, "metrics": metrics} for name, metrics in listed.items()]
        return members_of(Value(values[0].at, "$", listed), "")
    return members_of(Value(values[0].at if values else text.name, "$", [one.value for one in values]), "")


def members_of_records(records: Collection[Record]) -> Members:
    """Rows of a table as members."""
    found: Members = {}
    for record in records:
        if not record.name:
            raise InputError(f"{record.at}: a member needs a name (column name or model)")
        row = {name: value for name, (value, _) in record.facts.metrics.items()}
        _add(found, record.name, row, record.at)
    return found


def members_of(value: Value, path: str) -> Members:
    """A JSON list of ``{"name", "metrics"}`` as members."""
    if not isinstance(value.value, list):
        raise refused(value, path, f'expected a list of {{"name", "metrics"}}, got {kind(value.value)}')
    if len(value.value) > MOST_ROWS:
        raise refused(value, path, f"{len(value.value)} members, more than {MOST_ROWS}")
    found: Members = {}
    for place, one in enumerate(value.value):
        at = Value(value.at, f"{value.path}{path}[{place}]", one)
        tree = as_object(at, _MEMBER_KEYS)
        name = tree.get("name")
        if not isinstance(name, str) or not name.strip():
            raise refused(at, ".name", f"expected a text, got {kind(name)}")
        metrics, _ = metrics_of(at, tree.get("metrics"), "metrics")
        for metric, (_, unit) in metrics.items():
            if unit:
                raise refused(
                    at, f".metrics.{metric}", "members of a population have no units; give plain numbers"
                )
        _add(found, name, {metric: number for metric, (number, _) in metrics.items()}, f"{at.at}: {at.path}")
    return found


def _add(found: Members, name: str, row: dict[str, float | None], at: str) -> None:
    if repr(found.setdefault(name, row)) != repr(row):  # repr: NaN is not equal to itself
        raise InputError(f"{at}: {name[:80]!r} is there twice with different numbers; names must differ")


def strep_request(value: Value, scale: StrepScale) -> StrepRequest:
    """A population with the meaning of its metrics: their own where given, else those of the scale."""
    tree = as_object(value, REQUEST_KEYS)
    members = members_of(Value(value.at, value.path, tree.get("population")), ".population")
    if not members:
        raise refused(value, ".population", "it is empty; at least one member is needed")
    mode = tree.get("mode") or scale.mode
    if not isinstance(mode, str):
        raise refused(value, ".mode", f"expected one of {', '.join(MODES)}, got {kind(mode)}")
    one_of(value, "mode", mode, MODES)
    if tree.get("metrics") is not None:
        scale = msgspec.structs.replace(scale, metrics=_properties(value, tree["metrics"]))
    for name, row in members.items():
        for metric in row:
            if metric not in scale.metrics:
                known = ", ".join(scale.metrics)
                raise refused(
                    value,
                    f".population ({name[:40]!r}).metrics.{metric[:80]}",
                    f"unknown metric (known: {known})",
                )
    return StrepRequest(members, scale, weights_of(value, tree.get("weights")), mode, value.at)


def _properties(value: Value, tree: Any) -> dict[str, StrepProperty]:
    if not isinstance(tree, dict) or not tree:
        raise refused(value, ".metrics", 'expected an object such as {"energy": {"group": "Resources"}}')
    found = {}
    for name, one in tree.items():
        path = f".metrics.{name[:80]}"
        at = Value(value.at, value.path + path, one)
        fields = as_object(at, ("higher_is_better", "group", "weight", "unit"))
        try:
            found[name] = msgspec.convert(fields, described(StrepProperty))
        except msgspec.ValidationError as error:
            raise refused(at, "", str(error)) from None
    return found
