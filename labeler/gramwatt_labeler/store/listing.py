"""The list of evaluations: filters, order, and pages by cursor. Every query is one statement."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
)

from ..errors import InputError
from ..units import UNDATED
from .nouns import Filters, Origin
from .rows import author_and_name
from .tables import DATASETS, EVALUATIONS, GRADES, HOSTS, MODELS

_E, _G = EVALUATIONS.c, GRADES.c
_LONGEST_CURSOR = 1000


@dataclass(frozen=True, slots=True)
class _Order:
    key: ColumnElement[Any]
    is_descending: bool
    kind: type
    may_miss: bool
    needs_grade: bool

    def has_value(self, is_known: bool) -> ColumnElement[bool]:
        """The rows whose value is known, or those whose value is not. An end of 0 is a date not known."""
        if self.key is _E.ended:
            return self.key != UNDATED if is_known else self.key == UNDATED
        return self.key.is_not(None) if is_known else self.key.is_(None)


_KEYS: dict[str, tuple[ColumnElement[Any], type, bool, bool]] = {
    "ended": (_E.ended, float, False, False),
    "energy": (_E.energy_joules, float, True, False),
    "emissions": (_E.emissions_grams, float, True, False),
    "per_unit": (_G.per_unit_joules, float, True, True),
    "letter": (_G.letter, str, True, True),
    "name": (func.lower(_E.name), str, False, False),
}
SORTS = tuple(sign + key for key in _KEYS for sign in ("", "-"))
"""What a list can be in the order of; "-" is the largest first. What is not known stands behind all that is."""
NOT_GRADED = "none"
DEFAULT_SORT = "-ended"


def parts(sort: str, cursor: str) -> Sequence[bool]:
    """The parts of a list that may still follow: rows with a value to sort by (True), then those without one (False).

    Two queries, because each can follow an index, and the second is rarely needed. Raises InputError.
    """
    order = _order(sort)
    if not order.may_miss:
        return (True,)
    return (False,) if cursor and decode_cursor(cursor, sort, order.kind, True)[0] is None else (True, False)


def rows_query(
    filters: Filters, scale: str, sort: str, cursor: str, limit: int, has_value: bool = True
) -> Select[Any]:
    """One page and one row more of a part, with the grade on ``scale``. Raises InputError for a sort or cursor."""
    order = _order(sort)
    conditions = _conditions(filters, scale)
    # The page is found by ids alone, so that what is sorted is small; its rows are read after that.
    identity: ColumnElement[Any] = _E.id
    if order.needs_grade and has_value:
        conditions += _graded_on(scale)
        identity = _G.evaluation_id
        source: FromClause = GRADES if _is_by_grade_alone(filters) else GRADES.join(EVALUATIONS)
    else:
        source = _joined(filters, scale, order)
    key = order.key if has_value else null()
    found = select(identity.label("found_id"), key.label("sort_key")).select_from(source).where(*conditions)
    if order.may_miss:
        found = found.where(order.has_value(has_value))
    if cursor:
        found = _behind(
            found, order, identity, decode_cursor(cursor, sort, order.kind, order.may_miss), has_value
        )
    ordering = [order.key.desc() if order.is_descending else order.key.asc()] if has_value else []
    page = found.order_by(*ordering, identity).limit(limit + 1).subquery()
    shown = [page.c.sort_key.desc() if order.is_descending else page.c.sort_key.asc()] if has_value else []
    rows = page.join(EVALUATIONS, _E.id == page.c.found_id).outerjoin(GRADES, _on(scale))
    columns = (EVALUATIONS, _G.record.label("grade_record"), _G.graded_at, page.c.sort_key)
    return select(*columns).select_from(rows).order_by(*shown, page.c.found_id)


def _behind(
    found: Select[Any], order: _Order, identity: ColumnElement[Any], last: tuple[Any, str], has_value: bool
) -> Select[Any]:
    at, last_id = last
    if not has_value:  # all of this part follow on the last row with a value
        return found.where(identity > last_id) if at is None else found
    further = order.key < at if order.is_descending else order.key > at
    return found.where(or_(further, and_(order.key == at, identity > last_id)))


def count_query(filters: Filters, scale: str) -> Select[Any]:
    """How many rows all pages have."""
    if filters.letter == NOT_GRADED:
        # All less those with a letter: one of the two is small, and neither asks for each row whether it has one.
        everything = count_query(replace(filters, letter=""), scale).scalar_subquery()
        return select(everything - _lettered(filters, scale).scalar_subquery())
    if filters.letter and _is_by_grade_alone(filters):
        return select(func.count()).select_from(GRADES).where(*_graded_on(scale), _G.letter == filters.letter)
    query = select(func.count()).select_from(_joined(filters, scale))
    return query.where(*_conditions(filters, scale))


def _lettered(filters: Filters, scale: str) -> Select[Any]:
    others = _conditions(replace(filters, letter=""), scale)
    source = GRADES.join(EVALUATIONS) if others else GRADES
    query = select(func.count()).select_from(source)
    return query.where(*_graded_on(scale), _G.letter.is_not(None), *others)


def _graded_on(scale: str) -> list[ColumnElement[bool]]:
    return [_G.scale == scale, _G.is_current]


def _is_by_grade_alone(filters: Filters) -> bool:
    """Whether the evaluations themselves need not be looked at."""
    return filters.letter != NOT_GRADED and replace(filters, letter="") == Filters()


def encode_cursor(sort: str, key: object, last: str) -> str:
    """Where the next page begins: behind the row with this key and id."""
    text = json.dumps([sort, key, last], ensure_ascii=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, sort: str, kind: type, may_miss: bool = False) -> tuple[Any, str]:
    """The key and id of the last row seen; the key is None behind all that have one. Raises InputError."""
    wrong = InputError("cursor: it is not one that a list gave; leave it out to begin with the first page")
    if len(cursor) > _LONGEST_CURSOR or not cursor.isascii():
        raise wrong
    try:
        found = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        raise wrong from None
    if not (
        isinstance(found, list) and len(found) == 3 and isinstance(found[2], str) and "\x00" not in found[2]
    ):
        raise wrong
    if found[0] != sort:
        raise InputError(
            "cursor: it belongs to a list in another order; leave it out to begin with the first page"
        )
    key = found[1]
    if key is None and may_miss:
        return None, found[2]
    if kind is float:
        if isinstance(key, bool) or not isinstance(key, int | float) or not _is_finite(key):
            raise wrong
        return float(key), found[2]
    if not isinstance(key, str) or "\x00" in key:
        raise wrong
    return key, found[2]


def _is_finite(number: int | float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def _order(sort: str) -> _Order:
    key = sort.removeprefix("-")
    if key not in _KEYS:
        raise InputError(f"sort: {sort!r} is no order; allowed: {', '.join(SORTS)}")
    column, kind, may_miss, needs_grade = _KEYS[key]
    may_miss = (
        may_miss or sort == "ended"
    )  # a date not known is 0, which is last only when the newest come first
    return _Order(column, sort.startswith("-"), kind, may_miss, needs_grade)


def _joined(filters: Filters, scale: str, order: _Order | None = None) -> FromClause:
    """With the grades where the filters or the order need them."""
    if filters.letter not in ("", NOT_GRADED) or (order is not None and order.needs_grade):
        return EVALUATIONS.outerjoin(GRADES, _on(scale))
    return EVALUATIONS


def _on(scale: str) -> ColumnElement[bool]:
    return and_(_G.evaluation_id == _E.id, _G.scale == scale, _G.is_current)


def within_query(ids: Sequence[str], filters: Filters) -> Select[Any]:
    """Which of these are parts, at any depth, of one that fits by model, user and task."""
    up = select(_E.id.label("part"), _E.parent.label("outer")).where(_E.id.in_(ids), _E.parent != "")
    outer = up.cte("outer_ones", recursive=True)
    further = EVALUATIONS.alias()
    # A union, so that runs that name each other do not go round for ever.
    outer = outer.union(
        select(outer.c.part, further.c.parent).where(further.c.id == outer.c.outer, further.c.parent != "")
    )
    fits = EVALUATIONS.alias()
    return (
        select(outer.c.part)
        .join(fits, fits.c.id == outer.c.outer)
        .where(fits.c.id != outer.c.part, *_of_what(fits, filters))
    )


def _of_what(table: FromClause, filters: Filters) -> list[ColumnElement[bool]]:
    """What was run, by whom: true of a run as a whole, as the time of its end is not."""
    found: list[ColumnElement[bool]] = []
    if filters.task:
        found.append(table.c.task == filters.task)
    if filters.user:
        found.append(table.c.user_name == filters.user)
    if filters.model:
        author, name = author_and_name(filters.model)
        models = select(MODELS.c.id).where(MODELS.c.author == author, MODELS.c.name == name)
        found.append(table.c.model_id.in_(models))
    return found


def _conditions(filters: Filters, scale: str) -> list[ColumnElement[bool]]:
    found = _of_what(EVALUATIONS, filters)
    if filters.phase:
        found.append(_E.phase == filters.phase)
    if filters.origin:
        found.append(_E.origin == filters.origin)
    if filters.import_id:
        found += [
            _E.import_id == filters.import_id,
            _E.import_id != literal_column("''"),
        ]  # as its index has it
    if filters.own:
        found.append(_E.origin != Origin.HUB.value)
    if filters.outermost:
        outer = EVALUATIONS.alias()
        is_outer = (outer.c.id == _E.parent, outer.c.id != _E.id, *_of_what(outer, filters))
        found.append(or_(_E.parent == "", ~exists().where(*is_outer)))
    if filters.model_id is not None:
        found.append(_E.model_id == filters.model_id)
    if filters.dataset:
        found.append(_E.dataset_id == _one(DATASETS.c.id, DATASETS.c.name, filters.dataset))
    if filters.host:
        found.append(_E.host_id == _one(HOSTS.c.id, HOSTS.c.instance, filters.host))
    if filters.parent is not None:
        found.append(_E.parent == filters.parent)
    if filters.letter == NOT_GRADED:
        lettered = GRADES.alias()
        own = (lettered.c.evaluation_id == _E.id, lettered.c.scale == scale, lettered.c.is_current)
        found.append(~exists().where(*own, lettered.c.letter.is_not(None)))
    elif filters.letter:
        found.append(_G.letter == filters.letter)
    if filters.since is not None:
        found.append(_E.ended >= filters.since)
    if filters.until is not None:
        found += [_E.ended < filters.until, _E.ended != UNDATED]
    if filters.q:
        found.append(contains(_E.search, filters.q))
    return found


def contains(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Whether the column, which is in small letters, has ``text`` in it; % and _ are themselves."""
    return column.contains(text.casefold(), autoescape=True)


def _one(id_column: ColumnElement[Any], name_column: ColumnElement[Any], name: str) -> Any:
    return select(id_column).where(name_column == name).scalar_subquery()
