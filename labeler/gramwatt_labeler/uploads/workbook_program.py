"""``python -m gramwatt_labeler.uploads.workbook_program``: a workbook on standard input -> JSON on standard output.

A program of its own with a bound on its memory and time: the reader takes memory for every cell up to the last one,
used or not, and for as many texts as a workbook says that it has. Two cells at the ends of a sheet are 550 GB, and the
reader, which is Rust, ends the process that gets no memory. What it ends here is this program.

Formulas are not evaluated: what the spreadsheet last saved as a cell's value is read.
"""

from __future__ import annotations

import io
import json
import resource
import sys
from datetime import date, datetime, time, timedelta
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from .sheet import MOST_ROWS

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
                return {
                    "sheets": names,
                    "sheet": name,
                    "rows": [[text(cell) for cell in row] for row in rows],
                }
    except (CalamineError, OSError, ValueError, KeyError) as error:
        return {"error": " ".join(str(error).split())[:200]}
    except BaseException as error:  # a panic of Rust is no Exception
        if isinstance(error, MemoryError | KeyboardInterrupt | SystemExit):
            raise
        return {"error": "it is damaged"}
    return {"sheets": names, "sheet": "", "rows": []}


def text(cell: object) -> str:
    """A cell as a table of texts has it."""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return repr(cell.total_seconds())
    return str(cell)


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_MOST_SECONDS, _MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    json.dump(read(sys.stdin.buffer.read()), sys.stdout)


if __name__ == "__main__":
    main()
