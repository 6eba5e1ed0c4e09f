"""A browser without scripts: a client over the pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from gramwatt_labeler.store import Store
from gramwatt_labeler.web.pages.visitors import Visitor
from labeler_pages import READER, WRITER, application, fill


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A database with the five runs."""
    store = Store(f"sqlite:///{tmp_path / 'labeler.db'}")
    fill(store)
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
