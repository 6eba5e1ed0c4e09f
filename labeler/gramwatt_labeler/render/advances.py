"""How wide the letters of Liberation Sans are, in thousandths of an em.

Liberation Sans has the widths of Arial and Helvetica, which most browsers take for the label's fonts. A browser with a
wider font squeezes a line to the length that is computed from these numbers. Source: the ``hmtx`` tables of
LiberationSans-Regular and LiberationSans-Bold, https://github.com/liberationfonts.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache

_REGULAR = (
    (191, "'"), (222, "ijlł’‘"), (260, "|"), (278, " !,./:;I[\\]ft·ıÌÍÎÏìíîï"), (333, "()-`r²³“”"), (334, "{}"),
    (355, '"'), (365, "º"), (370, "ª"), (389, "*"), (400, "°"), (469, "^"), (500, "Jcksvxyz"), (549, "±÷"),
    (556, "#$0123456789?L_abdeghnopqu€–"), (576, "µμ"), (584, "+<=>~×"), (611, "FTZßø"), (617, "σ"),
    (667, "&ABEKPSVXY"), (722, "CDHNRUw"), (778, "GOQØ"), (833, "Mm"), (889, "%æ"), (944, "W"), (1000, "Æ…—"),
    (1015, "@"),
)  # fmt: skip
_BOLD = (
    (238, "'"), (278, " ,./I\\ijl·ı’‘łÌÍÎÏìíîï"), (280, "|"), (333, "!()-:;[]`ft²³"), (365, "º"), (370, "ª"),
    (389, "*r{}"), (400, "°"), (474, '"'), (500, "z“”"), (549, "±÷"), (556, "#$0123456789J_aceksvxy€–"), (576, "µ"),
    (584, "+<=>^~×"), (611, "?FLTZbdghnopqußø"), (612, "μ"), (667, "EPSVXY"), (684, "σ"), (722, "&ABCDHKNRU"),
    (778, "GOQwØ"), (833, "M"), (889, "%mæ"), (944, "W"), (975, "@"), (1000, "Æ…—"),
)  # fmt: skip


@cache
def _table(is_bold: bool) -> Mapping[str, int]:
    return {letter: size for size, letters in (_BOLD if is_bold else _REGULAR) for letter in letters}


@lru_cache(maxsize=4096)
def advance(letter: str, is_bold: bool = False) -> float | None:
    """The width of one character in em; None where Liberation Sans does not have it or its width is not listed here."""
    table = _table(is_bold)
    found = table.get(letter)
    if found is None:
        # A letter with an accent is as wide as the letter, but for the narrow ones that are listed.
        parts = unicodedata.normalize("NFD", letter)
        found = (
            table.get(parts[0])
            if len(parts) == 2 and ord(letter) < 0x180 and parts[0] not in "itdl"
            else None
        )
    return None if found is None else found / 1000
