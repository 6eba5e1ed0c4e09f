"""The body of ``POST evaluations`` -> entries, through the same reading as the form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...forms.defined import Defined
from ...forms.entry import Entry, read_entry
from ...forms.fields import PHASES, numbers, texts
from ...forms.mistakes import Mistakes
from ...forms.signs import written
from ...grading.names import nearest_name
from .errors import ApiError

MOST = 1000
_OTHER = ("phase", "note", "values", "extra", "fields")
_LONGEST = 2000


def entries_of(body: Any, defined: Sequence[Defined] = ()) -> list[Entry]:
    """One object, or a list of up to 1,000. Raises ApiError with the path of the first mistake."""
    if not isinstance(body, list):
        return [_entry(body, "$", defined)]
    if not 1 <= len(body) <= MOST:
        raise ApiError(422, "invalid", f"expected 1 to {MOST} evaluations, got {len(body)}", "$")
    return [_entry(one, f"$[{number}]", defined) for number, one in enumerate(body)]


def _entry(one: Any, path: str, defined: Sequence[Defined]) -> Entry:
    if not isinstance(one, dict):
        raise ApiError(422, "invalid", f"expected an object, got {_kind(one)}", path)
    phase = one.get("phase")
    if phase not in PHASES:
        raise ApiError(422, "invalid", "expected the phase", f"{path}.phase", PHASES)
    words = [field.name for field in texts(phase)]
    _known(one, [*_OTHER, *words], path)
    form = {"phase": phase}
    for name in (*words, "note"):
        form[name] = _text(one.get(name, ""), f"{path}.{name}")
    form |= _values(one.get("values", {}), [field.name for field in numbers(phase)], f"{path}.values")
    extra = _object(one.get("extra", {}), f"{path}.extra")
    form["extra"] = "\n".join(
        f"{name}: {_number(value, f'{path}.extra.{name}')}" for name, value in extra.items()
    )
    own = {field.name: field for field in defined if not field.is_number and phase in field.phases}
    given = _object(one.get("fields", {}), f"{path}.fields")
    _known(given, list(own), f"{path}.fields")
    form |= {own[name].key: _text(text, f"{path}.fields.{name}") for name, text in given.items()}
    try:
        return read_entry(form, list(own.values()))
    except Mistakes as mistakes:
        name, message = next(iter(mistakes.by_field.items()))
        name_of = {field.key: f"fields.{field.name}" for field in own.values()}
        is_own = name in words or name in ("extra", "note", "phase")
        where = name_of.get(name, name if is_own else f"values.{name}")
        choices = next((field.choices for field in texts(phase) if field.name == name and field.strict), ())
        raise ApiError(422, "invalid", message, f"{path}.{where}", [value for value, _ in choices]) from None


def _values(tree: Any, allowed: list[str], path: str) -> dict[str, str]:
    """``name: number`` in the base unit, ``name: text`` with a unit, or ``name: {value, unit}``."""
    form: dict[str, str] = {}
    values = _object(tree, path)
    _known(values, allowed, path)
    for name, value in values.items():
        at = f"{path}.{name}"
        unit = ""
        if isinstance(value, dict):
            _known(value, ["value", "unit"], at)
            unit, value = _text(value.get("unit", ""), f"{at}.unit"), value.get("value")
        if value is None:
            continue
        form[name] = value if isinstance(value, str) else _number(value, at)
        form[f"{name}_unit"] = unit
    return form


def _number(value: Any, path: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ApiError(422, "invalid", f"expected a number, got {_kind(value)}", path)
    try:
        return written(float(value))
    except OverflowError:
        raise ApiError(422, "invalid", "the number is beyond every measurement", path) from None


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise ApiError(422, "invalid", f"expected a text, got {_kind(value)}", path)
    if len(value) > _LONGEST:
        raise ApiError(422, "invalid", f"longer than {_LONGEST} characters", path)
    return value


def _object(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ApiError(422, "invalid", f"expected an object, got {_kind(value)}", path)
    return value


def _known(tree: Mapping[str, Any], allowed: list[str], path: str) -> None:
    for name in tree:
        if name not in allowed:
            near = nearest_name(name[:80], allowed)
            hint = f"; did you mean {near!r}?" if near else ""
            raise ApiError(422, "invalid", f"{name[:80]!r} is no field here{hint}", path, allowed)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
