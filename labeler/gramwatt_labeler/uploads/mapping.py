"""Columns -> fields of the form: proposed by tool and by name, changed by a person, applied row by row."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..forms.fields import NUMBERS, TEXTS
from . import columns, reducing
from .reducing import PARTS
from .sheet import DURATION, Line, Sheet
from .tools import Target, Tool

OTHER = {
    "phase": "Phase", "run": "Id of the run", "ended": "Time of the end", "note": "Note",
    "outcome": "How the run ended", "floor": "Least energy its sensors resolve (J)", "missed": "Time not seen (s)",
    "zone": "Country or grid zone", **PARTS,
}  # fmt: skip
"""Fields a file may have that the form asks for elsewhere, or not at all."""
EXTRA = "extra"
"""A column kept as a further metric under its own name."""
FIELDS: dict[str, str] = {
    **{one.name: one.label for one in TEXTS},
    **{one.name: one.label for one in NUMBERS},
    **OTHER,
}
_KINDS = reducing.KINDS
_COUNTED = ("energy", "emissions", "samples", "requests")
"""Numbers that decide a letter: a second column of one is read too, and must not say another."""
_UNIT_IN_NAME = re.compile(r"^(?P<name>.*?)[\s_]*[\[(](?P<unit>[^\])]+)[\])]$")
_SYNONYMS = {
    "co2": "emissions", "co2_eq_emissions": "emissions", "emission": "emissions", "carbon": "emissions",
    "co2e": "emissions", "energy_consumption": "energy", "energy_consumed": "energy", "energy_joules": "energy",
    "emissions_grams": "emissions", "model_name": "model", "name": "model", "modelid": "model", "runtime": "duration",
    "run_time": "duration", "time": "duration", "seconds": "duration", "duration_seconds": "duration",
    "model_size": "size", "file_size": "size", "datasets_size": "dataset_size", "data_set_size": "dataset_size",
    "data_set": "dataset", "num_samples": "samples", "n_samples": "samples", "num_requests": "requests",
    "output_tokens": "tokens", "acc": "accuracy", "params": "parameters", "num_parameters": "parameters",
    "run_id": "run", "id": "run", "timestamp": "ended", "end": "ended", "notes": "note", "f1_score": "f1",
    "tracking_mode": "boundary", "exit_code": "outcome", "status": "outcome", "floor_joules": "floor",
    "missed_seconds": "missed",
}  # fmt: skip
_BETTER = ("output_tokens",)
"""Columns that are taken before others of their field: of tokens, output tokens are those that references count."""
_UNIT_OF_NAME = {"energy_joules": "J", "emissions_grams": "g", "duration_seconds": "s", "seconds": "s"}


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Which field each column fills. Columns that are not named are left out."""

    targets: Mapping[str, Target]
    group: Sequence[str] = ()
    reduce: str = "last"
    fixed: Mapping[str, str] = field(default_factory=dict)
    version: str = ""  # the column with the tool's version


def propose(sheet: Sheet, tool: Tool) -> dict[str, Target]:
    """What each column probably is: by the tool first, by its name second."""
    found: dict[str, Target] = {}
    taken = set(tool.fixed)
    for column, known in tool.columns.items():  # in the tool's order: the better of two columns comes first
        if column not in sheet.columns:
            continue
        if known.field in ("outcome", EXTRA):
            found[column] = known  # each of them may say that the run failed, and is a metric of its own
            taken.add(known.field)
            continue
        rivals = [
            other
            for other, one in tool.columns.items()
            if one.field == known.field and other in sheet.columns
        ]
        if len(rivals) > 1 and not any(line.cells[column] for line in sheet.lines if column in line.cells):
            continue  # an empty column says nothing where another one has the same field
        if known.field not in taken or column == known.field:
            # A column with the field's own name is the better one: `model` before `name`.
            found = {other: one for other, one in found.items() if one.field != known.field}
            found[column] = known
        taken.add(known.field)
    better_first = sorted(sheet.columns, key=lambda column: column not in _BETTER)
    for column in better_first:
        if column in found or (target := named(column)) is None:
            continue
        if target.field not in taken or target.field in ("outcome", *_COUNTED):
            found[column] = target
            taken.add(target.field)
    return found


def units_of(name: str) -> list[str]:
    """The units a column for this field may be in; empty for words."""
    return list(_KINDS[name].units) if name in _KINDS else []


@dataclass(frozen=True, slots=True)
class Record:
    """One row (or the rows of one run) as texts of the form, with where it came from."""

    file: str
    line: int
    form: Mapping[str, str]
    columns: Mapping[str, str]  # field -> column, for messages
    odd: Mapping[str, str] = field(default_factory=dict)  # field -> what the file says of it in two ways


