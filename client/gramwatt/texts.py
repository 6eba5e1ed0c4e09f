"""Texts that the exporter accepts: valid UTF-8 without control characters."""

from __future__ import annotations

import re

_SURROGATES = re.compile("[\ud800-\udfff]")


def sendable(text: object) -> str:
    """The text with U+FFFD for what UTF-8 does not have and ``?`` for control characters, which the exporter refuses.

    Python keeps bytes of an argument or a file name that are not UTF-8 as lone surrogates; JSON cannot carry them, and
    a name that cannot be sent must not leave the run unmeasured.
    """
    legal = _SURROGATES.sub("\ufffd", str(text))
    return legal if legal.isprintable() else "".join(one if one.isprintable() else "?" for one in legal)
