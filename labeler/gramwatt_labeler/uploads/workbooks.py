"""XLSX workbooks. Formulas are not evaluated: what the spreadsheet last saved as a cell's value is read."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime, time, timedelta

from python_calamine import CalamineError, CalamineWorkbook

from ..errors import InputError
from .sheet import MOST_RATIO, MOST_ROWS, MOST_UNPACKED, Sheet, sheet_of


def read_workbook(file: str, content: bytes) -> Sheet:
    """The first sheet with cells in it. Raises InputError for what is no workbook, or unpacks to far more."""
    _check_size(file, content)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        names = list(book.sheet_names)
        for name in names:
            rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False, nrows=MOST_ROWS + 2)
            if any(any(cell != "" for cell in row) for row in rows):
                break
        else:
            raise InputError(f"{file}: no sheet has cells")
    except InputError:
        raise
    except (CalamineError, OSError, ValueError, KeyError, MemoryError) as error:
        raise InputError(
            f"{file}: not a workbook that can be read: {' '.join(str(error).split())[:200]}"
        ) from None
    except (
        BaseException
    ) as error:  # calamine is Rust: a panic there is no Exception, and must not end the server
        if isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit):
            raise
        raise InputError(f"{file}: not a workbook that can be read") from None
    records = [(number, [_text(cell) for cell in row]) for number, row in enumerate(rows, 1)]
    records = [(number, cells) for number, cells in records if any(cells)]
    width = max((at for at, cell in enumerate(records[0][1], 1) if cell), default=0)
    records = [(number, cells if any(cells[width:]) else cells[:width]) for number, cells in records]
    others = [other for other in names if other != name]
    note = f"sheet “{name}”; not read: {', '.join(others)}" if others else ""
    return sheet_of(file, records[0][1], records[1:], note)


def _check_size(file: str, content: bytes) -> None:
    """The sizes a ZIP declares, and that its parts are no larger than that when they are unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if sum(part.file_size for part in parts) > MOST_UNPACKED:
                raise InputError(f"{file}: unpacks to more than {MOST_UNPACKED // 1_000_000} MB")
            if "xl/workbook.xml" not in archive.namelist():
                raise InputError(f"{file}: not an XLSX workbook; save it as XLSX or CSV")
            for part in parts:
                # A declared size may lie: count what comes out, and stop as soon as it is too much.
                unpacked = 0
                with archive.open(part) as stream:
                    while block := stream.read(1 << 20):
                        unpacked += len(block)
                        if unpacked > MOST_UNPACKED:
                            raise InputError(f"{file}: unpacks to more than {MOST_UNPACKED // 1_000_000} MB")
                if unpacked > 1_000_000 and unpacked > MOST_RATIO * max(1, part.compress_size):
                    raise InputError(
                        f"{file}: {part.filename[:60]} unpacks to {unpacked // max(1, part.compress_size)} times its "
                        f"size; at most {MOST_RATIO} times is read. Save the table as CSV"
                    )
    except InputError:
        raise
    # NotImplementedError is zipfile's for a method of compression that it does not know.
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError, EOFError) as error:
        raise InputError(f"{file}: not an XLSX workbook: {' '.join(str(error).split())[:120]}") from None
    except Exception as error:  # zlib.error and lzma's own
        raise InputError(f"{file}: a part of the workbook is damaged: {type(error).__name__}") from None


def _text(cell: object) -> str:
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return repr(cell.total_seconds())
    return str(cell)
