"""One filled-in form -> one entry, or the mistakes by field. All mistakes are found at once."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..render.text import clean
from .defined import Defined, read_defined
from .fields import LONGEST_NOTE, LONGEST_TEXT, PHASES, SCORES, Field, TextField, numbers, texts
from .mistakes import Mistake, Mistakes
from .numbers import split_number
from .quantities import read_quantity
from .signs import doubtful

_EXTRA_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_MOST_EXTRA = 32


@dataclass(frozen=True, slots=True)
class Entry:
    """What a person or a file says about one run, in base units: joules, grams, bytes, seconds, shares of 1.

    ``values`` holds what was given and nothing else; a quantity that is not there is not known.
    """

    phase: str
    model: str
    task: str = ""
    dataset: str = ""
    hardware: str = ""
    boundary: str = "process"
    training_type: str = ""
    source: str = ""
    note: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    extra: Mapping[str, float] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)  # extra fields that a manager defined
    ended: float | None = None  # Unix seconds, when a file says so
    run: str = ""  # the tool's own id of the run
    source_version: str = ""
    failure: str = ""  # how the run failed, in words; "" where it did not, or a file does not say
    outcome: str = ""  # how it ended, as the file has it
    floor_joules: float | None = None  # the least its sensors resolve
    components: Mapping[str, float] = field(default_factory=dict)  # joules of cpu, gpu, dram, as a file says
    zone: str = ""  # the country or grid zone that its CO2 is of
    missed_ratio: float = 0.0  # share of its time in which its use is not known

    @property
    def score(self) -> float | None:
        """Harmonic mean of the given scores; None without one. A score of 0 makes it 0."""
        given = [self.values[name] for name in SCORES if name in self.values]
        if not given:
            return None
        return 0.0 if 0 in given else len(given) / math.fsum(1 / one for one in given)

    @property
    def content_hash(self) -> str:
        """SHA-256 of everything that makes two entries the same run; the note is not part of it."""
        parts = [
            self.phase,
            self.model,
            self.task,
            self.dataset,
            self.hardware,
            self.boundary,
            self.training_type,
        ]
        parts += [self.run, repr(self.ended)]
        parts += [f"{name}={value!r}" for name, value in sorted({**self.values, **self.extra}.items())]
        parts += [self.failure] if self.failure else []
        parts += [f"{name}:{words}" for name, words in sorted(self.fields.items())]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def read_entry(form: Mapping[str, str], defined: Sequence[Defined] = ()) -> Entry:
    """Read a form's texts: a field by its name, its unit by ``<name>_unit``, what managers ``defined`` by its key.

    Raises Mistakes with every wrong field.
    """
    wrong: dict[str, str] = {}
    phase = form.get("phase", "")
    if phase not in PHASES:
        raise Mistakes({"phase": f"must be {' or '.join(PHASES)}"})
    words = {}
    for one in texts(phase):
        try:
            words[one.name] = _words(form.get(one.name, ""), one)
        except Mistake as mistake:
            wrong[one.name] = str(mistake)
    values = {}
    given = {one.name: text for one in numbers(phase) if (text := form.get(one.name, "").strip())}
    doubts = doubtful(given)
    for number in numbers(phase):
        text = given.get(number.name, "")
        if not text:
            continue
        if number.name in doubts:
            wrong[number.name] = doubts[number.name]
            continue
        try:
            values[number.name] = _value(text, number, form.get(f"{number.name}_unit", ""))
        except Mistake as mistake:
            wrong[number.name] = str(mistake)
    extra: dict[str, float] = {}
    try:
        extra = read_extra(form.get("extra", ""), given.values())
        _refuse_fields(extra, phase)
    except Mistake as mistake:
        wrong["extra"] = str(mistake)
    own = read_defined(form, phase, defined)
    wrong |= own.wrong
    if not wrong and not values:
        wrong["energy" if phase == "inference" else "emissions"] = (
            "at least one number is needed: the energy or the CO2 of the run"
        )
    note = clean(form.get("note", ""))
    if len(note) > LONGEST_NOTE:
        wrong["note"] = f"longer than {LONGEST_NOTE} characters"
    if wrong:
        raise Mistakes(wrong)
    return replace(
        _entry(phase, words), note=note, values=values, extra=extra | dict(own.numbers), fields=own.words
    )


def read_extra(text: str, others: Collection[str] = ()) -> dict[str, float]:
    """``name: number, name: number`` (or one pair a line). Raises Mistake naming the pair.

    ``others`` are the other numbers of the form: beside a decimal comma ``1.500`` is asked back.
    """
    found: dict[str, float] = {}
    texts: dict[str, str] = {}
    for pair in re.split(r"[\n;]|,(?=\s*[A-Za-z])", text):
        if not pair.strip():
            continue
        name, colon, number = pair.partition(":")
        name = name.strip()
        if not colon or not _EXTRA_NAME.fullmatch(name):
            raise Mistake(f"“{clean(pair)[:40]}” is not written as name: number")
        if name in found:
            raise Mistake(f"“{name}” is there twice")
        value, behind = split_number(number)
        if behind:
            raise Mistake(f"{name}: “{clean(behind)[:20]}” behind the number; write the number alone")
        found[name], texts[name] = value, number
        if len(found) > _MOST_EXTRA:
            raise Mistake(f"more than {_MOST_EXTRA} metrics")
    for name, wrong in doubtful(texts, others).items():
        raise Mistake(f"{name}: {wrong}")
    return found


def _refuse_fields(extra: Mapping[str, float], phase: str) -> None:
    """Two numbers of one name would be kept as one. Raises Mistake for a name that is a field of the form."""
    for field_ in numbers(phase):
        if field_.name in extra:
            raise Mistake(f"“{field_.name}” is no further metric: write it into the field {field_.label!r}")


def _words(text: str, one: TextField) -> str:
    words = clean(text)
    if not words:
        if one.required:
            raise Mistake("is needed: the label carries this name")
        return one.choices[0][0] if one.strict else ""
    if len(words) > LONGEST_TEXT:
        raise Mistake(f"longer than {LONGEST_TEXT} characters")
    by_spelling = {_plain(value): value for value, _ in one.choices}
    words = by_spelling.get(_plain(words), words)  # Pre-training and pretraining are one
    if one.strict and words not in by_spelling.values():
        raise Mistake(f"must be one of {', '.join(value for value, _ in one.choices if value)}")
    return words


def _entry(phase: str, words: Mapping[str, str]) -> Entry:
    return Entry(
        phase=phase,
        model=words["model"],
        task=words["task"],
        dataset=words["dataset"],
        hardware=words["hardware"],
        boundary=words["boundary"],
        training_type=words.get("training_type", ""),
        source=words["source"],
    )


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.lower())


def _value(text: str, number: Field, unit: str) -> float:
    # An empty unit is one of the units of a count and of a ratio.
    value = read_quantity(text, number.kind, unit or number.kind.base)
    if number.positive and value == 0:
        raise Mistake("must be above 0; leave the field empty when it is not known")
    if number.whole:
        whole = round(value)
        if not math.isclose(value, whole, rel_tol=1e-12):  # 1.1 million as floats is not 1,100,000
            raise Mistake("must be a whole number")
        return float(whole)
    return value
