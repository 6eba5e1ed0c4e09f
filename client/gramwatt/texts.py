"""Texts as the exporter takes them: UTF-8."""

from __future__ import annotations

import re

_SURROGATES = re.compile("[\ud800-\udfff]")


def utf8(text: str) -> str:
    """The text with U+FFFD for what UTF-8 does not have.

    Python keeps bytes of an argument or a file name that are not UTF-8 as lone surrogates; JSON cannot carry them, and
    a name that cannot be sent must not leave the run unmeasured.
    """
    return _SURROGATES.sub("\ufffd", text)
