"""Verdicts as JSON, text or CSV: the contract of ``gramwatt-labeler grade --scheme``."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..render.text import clean
from ..scale_files import LoadedScale
from ..verdict_shapes import NamedVerdict, as_tree, finite, notes, reasons
from .spreadsheet import harmless

FORMATS = ("text", "json", "csv")
_COLUMNS = (
    "name", "grade", "span_best", "span_worst", "scheme", "scale_version", "scale_sha256", "missing", "reasons",
    "notes",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Results:
    """All verdicts of an input, and how they are to be listed: one object, a list, or lines."""

    found: list[NamedVerdict] = field(default_factory=list)
    is_one: bool = False
    is_lines: bool = False
    population: Mapping[str, str] | None = None  # name and hash of what all were compared with


def lines(results: Results, loaded: LoadedScale, form: str) -> Iterator[str]:
    """The lines to print."""
    if form == "json":
        of = {} if results.population is None else {"population": dict(results.population)}
        trees = [as_tree(one, loaded) | of for one in results.found]
        if results.is_one and len(trees) == 1:
            yield _dumped(trees[0])
        elif results.is_lines:
            yield from map(_dumped, trees)
        else:
            yield "[" + ",\n ".join(map(_dumped, trees)) + "]"
    elif form == "csv":
        yield from _table(results, loaded)
    else:
        whole = results.population
        behind = (
            "" if whole is None else clean(f"; population {whole['name']}, sha256 {whole['sha256'][:12]}")
        )
        yield from (_line(one, loaded) + behind for one in results.found)


def _line(one: NamedVerdict, loaded: LoadedScale) -> str:
    verdict = one.verdict
    text = f"{one.name}: " if one.name else ""
    if verdict.letter is None:
        text += f"not graded: {'; '.join(reasons(one))}"
    else:
        span = verdict.span
        text += verdict.letter + (f" ({span[0]}-{span[1]})" if span and span[0] != span[1] else "")
    text += f" on {loaded.id.name} {loaded.id.version} ({loaded.id.short_hash})"
    letters = [f"{name} {metric.letter}" for name, metric in verdict.metrics.items() if metric.letter]
    text += f"; {', '.join(letters)}" if letters else ""
    text += (
        f"; groups: {', '.join(f'{name} {letter}' for name, letter in verdict.groups.items())}"
        if verdict.groups
        else ""
    )
    text += f"; missing: {', '.join(verdict.missing)}" if verdict.missing else ""
    beside = notes(one, loaded)
    text += f"; {'; '.join(beside)}" if beside else ""
    return clean(text)


def _table(results: Results, loaded: LoadedScale) -> Iterator[str]:
    names = list(dict.fromkeys(name for one in results.found for name in one.verdict.metrics))
    yield _row([*_COLUMNS, *(f"{name}_{part}" for name in names for part in ("value", "index", "grade"))])
    for one in results.found:
        verdict = one.verdict
        best, worst = verdict.span or ("", "")
        cells: list[object] = [
            one.name, verdict.letter or "", best, worst, loaded.id.name, loaded.id.version, loaded.id.sha256,
            "; ".join(verdict.missing), "; ".join(reasons(one)), "; ".join(notes(one, loaded)),
        ]  # fmt: skip
        for name in names:
            metric = verdict.metrics.get(name)
            value, index = (finite(metric.value), finite(metric.index)) if metric else (None, None)
            cells += ["" if number is None else number for number in (value, index)]
            cells.append((metric.letter if metric else None) or "")
        yield _row(cells)


def _row(cells: list[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow([harmless(cell) for cell in cells])
    return buffer.getvalue()


def _dumped(tree: dict[str, Any]) -> str:
    return json.dumps(tree, ensure_ascii=False, allow_nan=False)
