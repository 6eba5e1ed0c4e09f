"""The label's words in a language. A language is a data file beside this one; nothing else knows any."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec
import yaml
from msgspec import Struct

from ..errors import NotFound
from ..reasons import translated
from ..type_descriptions import described

FOLDER = Path(__file__).parent / "languages"
LANGUAGES = tuple(sorted(file.stem for file in FOLDER.glob("*.yml")))
_METRIC = re.compile(r"\b[a-z0-9]+(?:_[a-z0-9]+)+\b")
_GROUPED = re.compile(r"\d[\d,]*(?:\.\d+)?")


class Words(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Every text of a label. All languages have all of them."""

    language: str
    name: str  # of the language, in itself
    title: str
    not_eu: str
    neutral_title: str
    not_graded: str
    missing: str
    within: str
    unsure: str
    energy: str
    energy_all: str
    per: str
    co2: str
    co2_all: str
    co2_no_zone: str
    co2_no_file: str
    co2_not_given: str
    not_known: str
    mean: str
    accuracy: str
    units: Mapping[str, str]
    many: Mapping[str, str]
    phases: Mapping[str, str]
    methods: Mapping[str, str]
    of: str
    scale: str
    reference: str
    from_: str = msgspec.field(name="from")
    derived: str
    uncertainty: str
    covers: str
    window: str
    machine: str
    gpu: str
    process: str
    method: str
    what: str
    against: str
    sure: str
    isnot: str
    isnot_text: str
    bands_text: str
    metrics: Mapping[str, str]
    alt: str
    alt_grade: str
    alt_span: str
    alt_all: str
    alt_co2: str
    decimal: str
    thousands: str

    def boundary(self, name: str) -> str:
        """What the energy counts, in words."""
        return {"machine": self.machine, "gpu": self.gpu, "process": self.process}.get(name, "")

    def metric(self, name: str) -> str:
        """A metric's title; its name where the language has none."""
        return self.metrics.get(name, name.replace("_", " "))

    def said(self, text: str) -> str:
        """A sentence of code in this language, such as why there is no letter; metrics have their titles in it."""
        there = translated(text, self.language, self.number)
        return _METRIC.sub(lambda found: self.metrics.get(found[0], found[0]), there)

    def number(self, text: str) -> str:
        """A text whose numbers are written as this language writes them."""
        if (self.decimal, self.thousands) == (".", ","):
            return text
        signs = str.maketrans({".": self.decimal, ",": self.thousands})
        return _GROUPED.sub(lambda match: match[0].translate(signs), text)


@cache
def words(language: str = "en") -> Words:
    """Raises NotFound naming the languages there are."""
    if language not in LANGUAGES:
        raise NotFound(f"no language {language[:20]!r}; there are {', '.join(LANGUAGES)}")
    texts = yaml.safe_load((FOLDER / f"{language}.yml").read_text("utf-8"))
    return msgspec.convert(texts | {"language": language}, described(Words))
