"""The store: evaluations with their grades, and models."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Select, and_, select, update
from sqlalchemy.exc import IntegrityError

from ..errors import Duplicate, InputError, NotFound, Rejected, TakenBack, TryAgain
from ..model import Graded
from . import adding, audit, listing, models, paging, replies, rows, withdrawing, writing
from .database import Database, first_line
from .nouns import (
    Evaluation,
    Filters,
    Given,
    Listed,
    Measure,
    MetricGrade,
    Model,
    ModelFacts,
    Origin,
    Page,
    Stored,
)
from .rehearsal import Rehearsal
from .replies import Reply
from .tables import EVALUATIONS, EXTRA_FIELDS, EXTRA_VALUES, GRADES, HOSTS, MEASURES, METRIC_GRADES, WITHDRAWN

_log = logging.getLogger(__name__)
_E, _G = EVALUATIONS.c, GRADES.c
_MADE = {
    Origin.HUB: "read from a model card, whose values are corrected on the page of the study",
    **dict.fromkeys((Origin.WINDOW, Origin.PROBE, Origin.RANGE), "measured by Gramwatt"),
}
_GRADED = (_E.record, _G.record.label("own"), _G.graded_at)


class Store:
    """Safe to use from several threads. Every method raises DatabaseAway while the database is away."""

    def __init__(self, url: str, keeps: bool = True) -> None:
        """Open, and upgrade an older database. Raises ConfigError naming the setting; a server that is away is none.

        Without ``keeps`` nothing that is written stays, also not the upgrade.
        """
        self.database = Database(url) if keeps else Rehearsal(url)
        self._unreadable: set[str] = set()  # said once

    @property
    def engine(self) -> Engine:
        return self.database.engine

    def ping(self) -> None:
        """Ask for one row, however busy the database is."""
        self.database.ping()

    def close(self) -> None:
        self.database.close()

    # Evaluations of every origin

    def add_evaluation(self, evaluation: Evaluation, grades: Sequence[Given] = ()) -> str:
        """Keep a new evaluation with its grades; its id, made here when it has none.

        Raises Duplicate, which has the id of the one that is there; Rejected for what the database does not take;
        TryAgain when another program wrote the same at this moment.
        """
        with self.database.writing() as connection:
            return adding.put(connection, evaluation, grades, 0)

    def add_evaluations(
        self,
        new: Sequence[tuple[Evaluation, Sequence[Given]]],
        reply: Reply | None,
        body: Callable[[Sequence[str]], Mapping[str, Any]],
    ) -> Mapping[str, Any]:
        """Keep all or none; what ``body`` makes of their ids, which is kept as the ``reply`` where there is one.

        Raises Duplicate with the number of the one that is there, Rejected, and TryAgain when the same request is
        being answered by another process.
        """
        return self.database.tried(lambda: self._add_evaluations(new, reply, body))

    def _add_evaluations(
        self,
        new: Sequence[tuple[Evaluation, Sequence[Given]]],
        reply: Reply | None,
        body: Callable[[Sequence[str]], Mapping[str, Any]],
    ) -> Mapping[str, Any]:
        with self.database.writing() as connection:
            ids = adding.put_all(connection, new)
            found = body(ids)
            if reply is not None:
                try:
                    replies.put(connection, replace(reply, body=found), new[0][0].created_at)
                except IntegrityError:
                    raise TryAgain("the same request is being answered; try again") from None
        return found

    def add_each(
        self, new: Sequence[tuple[Evaluation, Sequence[Given]]], again: bool = False
    ) -> list[str | Duplicate | Rejected | TakenBack]:
        """Keep those that can be kept, in one transaction; for each its id, or why it was not kept.

        What was taken back comes back only with ``again``.
        """
        if len(new) > adding.AT_ONCE and self.engine.dialect.name == "postgresql":
            self.database.tried(lambda: self._put_referred(new))
        return self.database.tried(lambda: self._add_each(new, again))

    def _put_referred(self, new: Sequence[tuple[Evaluation, Sequence[Given]]]) -> None:
        """In a transaction of its own: nobody who names the same model waits until all of an import is there."""
        with self.database.writing() as connection:
            writing.put_referred(connection, new, writing.Known())

    def _add_each(
        self, new: Sequence[tuple[Evaluation, Sequence[Given]]], again: bool
    ) -> list[str | Duplicate | Rejected | TakenBack]:
        with self.database.writing() as connection:
            named = [(one.id, rows.content_hash(one, by_id=False)) for one, _ in new]
            gone = {} if again else withdrawing.known(connection, named)
            kept = iter(adding.put_each(connection, [one for at, one in enumerate(new) if at not in gone]))
            withdrawing.hand_on(connection, {one.window.parent for one, _ in new})
            return [gone[at] if at in gone else next(kept) for at in range(len(new))]

    def reply(self, asked: Reply) -> Reply | None:
        """What the same request was answered before. Raises InputError when its key was another request's."""
        with self.database.reading() as connection:
            return replies.find(connection, asked)

    def regrade(self, evaluation_id: str, grades: Sequence[Given], at: float) -> None:
        """Put these in place of the current grades on their scales. Raises NotFound."""
        self.database.tried(lambda: self._regrade(evaluation_id, grades, at))

    def _regrade(self, evaluation_id: str, grades: Sequence[Given], at: float) -> None:
        with self.database.writing() as connection:
            if not _is_held(connection, evaluation_id):
                raise NotFound(f"no evaluation {evaluation_id!r}")
            for given in grades:
                writing.replace_grade(connection, evaluation_id, given, at)

    def evaluation(self, evaluation_id: str) -> Stored:
        """With its measures, grades and their metrics.

        Raises NotFound, also for one that cannot be read; TakenBack for one that was taken back.
        """
        with self.database.reading() as connection:
            row = connection.execute(select(EVALUATIONS).where(_E.id == evaluation_id)).mappings().first()
            if row is None:
                gone = withdrawing.taken_back(connection, evaluation_id)
                raise gone or NotFound(f"no evaluation {evaluation_id!r}")
            measures = connection.execute(_of(MEASURES, evaluation_id)).mappings().all()
            extra = connection.execute(
                select(EXTRA_FIELDS.c.name, EXTRA_VALUES.c.value)
                .join(EXTRA_VALUES, EXTRA_VALUES.c.field_id == EXTRA_FIELDS.c.id)
                .where(EXTRA_VALUES.c.evaluation_id == evaluation_id)
                .order_by(EXTRA_FIELDS.c.name)
            ).all()
            current = _of(GRADES, evaluation_id).where(_G.is_current).order_by(_G.scale)
            grades = connection.execute(current).mappings().all()
            letters = connection.execute(_of(METRIC_GRADES, evaluation_id)).mappings().all()
        return self._stored(row, measures, {one.name: one.value for one in extra}, grades, letters)

    def withdrawn(self, evaluation_id: str) -> tuple[TakenBack, Stored]:
        """One that was taken back, as it was: of several with this id the last. Raises NotFound."""
        query = select(WITHDRAWN).where(WITHDRAWN.c.evaluation_id == evaluation_id)
        with self.database.reading() as connection:
            gone = withdrawing.taken_back(connection, evaluation_id)
            row = connection.execute(query.order_by(WITHDRAWN.c.id.desc())).mappings().first()
            if gone is None or row is None:
                raise NotFound(f"no evaluation {evaluation_id!r} was taken back")
            names = {one.id: one.name for one in connection.execute(select(EXTRA_FIELDS))}
        kept = row["rows"]
        extra = {names.get(one["field_id"], "?"): one["value"] for one in kept[EXTRA_VALUES.name]}
        current = [one for one in kept[GRADES.name] if one["is_current"]]
        grades = sorted(current, key=lambda one: str(one["scale"]))
        evaluation = {"import_id": ""} | kept[EVALUATIONS.name] | {"replaced_by": row["replaced_by"]}
        return gone, self._stored(evaluation, kept[MEASURES.name], extra, grades, kept[METRIC_GRADES.name])

    def _stored(
        self,
        row: Mapping[Any, Any],
        measures: Sequence[Mapping[Any, Any]],
        extra: Mapping[str, str],
        grades: Sequence[Mapping[Any, Any]],
        letters: Sequence[Mapping[Any, Any]],
    ) -> Stored:
        evaluation = self._evaluation(row)
        if evaluation is None:
            raise NotFound(f"evaluation {row['id']!r} was written by another version and cannot be read")
        evaluation = replace(evaluation, measures=rows.best_measures(measures), extra=extra)
        found: dict[str, Graded] = {}
        metrics: dict[str, list[MetricGrade]] = {}
        for one in grades:
            graded = self._graded(row["record"], one["record"], one["graded_at"])
            if graded is not None:
                found[one["scale"]] = graded
                metrics[one["scale"]] = [
                    rows.metric_grade_of(letter)
                    for letter in letters
                    if letter["scale_sha256"] == one["scale_sha256"]
                ]
        return Stored(evaluation, found, metrics, row["model_id"])

    def correct(
        self, old: str, evaluation: Evaluation, grades: Sequence[Given], reason: str, owner: str | None
    ) -> str:
        """Keep this one in place of an ``old`` one that somebody stated, which is taken back; the new id.

        The runs inside the old one are inside the new one then. ``owner`` is the user whose evaluations alone may be
        corrected; None for a manager. Raises NotFound, TakenBack, NotYours, Duplicate, and InputError for one that was
        measured.
        """
        at, by = evaluation.created_at, evaluation.created_by
        with self.database.writing() as connection:
            origin = Origin(withdrawing.locked(connection, [old], owner)[old])
            if not origin.is_correctable:
                raise InputError(f"evaluation {old!r} was {_MADE[origin]}; it can only be taken back")
            new = adding.put(connection, evaluation, grades, 0)
            act = withdrawing.begin(connection, by, reason, at)
            withdrawing.move(connection, act, [old], replaced_by=new)
            withdrawing.hand_parts(connection, old, new)
            after = {"evaluation": new, "withdrawal": act, "reason": reason}
            audit.record(connection, at, by, "evaluation.correct", old, {"evaluation": old}, after)
        return new

    def page(
        self,
        filters: Filters = Filters(),  # noqa: B008 - frozen
        scale: str = "",
        sort: str = listing.DEFAULT_SORT,
        cursor: str = "",
        limit: int = 50,
        counted: bool = True,
    ) -> Page:
        """One page, with the grades on ``scale``. Raises InputError naming ``sort`` or ``cursor``."""
        with self.database.reading() as connection:
            found, total = paging.page(connection, filters, scale, sort, cursor, limit, counted)
        shown = found[:limit]
        more = len(found) > limit and bool(shown)
        following = listing.encode_cursor(sort, shown[-1]["sort_key"], shown[-1]["id"]) if more else ""
        read = [one for one in map(self._listed, shown) if one is not None]
        if total is None or filters.is_plain:
            return Page(read, following, total)
        return Page(read, following, min(total, listing.MOST_COUNTED), total > listing.MOST_COUNTED)

    def within(self, ids: Sequence[str], filters: Filters) -> set[str]:
        """Which of these are parts, at any depth, of an evaluation that fits by model, user and task."""
        with self.database.reading() as connection:
            return set(connection.execute(listing.within_query(ids, filters)).scalars())

    def values(self, field: str) -> Sequence[str]:
        """What stands in ``task``, ``phase``, ``user``, ``origin`` or ``host`` of any evaluation, sorted."""
        column = {
            "task": _E.task, "phase": _E.phase, "user": _E.user_name, "origin": _E.origin, "host": HOSTS.c.instance,
        }[field]  # fmt: skip
        with self.database.reading() as connection:
            return connection.execute(listing.values_query(column, 1000)).scalars().all()

    def measures(self, evaluations: Sequence[str]) -> Mapping[str, Mapping[str, Measure]]:
        """The measures of several evaluations, by their ids."""
        with self.database.reading() as connection:
            query = select(MEASURES).where(MEASURES.c.evaluation_id.in_(evaluations))
            found: dict[str, list[Mapping[Any, Any]]] = {}
            for row in connection.execute(query).mappings():
                found.setdefault(row["evaluation_id"], []).append(row)
        return {evaluation: rows.best_measures(its) for evaluation, its in found.items()}

    # Models

    def put_model(self, facts: ModelFacts, at: float, by: str = "") -> int:
        """Make the model, or give the one of this name and revision these facts; its id. Raises Duplicate by hub id.

        What ``by`` changed is in the audit.
        """
        try:
            with self.database.writing() as connection:
                return models.put(connection, facts, at, by)
        except IntegrityError as error:
            with self.database.reading() as connection:
                there = models.by_hub_id(connection, facts.hub_id) if facts.hub_id else None
            if there is None:
                raise TryAgain(f"cannot write the model: {first_line(error)}") from None
            raise Duplicate(str(there)) from None

    def model(self, model_id: int) -> Model:
        """Raises NotFound."""
        with self.database.reading() as connection:
            found = models.get(connection, model_id)
        if found is None:
            raise NotFound(f"no model {model_id}")
        return found

    def models(self, q: str = "", after: int = 0, limit: int = 50) -> Sequence[Model]:
        """In the order of their ids, from behind ``after``; ``q`` is part of author/name or domain."""
        with self.database.reading() as connection:
            return models.some(connection, q, after, limit)

    # Recorded windows and imports

    def has(self, window: str, scale: str) -> bool:
        """Whether this window was graded (or refused) on this scale."""
        query = select(_G.scale).where(_G.evaluation_id == window, _G.scale == scale, _G.is_current)
        with self.database.reading() as connection:
            return connection.execute(query).first() is not None

    def is_stated(self, window: str) -> bool:
        """Whether what is kept under this id is what a file or a person states, and not what was recorded."""
        query = select(_E.origin).where(_E.id == window)
        with self.database.reading() as connection:
            return connection.execute(query).scalar() not in (None, Origin.WINDOW.value)

    def make_way(self, window: str, at: float) -> None:
        """Take back what a file or a person states of a window: it was recorded itself."""
        with self.database.writing() as connection:
            if _is_held(connection, window):
                act = withdrawing.begin(connection, "", "Gramwatt recorded the run itself", at)
                withdrawing.move(connection, act, [window], replaced_by=window)
                audit.record(connection, at, "", "evaluation.take_back", window, None, {"withdrawal": act})

    def is_taken_back(self, window: str, parent: str = "") -> bool:
        """Whether a recorded window, or the one it is inside, was taken back and does not stand."""
        with self.database.reading() as connection:
            return withdrawing.is_withheld(connection, window, parent)

    def add(self, graded: Graded) -> bool:
        """Keep a result; False when this window has one on this scale, or was taken back.

        Raises Rejected for an odd row.
        """
        try:
            with self.database.writing() as connection:
                if withdrawing.is_withheld(connection, graded.window.id, graded.window.parent):
                    return False
                _add(connection, graded)
        except IntegrityError as error:
            if self.has(graded.window.id, graded.grade.scale.name):
                return False
            raise TryAgain(f"cannot write the grade: {first_line(error)}") from None
        return True

    def taken_back(self, ids: Sequence[str]) -> Mapping[str, TakenBack]:
        """Which of these were taken back and do not stand."""
        with self.database.reading() as connection:
            found = withdrawing.known(connection, [(one, "") for one in ids])
        return {one.evaluation: one for one in found.values()}

    def add_all(self, new: Sequence[Graded], replacing: Sequence[Graded] = (), import_id: str = "") -> None:
        """Keep all of these or none: ``new`` ones, and others in place of what their window has on their scale.

        A replaced result keeps its annotation, and has no grade of its earlier numbers. Raises TryAgain when another
        process wrote one of ``new`` meanwhile.
        """
        try:
            with self.database.writing() as connection:
                replaced: set[str] = set()
                for graded in replacing:
                    if graded.window.id not in replaced:
                        replaced.add(graded.window.id)
                        evaluation = rows.evaluation_of(graded)
                        content = rows.content_hash(evaluation, by_id=True)
                        writing.replace_evaluation(connection, evaluation, content, [graded.grade])
                        names = [
                            one.grade.scale.name for one in replacing if one.window.id == graded.window.id
                        ]
                        writing.retire_grades(connection, graded.window.id, names)
                    writing.replace_grade(connection, graded.window.id, Given(graded.grade), graded.graded_at)
                for graded in new:
                    _add(connection, graded, import_id)
                withdrawing.hand_on(connection, {one.window.parent for one in (*new, *replacing)})
        except IntegrityError as error:
            raise TryAgain(f"cannot write grades, none was written: {first_line(error)}") from None

    def get(self, window: str, scale: str = "") -> list[Graded]:
        """Results of one window, on one scale or on all, by scale name."""
        query = _graded_query().where(_E.id == window).order_by(_G.scale)
        if scale:
            query = query.where(_G.scale == scale)
        return self._read(query)

    def grades(self, evaluations: Sequence[str]) -> Mapping[str, Mapping[str, Graded]]:
        """Results of several evaluations by their ids, and of each by scale name."""
        found: dict[str, dict[str, Graded]] = {}
        for one in self._read(_graded_query().where(_E.id.in_(evaluations)).order_by(_E.id, _G.scale)):
            found.setdefault(one.window.id, {})[one.grade.scale.name] = one
        return found

    def earlier(self, evaluation_id: str) -> list[Graded]:
        """Results that a newer version of their scale has replaced, newest first."""
        query = select(*_GRADED).select_from(GRADES.join(EVALUATIONS)).where(_E.id == evaluation_id)
        return self._read(query.where(~_G.is_current).order_by(_G.graded_at.desc(), _G.scale_sha256))

    def recent(self, limit: int = 1000, scale: str = "", search: str = "", offset: int = 0) -> list[Graded]:
        """Results of the evaluations that ended last, newest first; ``search`` as in :meth:`count`."""
        return self._read(listing.recent_query(_GRADED, limit, scale, search, offset))

    def newest(self, evaluations: int) -> list[Graded]:
        """All results of as many evaluations as these, of those that ended last; newest first."""
        ids = select(_E.id).order_by(_E.ended.desc(), _E.id).limit(evaluations)
        query = _graded_query().where(_E.id.in_(ids))
        return self._read(query.order_by(_E.ended.desc(), _E.id, _G.scale))

    def count(self, scale: str = "", search: str = "") -> int:
        """How many results there are whose name, model, task, data set, phase, id or reason has ``search`` in it."""
        with self.database.reading() as connection:
            return int(connection.execute(listing.recent_count_query(scale, search)).scalar_one())

    def not_annotated(self, since: float, scales: Collection[str]) -> list[Graded]:
        """Results on ``scales`` that have no annotation in Grafana yet, of windows that ended at or after ``since``,
        oldest first."""
        query = _graded_query().where(~_G.annotated, _E.ended >= since, _G.scale.in_(scales))
        return self._read(query.order_by(_E.ended, _E.id, _G.scale))

    def mark_annotated(self, window: str, scale: str) -> None:
        """Remember that Grafana has this result."""
        of_scale = and_(_G.evaluation_id == window, _G.scale == scale)
        with self.database.writing() as connection:
            connection.execute(update(GRADES).where(of_scale, _G.is_current).values(annotated=True))

    # Reading rows

    def _read(self, query: Select[Any]) -> list[Graded]:
        with self.database.reading() as connection:
            found: Iterable[Any] = connection.execute(query).all()
        read = (self._graded(record, own, at) for record, own, at in found)
        return [one for one in read if one is not None]

    def _graded(self, record: Any, own: Any, at: float) -> Graded | None:
        """One record that cannot be read (another version wrote it) must not hide the others."""
        try:
            return rows.graded_of(record, own, at)
        except (msgspec.ValidationError, TypeError) as error:
            self._leave_out(error)
            return None

    def _evaluation(self, row: Mapping[Any, Any]) -> Evaluation | None:
        try:
            return rows.evaluation_from(row)
        except (msgspec.ValidationError, TypeError) as error:
            self._leave_out(error)
            return None

    def _listed(self, row: Mapping[Any, Any]) -> Listed | None:
        evaluation = self._evaluation(row)
        if evaluation is None:
            return None
        own = row["grade_record"]
        graded = None if own is None else self._graded(row["record"], own, row["graded_at"])
        return Listed(evaluation, graded, row["model_id"])

    def _leave_out(self, error: Exception) -> None:
        if str(error) not in self._unreadable:
            self._unreadable.add(str(error))
            _log.warning("a stored record cannot be read and is left out: %s", error)


