"""Columns -> fields of the form: proposed by tool and by name, changed by a person, applied row by row."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..forms.fields import NUMBERS, TEXTS
from ..forms.quantities import ENERGY
from .sheet import Line, Sheet
from .tools import Target, Tool

PARTS = {
    f"{name}_energy": f"Of the energy, {words}"
    for name, words in (("cpu", "the CPU's"), ("gpu", "the GPU's"), ("dram", "the memory's"))
}
"""The energy of a component, by the name of its column."""
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
_NUMBER_NAMES = {one.name: one for one in NUMBERS}
_TOTALS = ("energy", "emissions", *PARTS)
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
        rivals = [
            other
            for other, one in tool.columns.items()
            if one.field == known.field and other in sheet.columns
        ]
        if len(rivals) > 1 and not any(line.cells[column] for line in sheet.lines if column in line.cells):
            continue  # an empty column says nothing where another one has the same field
        if column in sheet.columns and (known.field not in taken or column == known.field):
            # A column with the field's own name is the better one: `model` before `name`.
            found = {other: one for other, one in found.items() if one.field != known.field}
            found[column] = known
            taken.add(known.field)
    for column in sheet.columns:
        if column not in found and (target := _by_name(column)) is not None and target.field not in taken:
            found[column] = target
            taken.add(target.field)
    return found


def units_of(name: str) -> list[str]:
    """The units a column for this field may be in; empty for words."""
    if name in PARTS:
        return list(ENERGY.units)
    return list(_NUMBER_NAMES[name].kind.units) if name in _NUMBER_NAMES else []


@dataclass(frozen=True, slots=True)
class Record:
    """One row (or the rows of one run) as texts of the form, with where it came from."""

    file: str
    line: int
    form: Mapping[str, str]
    columns: Mapping[str, str]  # field -> column, for messages


def apply(sheet: Sheet, mapping: ColumnMapping, defaults: Mapping[str, str]) -> list[Record]:
    """The records of a sheet. ``defaults`` fill what the file leaves empty; the rows of a run become one record."""
    columns = {target.field: column for column, target in mapping.targets.items() if target.field != EXTRA}
    records = []
    for lines in _groups(sheet, [name for name in mapping.group if name in sheet.columns]):
        cells = _reduced(lines, mapping)
        form = dict(defaults)
        form.update({name: text for name, text in mapping.fixed.items() if text})
        extra = []
        for column, target in mapping.targets.items():
            text = cells.get(column, "")
            if not text:
                continue
            if target.field == EXTRA:
                extra.append(f"{_extra_name(column)}: {text}")
            else:
                form[target.field] = text
                if target.unit or target.field in _NUMBER_NAMES:
                    form[f"{target.field}_unit"] = target.unit
        if mapping.version:
            form["version"] = cells.get(mapping.version, "")
        if extra:
            form["extra"] = "\n".join(extra)
        records.append(Record(sheet.file, lines[-1].number, form, columns))
    return records


def _by_name(column: str) -> Target | None:
    """``energy (kWh)``, ``energy_kwh`` and ``Energy`` all name the energy."""
    match = _UNIT_IN_NAME.match(column)
    name, unit = (match["name"], match["unit"]) if match else (column, "")
    plain = re.sub(r"[\s-]+", "_", name.strip().lower())
    known = _SYNONYMS.get(plain, plain if plain in FIELDS else "")
    if not known and "_" in plain:
        before, _, behind = plain.rpartition("_")
        before = _SYNONYMS.get(before, before)
        if before in _NUMBER_NAMES and _NUMBER_NAMES[before].kind.unit_of(behind):
            return Target(before, _NUMBER_NAMES[before].kind.unit_of(behind) or "")
    if not known:
        return None
    if known in _NUMBER_NAMES:
        kind = _NUMBER_NAMES[known].kind
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


def _reduced(lines: Sequence[Line], mapping: ColumnMapping) -> Mapping[str, str]:
    """The cells of a run's rows as one; an empty cell never hides a value of another row."""
    if len(lines) == 1:
        return lines[0].cells
    ordered = lines if mapping.reduce == "first" else list(reversed(lines))
    found = {
        column: next((line.cells[column] for line in ordered if line.cells[column]), "")
        for column in lines[0].cells
    }
    if mapping.reduce == "last":
        # The rows of a run are totals, which never fall: their order in the file changes nothing.
        for column, target in mapping.targets.items():
            if target.field in _TOTALS:
                found[column] = _greatest([line.cells[column] for line in lines], found[column])
    if mapping.reduce in ("sum", "mean"):
        for column, target in mapping.targets.items():
            if target.field in _NUMBER_NAMES or target.field == EXTRA:
                found[column] = _added(
                    [line.cells[column] for line in lines if line.cells.get(column)],
                    mapping.reduce,
                    found[column],
                )
    return found


def _greatest(texts: Sequence[str], otherwise: str) -> str:
    try:
        return max((text for text in texts if text), key=float, default=otherwise)
    except ValueError:
        return otherwise  # read, and refused by name, where the row is read


def _added(texts: Sequence[str], how: str, otherwise: str) -> str:
    try:
        numbers = [float(text) for text in texts]
    except ValueError:
        return otherwise  # read, and refused by name, where the row is read
    if not numbers:
        return otherwise
    total = sum(numbers)
    return repr(total if how == "sum" else total / len(numbers))


def _extra_name(column: str) -> str:
    """A column's name as a metric's name."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", column).strip("_")[:64]
    return name if name[:1].isalpha() else f"x_{name}"[:64]
