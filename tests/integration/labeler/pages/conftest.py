"""A browser without scripts: a client over the pages."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from gramwatt_labeler.store import Store
from gramwatt_labeler.web.pages.visitors import Visitor
from labeler_pages import READER, WRITER, application, fill


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the five runs."""
    path = tmp_path_factory.mktemp("labeler") / "labeler.db"
    store = Store(f"sqlite:///{path}")
    fill(store)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return path


@pytest.fixture
def store(filled: Path, tmp_path: Path) -> Iterator[Store]:
    """A copy of it for one test."""
    store = Store(f"sqlite:///{shutil.copy(filled, tmp_path)}")
    yield store
    store.close()


@pytest.fixture
def client_of(store: Store) -> Callable[[Visitor], TestClient]:
    """A client for a visitor; redirects are not followed."""
    return lambda visitor: TestClient(application(store, visitor), follow_redirects=False)


@pytest.fixture
def reader(client_of: Callable[[Visitor], TestClient]) -> TestClient:
    """Somebody who may not write."""
    return client_of(READER)


@pytest.fixture
def writer(client_of: Callable[[Visitor], TestClient]) -> TestClient:
    """Somebody who may."""
    return client_of(WRITER)