def _add(connection: Connection, graded: Graded, import_id: str = "") -> None:
    """Raises IntegrityError when the window is graded on this scale."""
    record = connection.execute(select(_E.record).where(_E.id == graded.window.id)).scalar()
    own = None
    if record is None:
        evaluation = replace(rows.evaluation_of(graded), import_id=import_id)
        content = rows.content_hash(evaluation, by_id=True)
        writing.put_evaluation(connection, evaluation, content, [graded.grade])
    else:
        its = rows.storable(rows.recorded(graded.window, graded.measurement))
        own = its if its != record else None
        if graded.grade.reason:
            reason = rows.storable("\n" + graded.grade.reason[: rows.SEARCHED_REASON].casefold())
            searched = {"search": _E.search + reason}
            connection.execute(update(EVALUATIONS).where(_E.id == graded.window.id).values(searched))
    writing.put_grade(connection, graded.window.id, Given(graded.grade), graded.graded_at, own)


def _graded_query() -> Select[Any]:
    return select(*_GRADED).select_from(GRADES.join(EVALUATIONS)).where(_G.is_current)


def _of(table: Any, evaluation_id: str) -> Select[Any]:
    return select(table).where(table.c.evaluation_id == evaluation_id)


def _is_held(connection: Connection, evaluation_id: str) -> bool:
    """Whether it is there; no other program takes it back until the transaction ends."""
    query = select(_E.id).where(_E.id == evaluation_id).with_for_update()
    return connection.execute(query).first() is not None
