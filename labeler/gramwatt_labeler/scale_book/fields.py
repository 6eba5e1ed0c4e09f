"""The numbers of a scale that a manager sets, as fields of a form: bands, intervals and weights."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from ..errors import InputError
from ..forms.mistakes import Mistake
from ..forms.numbers import split_number
from ..recommendations import facts_of

_SHOWN = ("bands", "metrics", "letters")
_MOST = 400
_SIDES = {"bounds": "above", "cuts": "up to"}
_LIMIT = re.compile(rf"metrics\.[^\[]+\.(?:{'|'.join(_SIDES)})\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Number:
    """One number with where it stands, such as ``metrics.co2_eq_emissions.bounds[0]``."""

    path: str
    value: float
    letter: str = ""  # of a limit, the one on its better side

    @property
    def words(self) -> str:
        """The path as people read it: ``bands[0](A).up_to`` is ``bands A, up to``, a limit ``size, A above``."""
        if self.letter:
            metric, side = self.path.removeprefix("metrics.").rsplit("[", 1)[0].rsplit(".", 1)
            return f"{_title(metric)}, {self.letter} {_SIDES[side]}"
        text = re.sub(
            r"\[(\d+)\](\(([^)]*)\))?",
            lambda found: f" {found[3] or int(found[1]) + 1}",
            self.path,
        )
        name, dot, rest = text.removeprefix("metrics.").partition(".")
        name = _title(name) if text.startswith("metrics.") else name.replace("_", " ")
        return name + (dot + rest).replace(".", ", ").replace("_", " ")


def _title(metric: str) -> str:
    facts = facts_of(metric)
    return facts.title if facts else metric.replace("_", " ")


def written_out(content: str) -> str:
    """A shipped text without aliases (``*name``), which a text that is sent must not have; itself if it has none.

    The form shows it, so what a manager sends back is accepted.
    """
    if not any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(content, Loader=yaml.SafeLoader)):
        return content
    return _text(yaml.safe_load(content))


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML calls it so
        return True


def _text(tree: Any) -> str:
    return yaml.dump(tree, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110)


def numbers(content: str) -> list[Number]:
    """The numbers below ``bands`` and ``metrics``, in the order of the text."""
    tree = yaml.safe_load(content)
    found = [one for name in _SHOWN if name in tree for one in _below(tree[name], name)]
    letters = tree.get("letters")
    return [_with_letter(one, letters if isinstance(letters, list) else []) for one in found[:_MOST]]


def _with_letter(number: Number, letters: Sequence[object]) -> Number:
    limit = _LIMIT.fullmatch(number.path)
    place = int(limit[1]) if limit else len(letters)
    return replace(number, letter=str(letters[place])) if place < len(letters) else number


def change(content: str, version: str, given: Mapping[str, str]) -> str:
    """The text with other numbers and another version. Raises InputError naming the path of what is no number.

    Nothing changed gives the text itself, so that its comments and its hash stay.
    """
    tree = yaml.safe_load(content)
    is_changed = False
    for one in numbers(content):
        text = given.get(one.path, "").strip()
        if not text:
            continue
        try:
            value, behind = split_number(text)
        except Mistake as mistake:
            raise InputError(f"{one.path}: {mistake}") from None
        if behind:
            raise InputError(f"{one.path}: expected a number alone, got {text[:40]!r}")
        if value != one.value:
            _put(tree, one.path, value)
            is_changed = True
    if version and str(tree.get("version")) != version:
        tree["version"] = version
        is_changed = True
    return _text(tree) if is_changed else content


def _below(tree: Any, path: str) -> Iterator[Number]:
    if isinstance(tree, dict):
        for name, one in tree.items():
            yield from _below(one, f"{path}.{name}")
    elif isinstance(tree, list):
        for index, one in enumerate(tree):
            label = one.get("letter", "") if isinstance(one, dict) else ""
            yield from _below(one, f"{path}[{index}]{'(' + str(label) + ')' if label else ''}")
    elif isinstance(tree, int | float) and not isinstance(tree, bool):
        yield Number(path, float(tree))


def _put(tree: Any, path: str, value: float) -> None:
    """Walk the tree as :func:`_below` named it."""
    for name in list(tree):
        if name in _SHOWN:
            _walk(tree, name, tree[name], name, path, value)


def _walk(parent: Any, key: Any, tree: Any, at: str, path: str, value: float) -> None:
    if at == path:
        parent[key] = value
    elif isinstance(tree, dict):
        for name, one in tree.items():
            _walk(tree, name, one, f"{at}.{name}", path, value)
    elif isinstance(tree, list):
        for index, one in enumerate(tree):
            label = one.get("letter", "") if isinstance(one, dict) else ""
            _walk(tree, index, one, f"{at}[{index}]{'(' + str(label) + ')' if label else ''}", path, value)
