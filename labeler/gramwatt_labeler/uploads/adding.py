"""Sheets of an upload -> rows with their letters -> the store: what the page, REST and the command share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import Duplicate, Rejected, TakenBack
from ..evaluate.results import Result, evaluation_of
from ..forms.defined import Defined
from ..forms.entry import Entry
from ..forms.fields import NUMBERS
from ..forms.mistakes import Mistake
from ..store import Store
from ..store.nouns import Origin
from .mapping import EXTRA, FIELDS, ColumnMapping, Record, apply, propose
from .merging import merge
from .rows import Row, read_rows
from .sheet import Sheet
from .tools import Target, Tool, recognise, tool_named

PREVIEW = 5
MOST_ADDED = 5000
"""Rows that are added at once; a command takes more."""
ADDED, THERE, NOT_ADDED, TAKEN_BACK = "added", "already there", "not added", "taken back"
CODECARBON = "codecarbon"
"""The name of CodeCarbon among the tools."""
_NUMBERS = tuple(one.name for one in NUMBERS)
Grading = Callable[[Entry, str, int], Result]
"""An entry, its file and its line -> its letters."""
DEFAULTS = ("phase", "task", "model", "dataset", "hardware", "boundary")


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the preview shows it: its place in the form, its first values and what it is taken as."""

    key: str
    name: str
    samples: Sequence[str]
    target: Target | None


@dataclass(frozen=True, slots=True)
class File:
    """A file of the preview."""

    sheet: Sheet
    tool: Tool
    columns: Sequence[Column]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the report: a row with its letters, and what became of it."""

    row: Row
    result: Result | None
    outcome: str = ""
    id: str = ""
    is_wrong: bool = False
    why: str = ""  # who took it back, and when

    @property
    def message(self) -> str:
        """Why the row was not added, else why it has no letter; empty where it was added and has one."""
        if self.row.wrong or self.result is None:
            return self.row.wrong
        if self.why:
            return self.why
        grade = self.result.shown.grade
        return grade.why if grade.letter is None else ""


def proposed(at: int, sheet: Sheet, tool: Tool) -> File:
    """File number ``at`` with what its columns probably are."""
    return _file(at, sheet, tool, propose(sheet, tool))


def mapped_file(
    at: int, sheet: Sheet, form: Mapping[str, str], known: Sequence[Tool], defined: Sequence[Defined]
) -> File:
    """As the person changed it: ``column-<file>-<column>`` and ``unit-<file>-<column>``."""
    tool = tool_named(form.get(f"tool-{at}", ""), known) or recognise(sheet.columns, known)
    own = {one.key for one in defined}
    targets = {}
    for number, column in enumerate(sheet.columns):
        field = form.get(f"column-{at}-{number}", "")
        if field in FIELDS or field in own or field == EXTRA:
            targets[column] = Target(field, form.get(f"unit-{at}-{number}", ""))
    return _file(at, sheet, tool, targets)


def retargeted(file: File, targets: Mapping[str, Target]) -> File:
    """With other targets of its columns."""
    return _file(0, file.sheet, file.tool, targets)


def _file(at: int, sheet: Sheet, tool: Tool, targets: Mapping[str, Target]) -> File:
    columns = []
    for number, name in enumerate(sheet.columns):
        samples = [line.cells[name] for line in sheet.lines[:PREVIEW] if line.cells[name]]
        columns.append(Column(f"{at}-{number}", name, samples, targets.get(name)))
    return File(sheet, tool, sorted(columns, key=lambda column: column.target is None))


def rows_of(read: Sequence[File], form: Mapping[str, str], defined: Sequence[Defined]) -> list[Row]:
    """All runs of the files; ``form`` is as for :func:`records_of`."""
    return read_rows(records_of(read, form), defined)


def records_of(read: Sequence[File], form: Mapping[str, str]) -> list[Record | Mistake]:
    """The runs of the files, merged and not yet read: to count them costs little.

    ``form`` has what the files leave empty: DEFAULTS, and numbers by the names of their fields.
    """
    defaults = {name: form[name] for name in (*DEFAULTS, *_NUMBERS) if form.get(name)}
    sheets = []
    for one in read:
        targets = {column.name: column.target for column in one.columns if column.target is not None}
        mapping = ColumnMapping(targets, one.tool.group, one.tool.reduce, one.tool.fixed, one.tool.version)
        source = {"source": one.tool.source} if one.tool.source else {}
        sheets.append(apply(one.sheet, mapping, source | defaults))
    return merge(sheets)


def origin_of(read: Sequence[File]) -> Origin:
    """Of all runs of an upload: CodeCarbon where one of its files is CodeCarbon's."""
    return Origin.CODECARBON if any(one.tool.name == CODECARBON for one in read) else Origin.FILE


def graded(grade: Grading, row: Row) -> Line:
    """A row with its letters; one that cannot be read is wrong already."""
    if row.entry is None:
        return Line(row, None, NOT_ADDED, is_wrong=True)
    return Line(row, grade(row.entry, row.file, row.line))


def added(
    store: Store, lines: Sequence[Line], user: str, origin: Origin, import_id: str, again: bool = False
) -> list[Line]:
    """All that can be kept, in one transaction; each line says what became of it.

    What was taken back is added only with ``again``. All have the ``import_id``.
    """
    found = [evaluation_of(line.result, user, origin) for line in lines if line.result]
    new = [(replace(one, import_id=import_id), grades) for one, grades in found]
    outcomes = iter(store.add_each(new, again))
    return [_with_outcome(line, next(outcomes)) if line.result else line for line in lines]


def counts_of(lines: Sequence[Line]) -> dict[str, int]:
    """How many lines have each outcome."""
    return {
        word: sum(line.outcome == word for line in lines) for word in (ADDED, THERE, TAKEN_BACK, NOT_ADDED)
    }


def _with_outcome(line: Line, outcome: str | Duplicate | Rejected | TakenBack) -> Line:
    if isinstance(outcome, TakenBack):
        return Line(line.row, line.result, TAKEN_BACK, outcome.evaluation, why=str(outcome))
    if isinstance(outcome, Duplicate):
        return Line(line.row, line.result, THERE, outcome.existing)
    if isinstance(outcome, Rejected):
        wrong = Row(line.row.file, line.row.line, line.row.entry, str(outcome))
        return Line(wrong, line.result, NOT_ADDED, is_wrong=True)
    return Line(line.row, line.result, ADDED, outcome)
