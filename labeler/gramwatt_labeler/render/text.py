"""Names written by strangers, made fit to be drawn. The template escapes markup; this removes what escaping cannot."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# XML 1.0 has no way to write these, escaped or not.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
# Rough advance of a sans-serif letter in em; labels only need not to overflow.
_NARROW, _WIDE = frozenset("fijlrtI.,:;'|!()[]/ -"), frozenset("mwMWQO@%")


def clean(text: str) -> str:
    """One line without control, format (direction overrides) or illegal characters; runs of space become one."""
    kept = "".join(
        " " if character.isspace() else character
        for character in _ILLEGAL.sub(" ", text)
        if character.isspace() or unicodedata.category(character) != "Cf"
    )
    return " ".join(kept.split())


def width(text: str, size: float) -> float:
    """Estimated width in pixels of text at a font size."""
    return sum(map(_em, text)) * size


def _em(one: str) -> float:
    return 0.3 if one in _NARROW else 0.88 if one in _WIDE else 1.05 if ord(one) > 0x2E7F else 0.58


def fit(text: str, size: float, room: float) -> str:
    """``text`` if it fits into ``room`` pixels, else its beginning with an ellipsis. One pass, however long it is."""
    kept, used, ellipsis = 0, 0.0, _em("…") * size
    for index, one in enumerate(text):
        used += _em(one) * size
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
    text = text[: int(lines * room / (0.3 * size)) + lines + 1]
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


def fit_middle(text: str, size: float, room: float) -> str:
    """``text`` if it fits into ``room`` pixels, else its two ends with an ellipsis between: ends distinguish names."""
    whole = fit(text, size, room)
    if whole == text:
        return text
    ellipsis = _em("…") * size
    head = fit(text, size, (room - ellipsis) * 2 / 3 + ellipsis).rstrip("…")
    left = room - width(head, size) - ellipsis
    tail = ""
    for one in reversed(text[-min(len(text), 400) :]):
        if width(one + tail, size) > left:
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
