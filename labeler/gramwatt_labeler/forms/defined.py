"""Fields that a manager has defined: further metrics (numbers) and extra fields (words), read from a form's texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..render.text import clean
from .fields import PHASES
from .mistakes import Mistake
from .numbers import split_number

LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Defined:
    """One of them. ``key`` is its name in a form and among the columns of a file, ``name`` its name in the store."""

    key: str
    name: str
    label: str
    is_number: bool
    phases: tuple[str, ...] = PHASES
    unit: str = ""
    choices: tuple[str, ...] = ()
    help: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """What a form says of them: numbers and words by name, and what is wrong by key."""

    numbers: Mapping[str, float]
    words: Mapping[str, str]
    wrong: Mapping[str, str]


def read_defined(form: Mapping[str, str], phase: str, defined: Sequence[Defined]) -> Read:
    """Empty fields are not known."""
    numbers: dict[str, float] = {}
    words: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for one in defined:
        text = form.get(one.key, "").strip()
        if not text or phase not in one.phases:
            continue
        try:
            if one.is_number:
                numbers[one.name] = _number(text, one)
            else:
                words[one.name] = _words(text, one)
        except Mistake as mistake:
            wrong[one.key] = str(mistake)
    return Read(numbers, words, wrong)


def _number(text: str, one: Defined) -> float:
    value, behind = split_number(text)
    if behind and behind.strip() != one.unit:
        unit = f"in {one.unit}" if one.unit else "alone"
        raise Mistake(f"“{clean(behind)[:20]}” behind the number; write the number {unit}")
    return value


def _words(text: str, one: Defined) -> str:
    words = clean(text)
    if len(words) > LONGEST:
        raise Mistake(f"longer than {LONGEST} characters")
    if one.choices and words not in one.choices:
        raise Mistake(f"must be one of {', '.join(one.choices)}")
    return words
