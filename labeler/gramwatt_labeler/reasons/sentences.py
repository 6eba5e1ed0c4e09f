"""The sentences and words of each language, by key."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec
import yaml
from msgspec import Struct

from ..type_descriptions import described

FOLDER = Path(__file__).parent
LANGUAGES = tuple(sorted(file.stem for file in FOLDER.glob("*.yml")))
ENGLISH = "en"


class Language(Struct, frozen=True, forbid_unknown_fields=True):
    """Templates by key, in which a value stands in braces, and words that are values. All languages have the same keys,
    with the same values."""

    sentences: Mapping[str, str]
    words: Mapping[str, str]


@cache
def language(name: str) -> Language:
    """One of LANGUAGES."""
    return msgspec.convert(yaml.safe_load((FOLDER / f"{name}.yml").read_text("utf-8")), described(Language))


def said(key: str, /, **values: str) -> str:
    """A sentence in English. Values are texts, numbers as they are to be shown; the template names them."""
    return language(ENGLISH).sentences[key].format(**values)
