"""Label files: SVG, and PNG and PDF made from it without a browser or system library."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import vl_convert

from ..files import replace
from ..model import Graded
from .fonts import register
from .label import Layout, render_svg

MEDIA_TYPES = {"svg": "image/svg+xml", "png": "image/png", "pdf": "application/pdf"}
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


def file_stem(window: str) -> str:
    """A file name for a window id; ids with other characters than letters, digits, - and _ are hashed."""
    return window if _SAFE.fullmatch(window) else "window-" + hashlib.sha256(window.encode()).hexdigest()[:16]


def convert(svg: str, form: str) -> bytes:
    """SVG text as the bytes of an svg, png (2 pixels per unit) or pdf file. Pictures are kept for the next call."""
    return svg.encode() if form == "svg" else _picture(svg, form)


@lru_cache(maxsize=64)  # a PNG of a label has about 100 kB
def _picture(svg: str, form: str) -> bytes:
    register()
    if form == "png":
        return bytes(vl_convert.svg_to_png(svg, scale=2.0))
    return bytes(vl_convert.svg_to_pdf(svg))


def label_files(window: str, directory: Path, formats: Iterable[str], layout: Layout = "full") -> list[Path]:
    """``<window>.<format>`` for each format, with the layout in the name but for a full one."""
    ending = "" if layout == "full" else f"-{layout}"
    return [directory / f"{file_stem(window)}{ending}.{form}" for form in formats]


def remove_labels(windows: Iterable[str], directory: Path) -> None:
    """Take away the :func:`label_files` of all formats. Raises OSError."""
    for window in windows:
        for path in label_files(window, directory, MEDIA_TYPES):
            path.unlink(missing_ok=True)


def write_labels(
    graded: Graded,
    url: str,
    directory: Path,
    formats: Iterable[str],
    layout: Layout = "full",
    language: str = "en",
) -> list[Path]:
    """Write :func:`label_files`.

    Each appears complete or not at all. Raises OSError; NotFound for a language there is not.
    """
    directory.mkdir(parents=True, exist_ok=True)
    svg = render_svg(graded, url, layout, language)
    files = label_files(graded.window.id, directory, formats, layout)
    for path in files:
        replace(path, convert(svg, path.suffix[1:]))
    return files
