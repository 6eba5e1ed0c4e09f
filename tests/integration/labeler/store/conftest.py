"""Every test runs on SQLite and on a real PostgreSQL, each on a database of its own."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import postgresql
import pytest
from gramwatt_labeler.store import Store
from sqlalchemy import create_engine, text

OLD = Path(__file__).parents[3] / "fixtures" / "labeler" / "grades_0001.sql"
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    pytest.importorskip("pg8000", reason="the driver of PostgreSQL is not installed (pip install pg8000)")
    with postgresql.server() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'labeler.db'}"
    address = request.getfixturevalue("postgresql_server")
    name = f"test{next(_NUMBERS)}"
    _create(address, name)
    return f"postgresql+pg8000://gramwatt@{address}/{name}"


@pytest.fixture
def old_url(url: str) -> str:
    """The address of a database that the first versions made, with grades in it."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in OLD.read_text().split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement.replace("%", "%%"))
    engine.dispose()
    return url


@pytest.fixture
def opened() -> Iterator[Callable[[str], Store]]:
    """Stores that are closed at the end."""
    stores: list[Store] = []

    def open_one(address: str) -> Store:
        stores.append(Store(address))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with empty tables: to copy it costs less than to upgrade one."""
    file = tmp_path_factory.mktemp("made") / "labeler.db"
    Store(f"sqlite:///{file}").close()
    return file


@pytest.fixture(scope="session")
def template(postgresql_server: str) -> str:
    """The name of a database with empty tables, to be copied."""
    _create(postgresql_server, "made")
    Store(f"postgresql+pg8000://gramwatt@{postgresql_server}/made").close()
    return "made"


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path, opened: Callable[[str], Store]) -> Store:
    """A new one, with nothing in it."""
    if request.param == "sqlite":
        file = tmp_path / "labeler.db"
        shutil.copy(request.getfixturevalue("made_once"), file)
        return opened(f"sqlite:///{file}")
    address = request.getfixturevalue("postgresql_server")
    name = f"test{next(_NUMBERS)}"
    _create(address, f"{name} TEMPLATE {request.getfixturevalue('template')}")
    return opened(f"postgresql+pg8000://gramwatt@{address}/{name}")


def _create(address: str, database: str) -> None:
    admin = create_engine(f"postgresql+pg8000://gramwatt@{address}/postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {database}"))
    admin.dispose()
