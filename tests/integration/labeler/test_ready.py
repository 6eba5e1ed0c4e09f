"""``/-/ready``: whether the database answers. One that is busy does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import postgresql
import pytest
from gramwatt_labeler.published import Published
from gramwatt_labeler.scale_files import load_scales
from gramwatt_labeler.store import Store
from gramwatt_labeler.web.app import create_app
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from starlette.testclient import TestClient


@pytest.fixture(scope="module")
def postgresql_url() -> Iterator[str]:
    pytest.importorskip("pg8000", reason="the driver of PostgreSQL is not installed (pip install pg8000)")
    with postgresql.server() as address:
        yield f"postgresql+pg8000://gramwatt@{address}/postgres"


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path / 'labeler.db'}"
    made = Store(url if request.param == "sqlite" else request.getfixturevalue("postgresql_url"))
    yield made
    made.close()


@pytest.fixture
def get(store: Store, tmp_path: Path) -> Callable[[str], Any]:
    app = create_app(
        CollectorRegistry(),
        Published(),
        store,
        load_scales(),
        "gramwatt",
        lambda one: one,
        "http://127.0.0.1:1",
        tmp_path,
    )
    return TestClient(app).get


def test_it_is_ready_while_every_connection_is_in_use(store: Store, get: Callable[[str], Any]) -> None:
    pool: Any = store.engine.pool
    with ExitStack() as held:
        for _ in range(pool.size() + pool._max_overflow):
            held.enter_context(store.engine.connect()).execute(text("SELECT 1"))
        assert (get("/-/ready").status_code, get("/-/ready").text) == (200, "ok\n")
        page = get("/evaluations")
        assert (page.status_code, page.text) == (503, "the database is busy; try again\n")
        assert get("/-/ready").status_code == 200
    assert get("/evaluations").status_code == 200
