"""Records -> entries, with a line of the report for each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from typing import TypeVar

from ..forms.defined import Defined
from ..forms.entry import Entry, read_entry
from ..forms.mistakes import Mistake, Mistakes
from ..forms.numbers import split_number
from ..forms.quantities import ENERGY, read_quantity
from ..moments import OddMoment, moment
from ..outcomes import failure_text
from ..render.text import clean
from .mapping import Record
from .reducing import PARTS

_BOUNDARIES = {"machine": "machine", "process": "process", "gpu": "gpu", "offline": "process", "": ""}
_ROUNDED = 0.01  # parts that a tool rounds may add up to a little more
_OWN_UNITS = {"missed": "s", "floor": "J"}
_Found = TypeVar("_Found")
_SAFE_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")


@dataclass(frozen=True, slots=True)
class Row:
    """One record, read: an entry, or what is wrong with it."""

    file: str
    line: int
    entry: Entry | None
    wrong: str = ""


def read_rows(records: Sequence[Record | Mistake], defined: Sequence[Defined] = ()) -> list[Row]:
    """Every record as a row of the report. None stops another."""
    return [_read(record, defined) for record in records]


def _read(record: Record | Mistake, defined: Sequence[Defined]) -> Row:
    if isinstance(record, Mistake):
        return Row("", 0, None, str(record))
    form = dict(record.form)
    wrong = dict(record.odd)
    if "boundary" in form:
        form["boundary"] = _BOUNDARIES.get(form["boundary"].lower(), form["boundary"])
    entry = _tried(wrong, lambda: read_entry(form, defined))
    run = form.get("run", "")
    if run and not _SAFE_RUN.fullmatch(run):
        run = ""  # its content identifies it
    ended = _tried(wrong, lambda: _moment(form.get("ended", "")))
    missed = _tried(wrong, lambda: _number(form, "missed"))
    floor = _tried(wrong, lambda: _number(form, "floor"))
    energy = entry.values.get("energy") if entry else None
    parts = _tried(wrong, lambda: _parts(form, energy))
    if entry is None or wrong:
        return Row(record.file, record.line, None, "; ".join(_named(record, *one) for one in wrong.items()))
    outcome = clean(form.get("outcome", ""))[:128]
    seconds = entry.values.get("duration")
    entry = replace(
        entry,
        run=run,
        ended=ended,
        source_version=clean(form.get("version", ""))[:40],
        boundary=entry.boundary if form.get("boundary") else "",  # a file that does not say it says nothing
        outcome=outcome,
        failure=failure_text(record.columns.get("outcome", "outcome"), outcome),
        floor_joules=floor,
        components=parts or {},
        zone=clean(form.get("zone", ""))[:64],
        missed_ratio=min(1.0, (missed or 0.0) / seconds) if seconds else float((missed or 0.0) > 0),
    )
    return Row(record.file, record.line, entry)


def _tried(wrong: dict[str, str], read: Callable[[], _Found]) -> _Found | None:
    """What ``read`` finds; None, and its mistakes in ``wrong``, where it finds some. A field keeps its first one."""
    try:
        return read()
    except Mistakes as mistakes:
        for name, text in mistakes.by_field.items():
            wrong.setdefault(name, text)
    return None


def _named(record: Record, name: str, text: str) -> str:
    column = record.columns.get(name)
    return f"column {clean(column)[:60]!r}: {text}" if column else f"{name}: {text}"


def _number(form: Mapping[str, str], name: str) -> float | None:
    """A plain number of a column that no form asks for. Raises Mistakes."""
    text = form.get(name, "")
    if not text:
        return None
    try:
        number, behind = split_number(text)
    except Mistake as mistake:
        raise Mistakes({name: str(mistake)}) from None
    if behind not in ("", _OWN_UNITS.get(name, "")) or number < 0:
        raise Mistakes({name: f"“{clean(text)[:30]}” is not a number of at least 0"})
    return number


def _parts(form: Mapping[str, str], energy: float | None) -> dict[str, float]:
    """Joules by component; 0 is how tools write that there is none. Raises Mistakes, also for more than the energy."""
    found = {}
    for name in PARTS:
        try:
            joules = (
                read_quantity(form[name], ENERGY, form.get(f"{name}_unit", "")) if form.get(name) else 0.0
            )
        except Mistake as mistake:
            raise Mistakes({name: str(mistake)}) from None
        if joules > 0:
            found[name.removesuffix("_energy")] = joules
    total = sum(found.values())
    if energy is not None and total > energy * (1 + _ROUNDED):
        largest = max(found, key=lambda name: found[name])
        raise Mistakes(
            {f"{largest}_energy": f"the parts are {total:g} J together, more than the energy, {energy:g} J"}
        )
    return found


def _moment(text: str) -> float | None:
    """Unix seconds; None for an empty text. A time without a zone is UTC. Raises Mistakes."""
    try:
        return moment(text, UTC) if text else None
    except OddMoment as odd:
        raise Mistakes({"ended": clean(str(odd))}) from None
