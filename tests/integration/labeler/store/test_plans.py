"""How SQLite finds a list: it reads an index, so that 100,000 evaluations take no longer than a page wants."""

from __future__ import annotations

from pathlib import Path

import pytest
from gramwatt_labeler.store import Filters, Store
from gramwatt_labeler.store.listing import count_query, rows_query
from sqlalchemy import text


@pytest.mark.parametrize(
    ("filters", "sort", "index"),
    [
        (Filters(q="resnet"), "-ended", "COVERING INDEX ix_evaluations_ended_id_search"),
        (Filters(host="node:10044"), "-ended", "INDEX ix_evaluations_host_id_ended (host_id=?)"),
        (Filters(user="alice"), "-ended", "INDEX ix_evaluations_user_name_ended (user_name=?)"),
        (Filters(import_id="I1"), "-ended", "INDEX ix_evaluations_import_id (import_id=?)"),
        (Filters(), "name", "INDEX ix_evaluations_lower_name_id"),
        (Filters(), "-name", "INDEX ix_evaluations_lower_name_id"),
        (Filters(), "-energy", "INDEX ix_evaluations_energy_joules"),
    ],
)
def test_a_page_and_its_count_are_found_by_an_index(
    tmp_path: Path, filters: Filters, sort: str, index: str
) -> None:
    store = Store(f"sqlite:///{tmp_path / 'labeler.db'}")
    page = rows_query(filters, "gramwatt", sort, "", 50)
    asked = [page] if filters == Filters() else [page, count_query(filters, "gramwatt")]
    with store.engine.connect() as connection:
        for query in asked:
            written = query.compile(store.engine, compile_kwargs={"literal_binds": True})
            plan = connection.execute(text(f"EXPLAIN QUERY PLAN {written}".replace(":", "\\:"))).all()
            assert any(index in row[-1] for row in plan), plan
    store.close()


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("parent IN ('a', 'b') AND parent != ''", "ix_evaluations_parent"),
        ("replaced_by = 'a'", "ix_evaluations_replaced_by (replaced_by=?)"),  # as each deleted row asks
    ],
)
def test_taking_back_looks_at_no_other_evaluation(tmp_path: Path, condition: str, index: str) -> None:
    store = Store(f"sqlite:///{tmp_path / 'labeler.db'}")
    with store.engine.connect() as connection:
        plan = connection.execute(
            text(f"EXPLAIN QUERY PLAN SELECT id FROM evaluations WHERE {condition}")
        ).all()
    assert any(index in row[-1] for row in plan), plan
    store.close()
