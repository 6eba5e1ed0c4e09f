"""``/-/ready``: whether the database answers. One that is busy does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from gramwatt_labeler.published import Published
from gramwatt_labeler.scale_files import load_scales
from gramwatt_labeler.store import Store
from gramwatt_labeler.web.app import create_app
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from starlette.testclient import TestClient

pytestmark = pytest.mark.apart


@pytest.fixture
def get(on_each: Store, tmp_path: Path) -> Callable[[str], Any]:
    app = create_app(
        CollectorRegistry(),
        Published(),
        on_each,
        load_scales(),
        "gramwatt",
        lambda one: one,
        "http://127.0.0.1:1",
        tmp_path,
    )
    return TestClient(app).get


def test_it_is_ready_while_every_connection_is_in_use(on_each: Store, get: Callable[[str], Any]) -> None:
    pool: Any = on_each.engine.pool
    with ExitStack() as held:
        for _ in range(pool.size() + pool._max_overflow):
            held.enter_context(on_each.engine.connect()).execute(text("SELECT 1"))
        assert (get("/-/ready").status_code, get("/-/ready").text) == (200, "ok\n")
        page = get("/evaluations")
        assert (page.status_code, page.text) == (503, "the database is busy; try again\n")
        assert get("/-/ready").status_code == 200
    assert get("/evaluations").status_code == 200