def apply(sheet: Sheet, mapping: ColumnMapping, defaults: Mapping[str, str]) -> list[Record]:
    """The records of a sheet. ``defaults`` fill what the file leaves empty; the rows of a run become one record."""
    sheet = replace(sheet, lines=columns.settled(sheet.lines, mapping.targets))
    fields: dict[str, dict[str, Target]] = {}
    for column, target in mapping.targets.items():
        if target.field != EXTRA:
            fields.setdefault(target.field, {})[column] = target
    doubts = reducing.doubts(sheet.lines, mapping.targets)
    records = []
    for lines in _groups(sheet, [name for name in mapping.group if name in sheet.columns]):
        cells, based = _reduced(lines, mapping)
        form = dict(defaults)
        form.update({name: text for name, text in mapping.fixed.items() if text})
        taken = {name: next(iter(own)) for name, own in fields.items()}
        odd = {}
        for name, own in fields.items():
            column, wrong = reducing.of_columns(name, own, cells)
            if not column:
                continue
            if column in doubts:
                wrong = wrong or reducing.two_readings([line.cells[column] for line in lines], doubts[column])
            if wrong:
                odd[name] = wrong
            taken[name], form[name] = column, cells[column]
            if own[column].unit or name in _KINDS:
                form[f"{name}_unit"] = "" if column in based else own[column].unit
        if mapping.version:
            form["version"] = cells.get(mapping.version, "")
        extra = [
            f"{_extra_name(column)}: {cells[column].removesuffix(DURATION)}"
            for column, target in mapping.targets.items()
            if target.field == EXTRA and cells.get(column)
        ]  # fmt: skip
        if extra:
            form["extra"] = "\n".join(extra)
        if wrong := _odd_extra(lines, mapping, doubts):
            odd[EXTRA] = wrong
        records.append(Record(sheet.file, lines[-1].number, form, taken, odd))
    return records


def _odd_extra(lines: Sequence[Line], mapping: ColumnMapping, doubts: Mapping[str, str]) -> str:
    """What is wrong with a further metric of two readings, or ""."""
    for column, target in mapping.targets.items():
        if target.field == EXTRA and column in doubts:
            texts = [line.cells.get(column, "") for line in lines]
            if wrong := reducing.two_readings(texts, doubts[column]):
                return f"{_extra_name(column)}: {wrong}"
    return ""


def named(column: str) -> Target | None:
    """What a column's name says: ``energy (kWh)``, ``energy_kwh`` and ``Energy`` all name the energy."""
    match = _UNIT_IN_NAME.match(column)
    name, unit = (match["name"], match["unit"]) if match else (column, "")
    plain = re.sub(r"[\s-]+", "_", name.strip().lower())
    known = _SYNONYMS.get(plain, plain if plain in FIELDS else "")
    if not known and "_" in plain:
        before, _, behind = plain.rpartition("_")
        before = _SYNONYMS.get(before, before)
        if before in _KINDS and _KINDS[before].unit_of(behind):
            return Target(before, _KINDS[before].unit_of(behind) or "")
    if not known:
        return None
    if known in _KINDS:
        kind = _KINDS[known]
        return Target(known, kind.unit_of(unit) or _UNIT_OF_NAME.get(plain, kind.base))
    return Target(known)


def _groups(sheet: Sheet, names: Sequence[str]) -> list[list[Line]]:
    if not names:
        return [[line] for line in sheet.lines]
    found: dict[tuple[str, ...], list[Line]] = {}
    for line in sheet.lines:
        key = tuple(line.cells[name] for name in names)
        # A row without an id is a run of its own.
        found.setdefault(key if any(key) else (str(line.number),) * (len(names) + 1), []).append(line)
    return list(found.values())


def _reduced(lines: Sequence[Line], mapping: ColumnMapping) -> tuple[Mapping[str, str], frozenset[str]]:
    """The cells of a run's rows as one, and the columns whose texts are in base units now."""
    if len(lines) == 1:
        return lines[0].cells, frozenset()
    if mapping.reduce == "first":
        return reducing.first(lines), frozenset()
    if mapping.reduce == "last":
        return reducing.last(lines, mapping.targets)
    return reducing.together(lines, mapping.targets, mapping.reduce == "mean")


def _extra_name(column: str) -> str:
    """A column's name as a metric's name."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", column).strip("_")[:64]
    return name if name[:1].isalpha() else f"x_{name}"[:64]
