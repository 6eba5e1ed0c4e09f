"""Which reader a file gets: by its content first, by its name second."""

from __future__ import annotations

from pathlib import PurePath

from ..errors import InputError
from ..render.text import clean
from .sheet import MOST_BYTES, Sheet
from .text_files import read_csv, read_json
from .workbooks import read_workbook

KINDS = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".xlsx")
_OLE = b"\xd0\xcf\x11\xe0"  # .xls, and workbooks with a password


def read_upload(name: str, content: bytes) -> Sheet:
    """A file as a sheet. ``name`` is what the browser says. Raises InputError naming the file and what to do."""
    file = clean(PurePath(name.replace("\\", "/")).name)[:120] or "file"
    if not content:
        raise InputError(f"{file}: the file is empty")
    if len(content) > MOST_BYTES:
        raise InputError(
            f"{file}: {len(content) / 1e6:.1f} MB; at most {MOST_BYTES // 1_000_000} MB are read"
        )
    if content.startswith(b"PK\x03\x04"):
        return read_workbook(file, content)
    if content.startswith(_OLE):
        raise InputError(
            f"{file}: an old .xls or a protected workbook; save it as XLSX without a password, or as CSV"
        )
    ending = PurePath(file).suffix.lower()
    if ending not in KINDS:
        raise InputError(f"{file}: files of this kind are not read; use {', '.join(KINDS)}")
    if ending == ".xlsx":
        raise InputError(f"{file}: not an XLSX workbook; save it as XLSX or CSV")
    if ending in (".json", ".jsonl") or content.lstrip()[:1] in (b"{", b"["):
        return read_json(file, content)
    return read_csv(file, content)
