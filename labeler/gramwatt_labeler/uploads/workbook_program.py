"""``python -m gramwatt_labeler.uploads.workbook_program``: a workbook on standard input -> JSON on standard output.

A program of its own with a bound on its memory and time: the reader takes memory for every cell up to the last one,
used or not, and for as many texts as a workbook says that it has. Two cells at the ends of a sheet are 550 GB, and the
reader, which is Rust, ends the process that gets no memory. What it ends here is this program.

Formulas are not evaluated: what the spreadsheet last saved as a cell's value is read.
"""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree  # entities that grow end this program, by its bounds

from python_calamine import CalamineError, CalamineWorkbook

from ..bounded_program import bound
from ..forms.signs import written
from .sheet import DURATION, MOST_COLUMNS, MOST_ROWS

_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_PLACE = re.compile(r"([A-Za-z]{1,3})([1-9][0-9]{0,6})")
_QUOTED = re.compile(r'"[^"]*"|\\.')  # what a format shows as it stands
_MOST_MEMORY = 2 << 30
_MOST_SECONDS = 60


def read(content: bytes) -> dict[str, Any]:
    """``sheets`` are their names, ``sheet`` that of the first with cells in it, ``rows`` its texts; or an ``error``."""
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        names = list(book.sheet_names)
        for name in names:
            rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False, nrows=MOST_ROWS + 2)
            if any(any(cell != "" for cell in row) for row in rows):
                texts = [[text(cell) for cell in row] for row in rows]
                _add_errors(texts, _errors(content, name))
                _in_percent(texts, content, name)
                return {"sheets": names, "sheet": name, "rows": texts}
    except (CalamineError, OSError, ValueError, KeyError, ElementTree.ParseError) as error:
        return {"error": " ".join(str(error).split())[:200]}
    except BaseException as error:  # a panic of Rust is no Exception
        if isinstance(error, MemoryError | KeyboardInterrupt | SystemExit):
            raise
        return {"error": "it is damaged"}
    return {"sheets": names, "sheet": "", "rows": []}


def _errors(content: bytes, sheet: str) -> dict[tuple[int, int], str]:
    """Cells of a sheet with an error such as ``#N/A``, by row and column from 0: the reader takes them for empty ones.

    An exit code or a missed time that could not be computed is no success, and not 0.
    """
    found: dict[tuple[int, int], str] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        part = _part_of(archive, sheet)
        if part not in archive.namelist():
            return found
        for _, one in ElementTree.iterparse(archive.open(part)):  # noqa: S314 - see the import
            if _local(one.tag) == "c" and one.get("t") == "e":
                place = _PLACE.fullmatch(one.get("r", ""))
                value = next((inner.text for inner in one if _local(inner.tag) == "v"), None)
                if place and value:
                    found[int(place[2]) - 1, _column(place[1])] = value.strip()
            if _local(one.tag) == "row":
                one.clear()
    return found


def _in_percent(rows: list[list[str]], content: bytes, sheet: str) -> None:
    """Cells shown as 35 % hold 0.35. In a column whose name has a ``%`` they become what is shown."""
    head = next((at for at, row in enumerate(rows) if any(row)), 0)
    columns = {at for at, name in enumerate(rows[head]) if "%" in name} if rows else set()
    if not columns or not zipfile.is_zipfile(io.BytesIO(content)):
        return
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        part, styles = _part_of(archive, sheet), _percent_styles(archive)
        if not styles or part not in archive.namelist():
            return
        for _, one in ElementTree.iterparse(archive.open(part)):  # noqa: S314
            if _local(one.tag) == "c" and one.get("s") in styles and one.get("t", "n") == "n":
                place = _PLACE.fullmatch(one.get("r", ""))
                row, column = (int(place[2]) - 1, _column(place[1])) if place else (-1, -1)
                if (
                    head < row < len(rows)
                    and column in columns
                    and column < len(rows[row])
                    and rows[row][column]
                ):
                    rows[row][column] = f"{(Decimal(rows[row][column]) * 100).normalize():f}"
            if _local(one.tag) == "row":
                one.clear()


def _part_of(archive: zipfile.ZipFile, sheet: str) -> str:
    """The part with a sheet of this name; "" where it is not said as usual."""
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314
    links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    ids = [one.get(_ID, "") for one in book.iter() if _local(one.tag) == "sheet" and one.get("name") == sheet]
    targets = [one.get("Target", "") for one in links.iter() if ids and one.get("Id") == ids[0]]
    if not targets:
        return ""
    return targets[0][1:] if targets[0].startswith("/") else f"xl/{targets[0]}"


def _percent_styles(archive: zipfile.ZipFile) -> set[str]:
    """The numbers of the cell styles that show a number as percent."""
    if "xl/styles.xml" not in archive.namelist():
        return set()
    root = ElementTree.fromstring(archive.read("xl/styles.xml"))  # noqa: S314
    formats = {"9": "0%", "10": "0.00%"}
    formats |= {
        one.get("numFmtId", ""): one.get("formatCode", "")
        for one in root.iter()
        if _local(one.tag) == "numFmt"
    }
    cells = next((one for one in root if _local(one.tag) == "cellXfs"), ())
    return {
        str(at) for at, one in enumerate(cells)
        if "%" in _QUOTED.sub("", formats.get(one.get("numFmtId", ""), ""))
    }  # fmt: skip


def _add_errors(rows: list[list[str]], errors: dict[tuple[int, int], str]) -> None:
    for (row, column), value in errors.items():
        if row < len(rows) and column < MOST_COLUMNS:
            rows[row] += [""] * (column + 1 - len(rows[row]))
            rows[row][column] = value


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _column(letters: str) -> int:
    """A is 0, AA is 26."""
    found = 0
    for letter in letters.upper():
        found = found * 26 + ord(letter) - 64
    return found - 1


def text(cell: object) -> str:
    """A cell as a table of texts has it."""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else written(cell)
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return f"{written(cell.total_seconds())}{DURATION}"
    return str(cell)


def main() -> None:
    """Answer in JSON."""
    bound(_MOST_MEMORY, _MOST_SECONDS)
    json.dump(read(sys.stdin.buffer.read()), sys.stdout)


if __name__ == "__main__":
    main()
