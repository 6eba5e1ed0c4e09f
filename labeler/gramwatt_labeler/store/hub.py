"""Rows of the hub's models, of syncs, and of what people say in place of a card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from ..errors import NotFound
from . import audit, models, rows, withdrawing, writing
from .database import Database
from .nouns import Card, Evaluation, Given, ModelFacts, Origin
from .tables import CURATION, EVALUATIONS, GRADES, HUB_MODELS, HUB_SYNCS

_H, _Y, _C, _G = HUB_MODELS.c, HUB_SYNCS.c, CURATION.c, GRADES.c
_CARD = tuple(Card.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class HubSync:
    """One sync. ``newest`` is when the newest model was changed, of one that saw all; the next begins there."""

    id: int
    started: float
    ended: float | None
    state: str
    newest: float | None
    seen: int
    created: int
    updated: int
    failed: int
    error: str
    by: str


@dataclass(frozen=True, slots=True)
class Curated:
    """What a person says of a model in place of its card."""

    value: str
    note: str
    by: str
    at: float


@dataclass(frozen=True, slots=True)
class ToKeep:
    """A model, its evaluation (None where the card reports nothing usable) and why it could not be read, if so."""

    card: Card
    evaluation: Evaluation | None = None
    grades: Sequence[Given] = ()
    error: str = ""


class HubRows:
    """Every method may raise DatabaseAway."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Models

    def known(self, hub_ids: Sequence[str]) -> Mapping[str, tuple[str, float | None]]:
        """``sha`` and time of the last change of those that are there and were read."""
        query = select(_H.hub_id, _H.sha, _H.last_modified).where(
            _H.hub_id.in_(rows.storable(hub_ids)), _H.state == "present"
        )
        with self._database.reading() as connection:
            return {row.hub_id: (row.sha, row.last_modified) for row in connection.execute(query)}

    def put(self, found: Sequence[ToKeep], at: float) -> tuple[int, int]:
        """Keep a page of models with their evaluations in one transaction; how many are new, and how many changed."""
        created = 0
        with self._database.writing() as connection:
            for one in found:
                created += self._put(connection, one, at)
        return created, len(found) - created

    def _put(self, connection: Connection, one: ToKeep, at: float) -> bool:
        card = one.card
        row = rows.storable(asdict(card)) | {
            "state": "failed" if one.error else "present", "error": one.error[:1000], "fetched_at": at,
        }  # fmt: skip
        there = connection.execute(select(_H.hub_id).where(_H.hub_id == row["hub_id"])).first() is not None
        if there:
            connection.execute(update(HUB_MODELS).where(_H.hub_id == row["hub_id"]).values(row))
        else:
            connection.execute(insert(HUB_MODELS), row)
        author, name = rows.author_and_name(row["hub_id"])
        facts = ModelFacts(
            author, name, hub_id=row["hub_id"], domain=_text(one, "domain"), library=card.library,
            licence=str(card.card.get("license", ""))[:256], parameters=card.parameters, file_bytes=card.file_bytes,
            downloads=card.downloads, likes=card.likes,
        )  # fmt: skip
        models.put(connection, facts, at)
        if one.evaluation is not None:
            _put_evaluation(connection, one.evaluation, one.grades, at)
        return not there

    def card(self, hub_id: str) -> Card:
        """Raises NotFound."""
        query = select(*(_H[name] for name in _CARD)).where(_H.hub_id == rows.storable(hub_id))
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise NotFound(f"no model {hub_id[:120]!r} of the hub is here")
        return Card(**row)

    def cards(self, after: str = "", limit: int = 500) -> Sequence[Card]:
        """Those that are on the hub, in the order of their ids."""
        query = select(*(_H[name] for name in _CARD)).where(_H.hub_id > after, _H.state == "present")
        with self._database.reading() as connection:
            found = connection.execute(query.order_by(_H.hub_id).limit(limit)).mappings()
            return [Card(**row) for row in found]

    def count(self) -> int:
        with self._database.reading() as connection:
            return int(connection.execute(select(func.count()).where(_H.state == "present")).scalar_one())

    def stamp(self) -> tuple[object, ...]:
        """Another one when anything that :meth:`cards` or :meth:`curated` give has changed."""
        models = select(func.count(), func.max(_H.fetched_at)).where(_H.state == "present")
        people = select(func.count(), func.max(_C.at)).select_from(CURATION)
        with self._database.reading() as connection:
            return (*connection.execute(models).one(), *connection.execute(people).one())

    def mark_deleted(self, fetched_before: float) -> int:
        """Those a whole pass over the hub did not see; how many. Their evaluations stay."""
        gone = update(HUB_MODELS).where(_H.fetched_at < fetched_before, _H.state != "deleted")
        with self._database.writing() as connection:
            return int(connection.execute(gone.values(state="deleted")).rowcount)

    def touch(self, hub_ids: Sequence[str], at: float) -> None:
        """These were seen, unchanged."""
        with self._database.writing() as connection:
            connection.execute(
                update(HUB_MODELS).where(_H.hub_id.in_(rows.storable(hub_ids))).values(fetched_at=at)
            )

    def letters(self, scale: str) -> Mapping[str, str]:
        """The letter in force on a scale, by the id of the evaluation; of models of the hub that have one."""
        query = select(_G.evaluation_id, _G.letter).join(EVALUATIONS, EVALUATIONS.c.id == _G.evaluation_id)
        query = query.where(EVALUATIONS.c.origin == Origin.HUB.value, _G.scale == scale, _G.is_current)
        query = query.where(_G.letter.is_not(None))
        with self._database.reading() as connection:
            return {row.evaluation_id: row.letter for row in connection.execute(query)}

    # Syncs

    def begin(self, by: str, at: float) -> int:
        """A new sync; its number. One that was interrupted is over."""
        row = {
            "started": at,
            "state": "running",
            "seen": 0,
            "created": 0,
            "updated": 0,
            "failed": 0,
            "by": by,
        }
        with self._database.writing() as connection:
            connection.execute(
                update(HUB_SYNCS)
                .where(_Y.state == "running")
                .values(state="failed", error="interrupted", ended=at)
            )
            added = connection.execute(insert(HUB_SYNCS).values(row)).inserted_primary_key
            assert added is not None
            return int(added[0])

    def change(self, sync: int, **values: Any) -> None:
        """Set columns of a sync."""
        with self._database.writing() as connection:
            connection.execute(update(HUB_SYNCS).where(_Y.id == sync).values(rows.storable(values)))

    def newest(self) -> float | None:
        """When the newest model was changed that a sync which saw all has seen."""
        with self._database.reading() as connection:
            return connection.execute(select(func.max(_Y.newest)).where(_Y.state == "done")).scalar()

    def syncs(self, limit: int = 20) -> Sequence[HubSync]:
        """Newest first."""
        columns = [_Y[name] for name in HubSync.__dataclass_fields__]
        with self._database.reading() as connection:
            found = connection.execute(select(*columns).order_by(_Y.id.desc()).limit(limit))
            return [HubSync(*row) for row in found]

    # Curation

    def curated(self, hub_ids: Sequence[str] | None = None) -> Mapping[str, Mapping[str, Curated]]:
        """By model and field; of all models where none are named."""
        query = select(CURATION)
        if hub_ids is not None:
            query = query.where(_C.hub_id.in_(rows.storable(hub_ids)))
        found: dict[str, dict[str, Curated]] = {}
        with self._database.reading() as connection:
            for row in connection.execute(query).mappings():
                one = Curated(row["value"], row["note"], row["by"], row["at"])
                found.setdefault(row["hub_id"], {})[row["field"]] = one
        return found

    def curate(self, hub_id: str, field: str, one: Curated | None, by: str, at: float) -> None:
        """Put a value in place of the card's, or take it back (None). In the audit."""
        hub_id, field = rows.storable(hub_id), rows.storable(field)
        of = (_C.hub_id == hub_id, _C.field == field)
        with self._database.writing() as connection:
            before = connection.execute(select(_C.value).where(*of)).scalar()
            connection.execute(delete(CURATION).where(*of))
            if one is not None:
                row = {"hub_id": hub_id, "field": field} | asdict(one)
                connection.execute(insert(CURATION), rows.storable(row))
            after = None if one is None else one.value
            audit.record(connection, at, by, "curate", f"{hub_id} {field}", before, after)

    def put_evaluation(self, evaluation: Evaluation, grades: Sequence[Given], at: float) -> None:
        """In place of the one of this model, or new."""
        self.put_evaluations([(evaluation, grades)], at)

    def put_evaluations(self, found: Sequence[tuple[Evaluation, Sequence[Given]]], at: float) -> None:
        """Each in place of the one of its model, or new; all in one transaction."""
        with self._database.writing() as connection:
            for evaluation, grades in found:
                _put_evaluation(connection, evaluation, grades, at)


def _put_evaluation(
    connection: Connection, evaluation: Evaluation, grades: Sequence[Given], at: float
) -> None:
    content = rows.content_hash(evaluation, by_id=True)
    plain = [one.grade for one in grades]
    query = select(EVALUATIONS.c.id).where(EVALUATIONS.c.id == evaluation.id)
    if connection.execute(query.with_for_update()).first() is None:
        if withdrawing.taken_back(connection, evaluation.id) is not None:
            return  # a person took it back: no sync brings it in again
        writing.put_evaluation(connection, evaluation, content, plain)
        writing.put_grades(connection, evaluation.id, grades, at)
        return
    writing.replace_evaluation(connection, evaluation, content, plain)
    for given in grades:
        writing.replace_grade(connection, evaluation.id, given, at)


def _text(one: ToKeep, name: str) -> str:
    return str(one.evaluation.detail.get(name, "")) if one.evaluation is not None else ""
