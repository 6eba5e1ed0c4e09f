"""Cells of a CSV file that people open in a spreadsheet."""

from __future__ import annotations

from ..render.text import clean

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula (OWASP: CSV injection)."""


def harmless(cell: object) -> object:
    """A text without line breaks; one that a spreadsheet would take for a formula gets an apostrophe in front."""
    if not isinstance(cell, str):
        return cell
    text = clean(cell)
    return "'" + text if text.startswith(_FORMULA) or cell.startswith(_FORMULA) else text
