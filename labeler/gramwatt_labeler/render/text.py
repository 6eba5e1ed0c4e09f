"""Names written by strangers, made fit to be drawn. The template escapes markup; this removes what escaping cannot."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from markupsafe import Markup

from .advances import advance

# XML 1.0 has no way to write these, escaped or not.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_HELD_FROM = 0.7  # the widest common sans-serif fonts are a quarter to a third wider than Liberation Sans


def clean(text: str) -> str:
    """One line without control, format (direction overrides) or illegal characters; runs of space become one."""
    kept = "".join(
        " " if character.isspace() else character
        for character in _ILLEGAL.sub(" ", text)
        if character.isspace() or unicodedata.category(character) != "Cf"
    )
    return " ".join(kept.split())


def width(text: str, size: float, is_bold: bool = False) -> float:
    """Width in pixels of text at a font size, in Liberation Sans; of other scripts an estimate."""
    return sum(_em(one, is_bold) for one in text) * size


def _em(one: str, is_bold: bool = False) -> float:
    known = advance(one, is_bold)
    if known is not None:
        return known
    return 1.05 if ord(one) > 0x2E7F else 0.6


def held(text: str, size: float, room: float = 0.0, is_bold: bool = False) -> Markup:
    """Attributes that keep a text at its length in Liberation Sans, whatever font draws it.

    Only for text that fills most of ``room`` (0: any), because a short text fits in every font; and only where the
    width of each letter is known, because a wrong length would stretch it.
    """
    if not text or any(advance(one, is_bold) is None for one in text):
        return Markup("")
    length = width(text, size, is_bold)
    if length < _HELD_FROM * room:
        return Markup("")
    return Markup(' textLength="{:.1f}" lengthAdjust="spacingAndGlyphs"').format(length)


def largest(text: str, sizes: Sequence[float], room: float, is_bold: bool = False) -> float:
    """The first of the font sizes, largest first, in which ``text`` fits into ``room`` pixels; else the last."""
    return next((size for size in sizes if width(text, size, is_bold) <= room), sizes[-1])


def fit(text: str, size: float, room: float, is_bold: bool = False) -> str:
    """``text`` if it fits into ``room`` pixels, else its beginning with an ellipsis. One pass, however long it is."""
    kept, used, ellipsis = 0, 0.0, _em("…", is_bold) * size
    for index, one in enumerate(text):
        used += _em(one, is_bold) * size
        if used > room:
            return text[:kept].rstrip() + "…"
        if used + ellipsis <= room:
            kept = index + 1
    return text


def wrap(text: str, size: float, room: float, lines: int) -> list[str]:
    """Words broken into at most ``lines`` lines that fit; what does not fit ends in an ellipsis."""
    found: list[str] = []
    current = ""
    # More than this cannot be shown, as no letter is narrower.
    text = text[: int(lines * room / (0.19 * size)) + lines + 1]
    words = text.split()
    for index, word in enumerate(words):
        longer = f"{current} {word}".strip()
        if current and width(longer, size) > room:
            if len(found) == lines - 1:
                return [*found, fit(" ".join([current, *words[index:]]), size, room)]
            found.append(fit(current, size, room))
            current = word
        else:
            current = longer
    return [*found, fit(current, size, room)] if current else found


def fit_middle(text: str, size: float, room: float, is_bold: bool = False) -> str:
    """``text`` if it fits into ``room`` pixels, else its two ends with an ellipsis between: ends distinguish names."""
    whole = fit(text, size, room, is_bold)
    if whole == text:
        return text
    ellipsis = _em("…", is_bold) * size
    head = fit(text, size, (room - ellipsis) * 2 / 3 + ellipsis, is_bold).rstrip("…")
    left = room - width(head, size, is_bold) - ellipsis
    tail = ""
    for one in reversed(text[-min(len(text), 400) :]):
        if width(one + tail, size, is_bold) > left:
            break
        tail = one + tail
    return f"{head.rstrip(' .-_')}…{tail.lstrip(' .-_')}"


def joined(parts: Sequence[str], size: float, room: float, sign: str = " · ") -> str:
    """The parts as one line that fits; of those that are too long the middle is cut, the longest first."""
    kept = [part for part in parts if part]
    for _ in kept:
        over = width(sign.join(kept), size) - room
        if over <= 0:
            break
        longest = max(range(len(kept)), key=lambda place: width(kept[place], size))
        others = sorted((width(part, size) for part in kept), reverse=True)
        target = max(width(kept[longest], size) - over, others[1] if len(others) > 1 else 0.0, 8 * size)
        kept[longest] = fit_middle(kept[longest], size, target)
    return fit_middle(sign.join(kept), size, room)
