"""Rows of the table of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Select, func, select, update

from .audit import record
from .listing import contains
from .nouns import Model, ModelFacts
from .rows import model_facts_of, storable
from .tables import EVALUATIONS, MODELS
from .writing import id_of

_IDENTITY = ("author", "name", "revision")
_M = MODELS.c


def put(connection: Connection, facts: ModelFacts, at: float, by: str = "") -> int:
    """Make or change it; facts not known ("" and None) change nothing. Raises IntegrityError for its hub id.

    What ``by`` changed is in the audit.
    """
    values = storable(asdict(facts))
    identity = {name: values.pop(name)[:256] for name in _IDENTITY}
    model = id_of(connection, MODELS, identity | {"created_at": at, "updated_at": at}, _IDENTITY)
    known = {name: value for name, value in values.items() if value not in ("", None)}
    if known:
        before = dict(connection.execute(select(MODELS).where(_M.id == model)).mappings().one())
        connection.execute(update(MODELS).where(_M.id == model).values(known | {"updated_at": at}))
        changed = {name: value for name, value in known.items() if before[name] != value}
        if by and changed:
            name = "/".join(filter(None, (identity["author"], identity["name"])))
            record(connection, at, by, "model", name, {one: before[one] for one in changed}, changed)
    return model


def get(connection: Connection, model_id: int) -> Model | None:
    row = connection.execute(_query().where(_M.id == model_id)).mappings().first()
    return None if row is None else _model(row)


def by_hub_id(connection: Connection, hub_id: str) -> int | None:
    return connection.execute(select(_M.id).where(_M.hub_id == hub_id)).scalar()


def some(connection: Connection, q: str, after: int, limit: int) -> Sequence[Model]:
    query = _query().where(_M.id > after).order_by(_M.id).limit(limit)
    if q:
        query = query.where(contains(func.lower(_M.author + "/" + _M.name + "\n" + _M.domain), q))
    return [_model(row) for row in connection.execute(query).mappings()]


def _query() -> Select[Any]:
    counted = select(func.count()).where(EVALUATIONS.c.model_id == _M.id).scalar_subquery()
    return select(MODELS, counted.label("evaluations"))


def _model(row: Mapping[Any, Any]) -> Model:
    return Model(row["id"], model_facts_of(row), row["created_at"], row["updated_at"], row["evaluations"])
