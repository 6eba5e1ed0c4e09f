"""Text, tables and drawings set on A4 pages, each an SVG, joined into one PDF."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from html import escape

import vl_convert
from pypdf import PdfReader, PdfWriter

from ..render.text import clean, fit, wrap

_WIDTH, _HEIGHT, _MARGIN = 595.0, 842.0, 48.0
_ROOM = _WIDTH - 2 * _MARGIN
_FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
_VIEW = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


class Paper:
    """Fills pages from above to below; what does not fit begins the next one."""

    def __init__(self, foot: str) -> None:
        self._pages: list[list[str]] = [[]]
        self._y = _MARGIN
        self._foot = foot

    def heading(self, text: str, size: float = 15.0, keep: float = 60.0) -> None:
        """One or two lines in bold, kept with so much of what follows."""
        lines = wrap(clean(text), size * 1.06, _ROOM, 2)
        self._need(len(lines) * size * 1.3 + keep)
        self._y += size * 0.6 if self._pages[-1] else 0
        for line in lines:
            self._line(line, size, "bold")

    def text(self, text: str, size: float = 10.0, colour: str = "#222") -> None:
        """A paragraph."""
        for line in wrap(clean(text), size, _ROOM, 40):
            self._line(line, size, colour=colour)
        self._y += 4

    def table(
        self, columns: Sequence[tuple[str, float]], rows: Sequence[Sequence[str]], size: float = 9.0
    ) -> None:
        """Columns with their share of the width; a negative share is set flush right. The header is repeated."""
        self._need(4 * size * 1.7)
        names = [name for name, _ in columns]
        if any(names):
            self._row(names, columns, size, "#666")
        for row in rows:
            if self._y + size * 1.7 > _HEIGHT - _MARGIN:
                self._turn()
                self._row(names, columns, size, "#666")
            self._row(row, columns, size, "#111")
        self._y += 8

    def picture(self, svg: str, width: float, height: float | None = None) -> None:
        """A drawing with a viewBox, as wide as asked or as fits into ``height``."""
        match = _VIEW.search(svg)
        if match is None:
            return
        scale = min(width / float(match[1]), (height or 700.0) / float(match[2]))
        wide, high = float(match[1]) * scale, float(match[2]) * scale
        self._need(high + 6)
        start = svg.index("<svg")
        body = re.sub(r'(<svg[^>]*?) width="[^"]*" height="[^"]*"', r"\1", svg[start:], count=1)
        place = f'<svg x="{_MARGIN:.1f}" y="{self._y:.1f}" width="{wide:.1f}" height="{high:.1f}"'
        self._pages[-1].append(body.replace("<svg", place, 1))
        self._y += high + 8

    def pdf(self) -> bytes:
        """The pages as one PDF."""
        writer = PdfWriter()
        for number, parts in enumerate(self._pages, 1):
            page = self._page(parts, number)
            for one in PdfReader(io.BytesIO(bytes(vl_convert.svg_to_pdf(page)))).pages:
                writer.add_page(one)
        made = io.BytesIO()
        writer.write(made)
        return made.getvalue()

    def _page(self, parts: Sequence[str], number: int) -> str:
        foot = _text(
            f"{number}/{len(self._pages)}  {fit(self._foot, 8, _ROOM - 40)}",
            _MARGIN,
            _HEIGHT - 26,
            8,
            "#666",
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{_WIDTH}" '
            f'height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="{_FONT}">'
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>{"".join(parts)}{foot}</svg>'
        )

    def _row(
        self, cells: Sequence[str], columns: Sequence[tuple[str, float]], size: float, colour: str
    ) -> None:
        x = _MARGIN
        for cell, (_, share) in zip(cells, columns, strict=True):
            room = abs(share) * _ROOM
            text = fit(clean(cell), size, room - (14 if share < 0 else 4))
            at = x + room - 14 if share < 0 else x
            self._pages[-1].append(_text(text, at, self._y + size * 1.15, size, colour, end=share < 0))
            x += room
        self._y += size * 1.7
        self._pages[-1].append(
            f'<path d="M{_MARGIN} {self._y - 1:.1f}H{_WIDTH - _MARGIN}" stroke="#ddd" stroke-width="0.6"/>'
        )

    def _line(self, text: str, size: float, weight: str = "normal", colour: str = "#111") -> None:
        self._need(size * 1.4)
        self._pages[-1].append(_text(text, _MARGIN, self._y + size, size, colour, weight))
        self._y += size * 1.4

    def _need(self, height: float) -> None:
        if self._y + height > _HEIGHT - _MARGIN and self._pages[-1]:
            self._turn()

    def _turn(self) -> None:
        self._pages.append([])
        self._y = _MARGIN


def _text(
    text: str, x: float, y: float, size: float, colour: str, weight: str = "normal", end: bool = False
) -> str:
    anchor = ' text-anchor="end"' if end else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" fill="{colour}"{anchor}>'
        f"{escape(text)}</text>"
    )
