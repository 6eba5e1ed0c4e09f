"""Identifiers of windows: they sort by time, are hard to guess and safe in labels, URLs and file names."""

from __future__ import annotations

import os
import re

# Crockford's base 32 in lower case: digits first, so text order is number order; no i, l, o, u to misread.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_CHARACTERS = 9  # 45 bits of milliseconds: until the year 3084
_RANDOM_CHARACTERS = 11  # 55 bits
PATTERN = re.compile(f"[{_ALPHABET}]{{{_TIME_CHARACTERS + _RANDOM_CHARACTERS}}}")


class Ids:
    """Makes ids that increase even when the clock stands still or steps back, also over a restart."""

    def __init__(self) -> None:
        self._last = -1

    def new(self, now: float) -> str:
        """A new id for Unix time ``now``."""
        self._last = max(int(now * 1000), self._last + 1)
        return _encode(self._last, _TIME_CHARACTERS) + _encode(_random(), _RANDOM_CHARACTERS)

    def follow(self, earlier: str) -> None:
        """Ids come after this one from now on."""
        self._last = max(self._last, _decode(earlier[:_TIME_CHARACTERS]))


def _random() -> int:
    return int.from_bytes(os.urandom(7)) >> 1


def _encode(number: int, characters: int) -> str:
    text = ""
    for _ in range(characters):
        number, digit = divmod(number, 32)
        text = _ALPHABET[digit] + text
    return text


def _decode(text: str) -> int:
    number = 0
    for letter in text:
        number = number * 32 + _ALPHABET.index(letter)
    return number
