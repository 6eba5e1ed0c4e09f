"""XLSX workbooks, read by a program of their own: see :mod:`.workbook_program`."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from ..bounded_program import NoAnswer, answer_of
from ..errors import InputError
from ..zip_errors import ZIP_ERRORS
from .sheet import MOST_RATIO, MOST_UNPACKED, Sheet, sheet_of

_PROGRAM = f"{__package__}.workbook_program"
_LONGEST_SECONDS = 120.0


def read_workbook(file: str, content: bytes) -> Sheet:
    """The first sheet with cells in it. Raises InputError for what is no workbook, or unpacks to far more."""
    _check_size(file, content)
    found = _read(file, content)
    if error := found.get("error"):
        raise InputError(f"{file}: not a workbook that can be read: {error}")
    name, rows = found["sheet"], found["rows"]
    if not rows:
        raise InputError(f"{file}: no sheet has cells")
    records = [(number, cells) for number, cells in enumerate(rows, 1) if any(cells)]
    width = max((at for at, cell in enumerate(records[0][1], 1) if cell), default=0)
    records = [(number, cells if any(cells[width:]) else cells[:width]) for number, cells in records]
    others = [other for other in found["sheets"] if other != name]
    note = f"sheet “{name}”; not read: {', '.join(others)}" if others else ""
    return sheet_of(file, records[0][1], records[1:], note)


def _read(file: str, content: bytes) -> dict[str, Any]:
    try:
        answer = answer_of(_PROGRAM, content=content, seconds=_LONGEST_SECONDS)
    except NoAnswer:
        raise InputError(
            f"{file}: the workbook takes too much memory or time to read; delete cells that stand far from the table, "
            "or save it as CSV"
        ) from None
    found: dict[str, Any] = json.loads(answer)
    return found


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
    except ZIP_ERRORS as error:
        raise InputError(f"{file}: not an XLSX workbook: {' '.join(str(error).split())[:120]}") from None
