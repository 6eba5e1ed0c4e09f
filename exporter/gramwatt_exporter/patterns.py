"""Regular expressions of the configuration, matched against text that strangers choose. Pure.

Any local user chooses names of windows, models and commands. An engine that backtracks can be kept busy for hours by
a name of 60 characters. RE2 matches in time linear in the text (https://github.com/google/re2/wiki/WhyRE2), and its
syntax is that of Prometheus. Expressions that are only names between bars, as most are, need no engine at all.
"""

from __future__ import annotations

import re
from typing import Protocol

_NAMES = re.compile(r"[\w @:/,~=-]*(?:\|[\w @:/,~=-]*)*")  # no character with a meaning but the bar
_EVERYTHING = ".*"


class PatternError(ValueError):
    """The text is no expression that can be matched in linear time; the message says why."""


class Pattern(Protocol):
    """What decides whether a whole text matches."""

    def matches(self, text: str) -> bool:
        """Whether the expression matches the whole of ``text``."""
        ...


class _Everything:
    def matches(self, text: str) -> bool:  # noqa: ARG002 - one signature for all patterns
        return True


class _Names:
    def __init__(self, expression: str) -> None:
        self._names = frozenset(expression.split("|"))

    def matches(self, text: str) -> bool:
        return text in self._names


class _Re2:
    def __init__(self, expression: str) -> None:
        import re2  # RE2 takes 3 MB: imported only where an expression needs it

        options = re2.Options()
        options.log_errors = False
        options.dot_nl = True  # as in Prometheus 3: "." is any character
        try:
            self._compiled = re2.compile(expression, options)
        except re2.error as error:
            raise PatternError(_text(error)) from None

    def matches(self, text: str) -> bool:
        # A name that is not UTF-8 holds lone surrogates, which RE2 does not take.
        return self._compiled.fullmatch(text.encode("utf-8", "replace").decode()) is not None


def pattern(expression: str) -> Pattern:
    """The expression, ready to match. Raises PatternError."""
    if expression == _EVERYTHING:
        return _Everything()
    if _NAMES.fullmatch(expression):
        return _Names(expression)
    return _Re2(expression)


def _text(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
    if "perl operator" in text or "escape sequence" in text:
        text += "; look-around and back references are not supported (RE2 syntax, as in Prometheus)"
    return text
