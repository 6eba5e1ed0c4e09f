"""Thousands of evaluations in a store, made by its database as copies of one."""

from __future__ import annotations

from gramwatt_labeler.model import Grade, ScaleId, Window
from gramwatt_labeler.store import Evaluation, Given, Origin, Store
from gramwatt_labeler.store.tables import EVALUATIONS, GRADES
from sqlalchemy import JSON, String, Text, and_, cast, func, insert, literal, select, text

_BATCH = 2000  # a statement of PostgreSQL has seconds
SCALE = ScaleId("gaissa", "1", "2026-01-01", "a" * 64)


def put_many(store: Store, count: int, ended: float, letter: str = "B") -> None:
    """As many evaluations named ``step``, all with the letter, each a second after the one before."""
    window = Window(
        "e", "step", "training", ended, ended, model="acme/net", task="vision", dataset="digits", user="ann"
    )
    store.add_evaluation(
        Evaluation(window=window, measurement=None, origin=Origin.FORM, created_at=ended),
        [Given(Grade(SCALE, letter))],
    )
    numbers = select(literal(1).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < count - 1))
    ending = literal("-") + cast(numbers.c.n, String)
    record = func.replace(cast(EVALUATIONS.c.record, Text), '"id": "e"', literal('"id": "e') + ending + '"')
    changes = {
        EVALUATIONS: {
            "record": cast(record, JSON) if store.engine.dialect.name == "postgresql" else record,
            "id": EVALUATIONS.c.id + ending,
            "content_hash": EVALUATIONS.c.id + ending,
            "ended": EVALUATIONS.c.ended + numbers.c.n,
        },
        GRADES: {"evaluation_id": GRADES.c.evaluation_id + ending},
    }
    for first in range(1, count, _BATCH):
        of_batch = numbers.c.n.between(first, first + _BATCH - 1)
        with store.database.writing() as connection:
            for table, changed in changes.items():
                key = table.c.id if table is EVALUATIONS else table.c.evaluation_id
                columns = [changed.get(column.name, column) for column in table.c]
                rows = select(*columns).select_from(table.join(numbers, and_(key == "e", of_batch)))
                connection.execute(insert(table).from_select([column.name for column in table.c], rows))
    if store.engine.dialect.name == "postgresql":  # as its autovacuum does within a minute
        with store.database.writing() as connection:
            connection.execute(text("ANALYZE"))
