"""A text in English -> the same in another language: which sentences it is made of, and with which values."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from .sentences import ENGLISH, LANGUAGES, Language
from .sentences import language as of_name

_WITHOUT_SPACE = frozenset(
    (
        *("joules", "component", "share", "needed", "floor", "least", "most"),
        *("best", "worst", "letter", "n", "expected", "found"),
    )
)
_ONE_WORD = r"\S*?"
_NUMBER = re.compile(r"[-+]?\d[\d,]*(\.\d+)?(e[-+]?\d+)?")
_JOINERS = ("; ", " or ")
_MOST_TEXT, _MOST_PIECES = 2000, 12  # of what code says; anything longer is not ours alone, and costs time
_AND = " and "
# Values that are sentences of ours, lists of them, or words of ours. Whatever else is a value stays as it is: a person
# or a program chose it.
_NESTED = ("unknown", "lack", "how")
_LISTS = ("names", "list")
_WORDS = ("name", "unit", "phase", "given", "counted", "other", "population", "value", "data", "component")


class _Template:
    """One sentence in English, as what finds its values."""

    def __init__(self, key: str, text: str) -> None:
        self.key = key
        literals, names = [], []
        for literal, name, _, _ in string.Formatter().parse(text):
            literals.append(literal)
            if name is not None:
                names.append(name)
        self.weight = len("".join(literals))
        pattern = ""
        for place, literal in enumerate(literals):
            pattern += re.escape(literal)
            if place < len(names):
                pattern += f"(?P<{names[place]}>{_ONE_WORD if names[place] in _WITHOUT_SPACE else '.*?'})"
        self._pattern = re.compile(pattern, re.DOTALL)

    def values(self, text: str) -> Mapping[str, str] | None:
        """The values, or None where the text is not this sentence."""
        found = self._pattern.fullmatch(text)
        return None if found is None else found.groupdict()


@cache
def _templates() -> Sequence[_Template]:
    """The most particular first."""
    found = [_Template(key, text) for key, text in of_name(ENGLISH).sentences.items()]
    return sorted(found, key=lambda one: -one.weight)


def found_in(text: str) -> tuple[str, Mapping[str, str]] | None:
    """The key of the sentence that a text in English is, and its values; None where it is none."""
    for template in _templates():
        values = template.values(text)
        if values is not None:
            return template.key, values
    return None


def translated(text: str, language: str, number: Callable[[str], str] = str) -> str:
    """The text in a language; what is no sentence of ours stays as it is. ``number`` writes a number as it does.

    Names that people chose (tasks, models, files) stay, too.
    """
    if language == ENGLISH or language not in LANGUAGES or len(text) > _MOST_TEXT:
        return text
    return _Translation(of_name(language), number).of(text)


class _Translation:
    """Into one language."""

    def __init__(self, language: Language, number: Callable[[str], str]) -> None:
        self._sentences = language.sentences
        self._word = {text: language.words[key] for key, text in of_name(ENGLISH).words.items()}
        self._number = number

    def of(self, text: str, depth: int = 4) -> str:
        """A text of one sentence or several."""
        if not depth or not text:
            return text
        for joiner in _JOINERS:
            split = self._split(text, joiner, depth)
            if split is not None:
                return split
        whole = found_in(text)
        if whole is not None:
            return self._say(*whole, depth)
        head, joiner, rest = text.partition(_JOINERS[0])
        return head + joiner + self.of(rest, depth) if joiner else text

    def _split(self, text: str, joiner: str, depth: int) -> str | None:
        """Several sentences of ours, each whole, with ``joiner`` between them; None where it is not that."""
        pieces = text.split(joiner)
        if len(pieces) > _MOST_PIECES:
            return None
        at, done = 0, []
        while at < len(pieces):
            for end in range(len(pieces), at, -1):
                one = joiner.join(pieces[at:end])
                known = found_in(one)
                if known is not None and not any(joiner in value for value in known[1].values()):
                    done.append(self._say(*known, depth))
                    at = end
                    break
            else:
                return None
        sign = joiner if joiner == _JOINERS[0] else f" {self._word['or']} "
        return sign.join(done)

    def _say(self, key: str, values: Mapping[str, str], depth: int) -> str:
        words = {name: self._value(name, value, depth) for name, value in values.items()}
        return self._sentences[key].format(**words)

    def _value(self, name: str, value: str, depth: int) -> str:
        if _NUMBER.fullmatch(value):
            return self._number(value)
        if name == "parts":
            return f" {self._word['and']} ".join(self.of(one, depth - 1) for one in value.split(_AND))
        if name in _LISTS:
            return ", ".join(self.of(one, depth - 1) for one in value.split(", "))
        if name in _NESTED:
            return self.of(value, depth - 1)
        return self._word.get(value, value) if name in _WORDS else value
