"""How both databases find a list: they read an index, so that 100,000 evaluations take no longer than a page wants."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gramwatt_labeler.__main__ import main
from gramwatt_labeler.store import Filters, Store
from gramwatt_labeler.store.listing import (
    count_query,
    found_query,
    recent_query,
    rows_query,
    values_query,
)
from gramwatt_labeler.store.searching import INDEX, put_index
from gramwatt_labeler.store.tables import EVALUATIONS, GRADES
from many_evaluations import put_many
from sqlalchemy import Connection, Engine, Select, create_engine, text

_WIDE = "ix_evaluations_listed"


def plan_of(engine: Engine, query: Select[Any], how: str) -> str:
    written = str(query.compile(engine, compile_kwargs={"literal_binds": True})).replace("%%", "%")
    with engine.connect() as connection:
        return "\n".join(
            str(row[-1]) for row in connection.exec_driver_sql(f"{how} {written}".replace("%", "%%"))
        )


@pytest.mark.parametrize(
    ("filters", "sort", "index"),
    [
        (Filters(q="resnet"), "-ended", f"COVERING INDEX {_WIDE}"),
        (Filters(q="resnet", parent=""), "name", f"COVERING INDEX {_WIDE}"),
        (Filters(host="node:10044"), "-ended", "INDEX ix_evaluations_host_id_ended (host_id=?)"),
        (Filters(dataset="digits"), "-ended", "INDEX ix_evaluations_dataset_id_ended (dataset_id=?)"),
        (Filters(parent="w1"), "-ended", "INDEX ix_evaluations_parent_ended_id (parent=?)"),
        (Filters(user="alice"), "-ended", "INDEX ix_evaluations_user_name_ended (user_name=?)"),
        (Filters(import_id="I1"), "-ended", "INDEX ix_evaluations_import_id (import_id=?)"),
        (Filters(), "name", "INDEX ix_evaluations_lower_name_id"),
        (Filters(), "-name", "INDEX ix_evaluations_lower_name_id"),
        (Filters(), "-energy", "INDEX ix_evaluations_energy_joules"),
    ],
)
def test_sqlite_finds_a_page_and_its_count_by_an_index(
    tmp_path: Path, filters: Filters, sort: str, index: str
) -> None:
    store = Store(f"sqlite:///{tmp_path / 'labeler.db'}")
    if filters.q:
        asked = [found_query(filters, "gramwatt", sort, "", 50)]
    else:
        page = rows_query(filters, "gramwatt", sort, "", 50)
        asked = [page] if filters == Filters() else [page, count_query(filters, "gramwatt")]
    for query in asked:
        plan = plan_of(store.engine, query, "EXPLAIN QUERY PLAN")
        assert index in plan, plan
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


def test_sqlite_counts_by_an_index_what_no_index_begins_with(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'labeler.db'}")
    for filters in (Filters(parent=""), Filters(origin="hub"), Filters(phase="training", parent="")):
        plan = plan_of(store.engine, count_query(filters, "gramwatt"), "EXPLAIN QUERY PLAN")
        assert "COVERING INDEX ix_evaluations_" in plan, plan
    plan = plan_of(store.engine, count_query(Filters(letter="none"), "gramwatt"), "EXPLAIN QUERY PLAN")
    assert "INDEX ix_grades_evaluation_id_scale_is_current_letter (evaluation_id=?" in plan, plan
    plan = plan_of(store.engine, recent_query([EVALUATIONS.c.id], 50, "", "", 0), "EXPLAIN QUERY PLAN")
    assert "SCAN evaluations USING COVERING INDEX ix_evaluations_ended_id" in plan, plan
    store.close()


def test_sqlite_goes_on_from_a_cursor_by_the_index(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'labeler.db'}")
    put_many(store, 20, 1.8e9)
    for sort, column in (("-ended", "ended"), ("ended", "ended"), ("name", "<expr>"), ("-name", "<expr>")):
        cursor = store.page(Filters(), "gaissa", sort, limit=5).next
        plan = plan_of(store.engine, rows_query(Filters(), "gaissa", sort, cursor, 5), "EXPLAIN QUERY PLAN")
        assert f"({column}>?)" in plan or f"({column}<?)" in plan, plan
    store.close()


def _admin(address: str) -> Connection:
    url = f"postgresql+pg8000://gramwatt@{address}/postgres"
    return create_engine(url, isolation_level="AUTOCOMMIT").connect()


@pytest.fixture
def full(postgresql_server: str, opened: Callable[[str], Store]) -> Store:
    """Of PostgreSQL, whose plans are those for the rows there are."""
    with _admin(postgresql_server) as admin:
        admin.execute(text("DROP DATABASE IF EXISTS plans WITH (FORCE)"))
        admin.execute(text("CREATE DATABASE plans"))
    url = f"postgresql+pg8000://gramwatt@{postgresql_server}/plans"
    store = opened(url)
    put_many(store, 20_000, 1.8e9)
    with create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return store


def test_postgresql_finds_lists_counts_and_searches_by_an_index(full: Store) -> None:
    for query, index in (
        (found_query(Filters(q="no such thing"), "gaissa", "-ended", "", 50), INDEX),
        (found_query(Filters(q="no such thing", parent=""), "gaissa", "name", "", 50), INDEX),
        (rows_query(Filters(parent=""), "gaissa", "-ended", "", 50), "ix_evaluations_"),
        (count_query(Filters(parent=""), "gaissa"), "Index Only Scan"),
        (count_query(Filters(parent="w1"), "gaissa"), "ix_evaluations_parent_ended_id"),
        (count_query(Filters(origin="hub"), "gaissa"), "ix_evaluations_origin_ended"),
        (count_query(Filters(letter="B"), "gaissa"), "Index Only Scan"),
        (values_query(EVALUATIONS.c.task, 1000), "ix_evaluations_task_phase_ended"),
        (recent_query([GRADES.c.letter], 50, "gaissa", "", 0), "ix_evaluations_ended_id"),
    ):
        plan = plan_of(full.engine, query, "EXPLAIN")
        assert index in plan, plan
        assert "Seq Scan on evaluations" not in plan, plan


def test_postgresql_stops_where_a_search_has_found_more_than_are_counted(full: Store) -> None:
    for q in ("step", "st"):
        plan = plan_of(full.engine, found_query(Filters(q=q), "gaissa", "-ended", "", 50), "EXPLAIN ANALYZE")
        assert "rows=10001 loops=1" in plan, plan


def test_a_role_that_may_not_have_the_extension_searches_all_the_same(
    full: Store, postgresql_server: str, opened: Callable[[str], Store], capsys: pytest.CaptureFixture[str]
) -> None:
    with full.engine.begin() as connection:
        connection.execute(text("CREATE ROLE plain LOGIN"))
    with _admin(postgresql_server) as admin:
        admin.execute(text("CREATE DATABASE plain"))
    owned = f"postgresql+pg8000://gramwatt@{postgresql_server}/plain"
    with create_engine(owned).begin() as connection:
        connection.execute(text("GRANT CREATE ON SCHEMA public TO plain"))
    url = f"postgresql+pg8000://plain@{postgresql_server}/plain"
    store = opened(url)
    put_many(store, 3, 1.8e9)
    assert store.page(Filters(q="tep"), "gaissa").total == 3
    assert main(["db", "check", "--data.database-url", url]) == 0
    assert "CREATE EXTENSION IF NOT EXISTS pg_trgm in this database, then gramwatt-labeler db upgrade" in (
        capsys.readouterr().out
    )
    with create_engine(owned).begin() as connection:
        connection.execute(text("CREATE EXTENSION pg_trgm"))
    assert main(["db", "upgrade", "--data.database-url", url]) == 0
    assert main(["db", "check", "--data.database-url", url]) == 0
    assert "pg_trgm" not in capsys.readouterr().out
    with store.engine.connect() as connection:
        assert put_index(connection)
