"""The files of the pages: scripts, styles and the icon, compressed once, and kept by the browser until they change."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import HTTPException, Request, Response

from .proxy import takes_gzip

_UPLOT = ("uPlot.iife.js", "uPlot.min.css")
_FOR_EVER = "public, max-age=31536000, immutable"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class _File:
    stamp: tuple[int, int]
    plain: bytes
    packed: bytes
    tag: str


class Assets:
    """The files of one folder, and uPlot's as its Python package installed them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, _File] = {}

    def names(self, suffix: str) -> list[str]:
        """Our own files of one kind, sorted."""
        return sorted(path.name for path in self._folder.iterdir() if path.suffix == suffix)

    @property
    def version(self) -> str:
        """Another one after every change of a file. Files are asked for below it, so browsers may keep them."""
        found = hashlib.sha256()
        for path in sorted(self._folder.iterdir()):
            at = path.stat()
            found.update(f"{path.name} {at.st_mtime_ns} {at.st_size}\n".encode())
        return found.hexdigest()[:12]

    def answer(self, name: str, version: str, request: Request, headers: Mapping[str, str]) -> Response:
        """The file, or 304 where the browser has it. Raises HTTPException 404."""
        path = self._path(name)
        if path is None:
            raise HTTPException(404, f"no such file: {name}")
        file = self._file(path)
        known = _FOR_EVER if version and version == self.version else headers.get("Cache-Control", "no-cache")
        own = {**headers, "ETag": file.tag, "Vary": "Accept-Encoding", "Cache-Control": known}
        if file.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=own)
        packed = takes_gzip(request)
        if packed:
            own["Content-Encoding"] = "gzip"
        kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        return Response(file.packed if packed else file.plain, headers=own, media_type=kind)

    def _file(self, path: Path) -> _File:
        at = path.stat()
        stamp = (at.st_mtime_ns, at.st_size)
        found = self._read.get(path.name)
        if found is None or found.stamp != stamp:
            plain = path.read_bytes()
            tag = f'"{hashlib.sha256(plain).hexdigest()[:16]}"'
            found = self._read[path.name] = _File(stamp, plain, gzip.compress(plain, 9, mtime=0), tag)
        return found

    def _path(self, name: str) -> Path | None:
        if name in _UPLOT:
            # Found without importing the package, which would load IPython and NumPy.
            spec = importlib.util.find_spec("uplot")
            if spec is None or not spec.submodule_search_locations:
                return None
            return Path(next(iter(spec.submodule_search_locations))) / "static" / name
        return next((path for path in self._folder.iterdir() if path.name == name), None)
