"""Several files about the same runs, such as CodeCarbon's energy and a table of accuracies, become one record a run."""

from __future__ import annotations

from collections.abc import Sequence

from ..forms.mistakes import Mistake
from .mapping import Record

_KEYS = ("run", "model")


def merge(sheets: Sequence[Sequence[Record]]) -> list[Record | Mistake]:
    """Join records of different files by the id of their run, else by their model; one record a file joins always.

    A record found in one file only stays as it is. Two files that give a field different texts are a mistake, which
    stands in the place of the record.
    """
    if len(sheets) < 2:
        return [record for sheet in sheets for record in sheet]
    alone = all(len(sheet) == 1 for sheet in sheets)
    key = next((name for name in _KEYS if all(_has_all(sheet, name) for sheet in sheets)), "")
    if not key and not alone:
        return [record for sheet in sheets for record in sheet]
    joined: dict[str, list[Record]] = {}
    for sheet in sheets:
        for record in sheet:
            joined.setdefault("" if alone else record.form[key], []).append(record)
    found: list[Record | Mistake] = []
    for records in joined.values():
        if len({record.file for record in records}) < len(records):
            found += records  # one file has the key twice: these are different runs
            continue
        try:
            found.append(_join(records))
        except Mistake as mistake:
            found.append(mistake)
    return found


def _has_all(sheet: Sequence[Record], name: str) -> bool:
    return bool(sheet) and all(name in record.columns and record.form.get(name) for record in sheet)


def _join(records: Sequence[Record]) -> Record:
    form: dict[str, str] = {}
    origin: dict[str, Record] = {}
    columns: dict[str, str] = {}
    odd: dict[str, str] = {}
    for record in records:
        odd |= record.odd
        for name, text in record.form.items():
            own = name in record.columns or name.removesuffix("_unit") in record.columns
            if name in origin and own and form[name] != text:
                if name == "model":
                    continue  # a project's name and a model's name: the first file's stays
                other = origin[name]
                raise Mistake(
                    f"{name} is “{form[name][:40]}” in {other.file} (line {other.line}) and “{text[:40]}” in "
                    f"{record.file} (line {record.line}); leave one of the columns out"
                )
            if name == "extra" and form.get("extra") and form["extra"] != text:
                form["extra"] += "\n" + text
                continue
            if own or name not in form:
                form[name] = text
                if own:
                    origin[name] = record
        columns |= record.columns
    return Record(records[0].file, records[0].line, form, columns, odd)
