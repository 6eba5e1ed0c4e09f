"""The list of evaluations: filters, order, and pages by cursor. Every query is one statement."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    exists,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    true,
)

from ..errors import InputError
from ..units import UNDATED
from .nouns import Filters, Origin
from .rows import author_and_name
from .tables import DATASETS, EVALUATIONS, GRADES, HOSTS, MODELS

_E, _G = EVALUATIONS.c, GRADES.c
_LONGEST_CURSOR = 1000
MOST_COUNTED = 10_000
"""A list that is narrowed is counted up to here: nobody reads on to the end of a longer one."""


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
    filters: Filters,
    scale: str,
    sort: str,
    cursor: str,
    limit: int,
    has_value: bool = True,
    are_many: bool = False,
) -> Select[Any]:
    """One page and one row more of a part, with the grade on ``scale``. Raises InputError for a sort or cursor.

    Where there ``are_many`` rows the page is soon found in the list's own order.
    """
    order = _order(sort)
    conditions = _conditions(filters, scale, are_many and not order.needs_grade)
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
    # Two conditions, so that an index is read from there on.
    from_there = order.key <= at if order.is_descending else order.key >= at
    return found.where(from_there, or_(order.key != at, identity > last_id))


def found_query(filters: Filters, scale: str, sort: str, cursor: str, limit: int) -> Select[Any]:
    """As :func:`rows_query`, of all parts, with the ``total`` of all pages: a search reads every text once.

    Each row has the total; without a page there is one row, whose ``id`` is NULL. A total above MOST_COUNTED says
    that there are more: then the page is not in order, and :func:`rows_query` finds it soon.
    """
    order = _order(sort)
    narrowed = select(_E.id.label("found_id"), _E.ended).select_from(_joined(filters, scale))
    hits = narrowed.where(*_conditions(filters, scale)).limit(MOST_COUNTED + 1).cte("hits")
    total = select(select(func.count()).select_from(hits).scalar_subquery().label("total")).subquery()
    source: FromClause = hits
    key: ColumnElement[Any] = hits.c.ended
    if order.key is not _E.ended:
        key = order.key
        source = hits.join(EVALUATIONS, _E.id == hits.c.found_id)
        source = source.outerjoin(GRADES, _on(scale)) if order.needs_grade else source
    elif order.may_miss:
        key = func.nullif(key, UNDATED)
    found = select(hits.c.found_id, key.label("sort_key")).select_from(source).subquery()
    at, its_id = found.c.sort_key, found.c.found_id
    following = select(found)
    if cursor:
        last, last_id = decode_cursor(cursor, sort, order.kind, order.may_miss)
        behind = and_(at.is_(None), its_id > last_id)
        if last is not None:
            further = at < last if order.is_descending else at > last
            behind = or_(further, and_(at == last, its_id > last_id), at.is_(None))
        following = following.where(behind)
    page = following.order_by(*_ordered(order, at), its_id).limit(limit + 1).subquery()
    rows = total.outerjoin(page, true()).outerjoin(EVALUATIONS, _E.id == page.c.found_id)
    columns = (EVALUATIONS, _G.record.label("grade_record"), _G.graded_at, page.c.sort_key, total.c.total)
    query = select(*columns).select_from(rows.outerjoin(GRADES, _on(scale)))
    return query.order_by(*_ordered(order, page.c.sort_key), page.c.found_id)


def _ordered(order: _Order, key: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    """What is not known stands behind all that is."""
    return [key.is_(None), key.desc() if order.is_descending else key.asc()]


def count_query(filters: Filters, scale: str) -> Select[Any]:
    """How many rows all pages have; MOST_COUNTED + 1 where they are more and filters narrow the list."""
    if filters.is_plain:  # an index has all of it
        return select(func.count()).select_from(EVALUATIONS).where(*_conditions(filters, scale))
    if filters.letter and _is_by_grade_alone(filters):
        query = select(literal(1)).where(*_graded_on(scale), _G.letter == filters.letter)
    else:
        query = select(literal(1)).select_from(_joined(filters, scale)).where(*_conditions(filters, scale))
    return select(func.count()).select_from(query.limit(MOST_COUNTED + 1).subquery())


def _graded_on(scale: str) -> list[ColumnElement[bool]]:
    return [_G.scale == scale, _G.is_current]


def _is_by_grade_alone(filters: Filters) -> bool:
    """Whether the evaluations themselves need not be looked at."""
    return filters in (Filters(), Filters(letter=filters.letter)) and filters.letter != NOT_GRADED


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


def _conditions(filters: Filters, scale: str, are_many: bool = False) -> list[ColumnElement[bool]]:
    """``are_many``: of a letter that many have, no index is asked for all that have it."""
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
    if filters.parent:
        found.append(_E.parent != literal_column("''"))  # as the index of SQLite has it
    if filters.letter == NOT_GRADED:
        lettered = GRADES.alias()
        own = (lettered.c.evaluation_id == _E.id, lettered.c.scale == scale, lettered.c.is_current)
        found.append(~exists().where(*own, lettered.c.letter.is_not(None)))
    elif filters.letter:
        found.append((func.coalesce(_G.letter, "") if are_many else _G.letter) == filters.letter)
    if filters.since is not None:
        found.append(_E.ended >= filters.since)
    if filters.until is not None:
        found += [_E.ended < filters.until, _E.ended != UNDATED]
    if filters.q:
        found.append(contains(_E.search, filters.q))
    return found


def values_query(column: ColumnElement[Any], limit: int) -> Select[Any]:
    """The texts of a column, sorted, but "": each is the next one of an index, so that not every row is read."""
    first = select(func.min(column).label("value")).where(column != "")
    found = first.cte("found", recursive=True)
    following = select(func.min(column)).where(column > found.c.value).scalar_subquery()
    found = found.union_all(select(following).where(found.c.value.is_not(None)))
    return select(found.c.value).where(found.c.value.is_not(None)).limit(limit)


def recent_query(
    columns: Sequence[ColumnElement[Any]], limit: int, scale: str, search: str, offset: int
) -> Select[Any]:
    """Current grades, those of the evaluations that ended last first. Their rows are read once they are found."""
    keys = select(_E.id.label("found_id"), _E.ended, _G.scale).select_from(_with_current(scale))
    keys = keys.where(*_graded(search)).order_by(_E.ended.desc(), _E.id, _G.scale)
    page = keys.limit(limit).offset(offset).subquery()
    grades = and_(_G.evaluation_id == page.c.found_id, _G.scale == page.c.scale, _G.is_current)
    rows = page.join(EVALUATIONS, _E.id == page.c.found_id).join(GRADES, grades)
    return select(*columns).select_from(rows).order_by(page.c.ended.desc(), page.c.found_id, page.c.scale)


def recent_count_query(scale: str, search: str) -> Select[Any]:
    """How many of them there are; MOST_COUNTED + 1 where a search finds more."""
    if not search:
        of_scale = [_G.scale == scale] if scale else []
        return select(func.count()).select_from(GRADES).where(_G.is_current, *of_scale)
    found = select(literal(1)).select_from(_with_current(scale)).where(*_graded(search))
    return select(func.count()).select_from(found.limit(MOST_COUNTED + 1).subquery())


def _with_current(scale: str) -> FromClause:
    """Evaluations with their current grades, on one scale or on all.

    An outer join: SQLite would begin with the grades in place of an order or a search that an index has.
    """
    is_current = and_(_G.evaluation_id == _E.id, _G.is_current)
    return EVALUATIONS.outerjoin(GRADES, and_(is_current, _G.scale == scale) if scale else is_current)


def _graded(search: str) -> list[ColumnElement[bool]]:
    is_graded = func.coalesce(_G.scale, "") != ""
    return [is_graded, contains(_E.search, search)] if search else [is_graded]


def contains(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Whether the column, which is in small letters, has ``text`` in it; % and _ are themselves."""
    return column.contains(text.casefold(), autoescape=True)


def _one(id_column: ColumnElement[Any], name_column: ColumnElement[Any], name: str) -> Any:
    return select(id_column).where(name_column == name).scalar_subquery()
