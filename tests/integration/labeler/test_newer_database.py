"""A newer labeler upgrades the database of one that runs: that one names both versions, and writes nothing more."""

from __future__ import annotations

from pathlib import Path

import pytest
from gramwatt_labeler.errors import DatabaseNewer
from gramwatt_labeler.model import Window
from gramwatt_labeler.published import Published
from gramwatt_labeler.scale_files import load_scales
from gramwatt_labeler.store import Evaluation, Origin, Store, migrate
from gramwatt_labeler.web.app import create_app
from labeler_job import Job
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, create_engine, text
from starlette.testclient import TestClient

SAID = (
    f"the database was upgraded to version 9999 by a newer labeler; this one knows up to {migrate.HEAD} and writes "
    "nothing more: restart it with the newer version"
)


def set_version(engine: Engine, version: str) -> None:
    """As a newer labeler does in its upgrade, on a connection of its own."""
    other = create_engine(engine.url)
    with other.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :new"), {"new": version})
    other.dispose()


def test_pages_calls_and_readiness_name_both_versions(on_each: Store, tmp_path: Path) -> None:
    client = TestClient(
        create_app(
            CollectorRegistry(), Published(), on_each, load_scales(), "gramwatt", lambda one: one, "http://127.0.0.1:1",
            tmp_path,
        )
    )  # fmt: skip
    assert client.get("/-/ready").status_code == 200
    set_version(on_each.engine, "9999")
    assert (client.get("/-/ready").status_code, client.get("/-/ready").text) == (503, SAID + "\n")
    assert client.get("/-/healthy").status_code == 200
    for path in ("/evaluations", "/labels/", "/models"):
        page = client.get(path)
        assert (page.status_code, page.text, page.headers["Retry-After"]) == (503, SAID + "\n", "5")
    page = client.get("/evaluations", headers={"Accept": "text/html"})
    assert page.status_code == 503
    assert "restart it with the newer version" in page.text
    answer = client.get("/api/v1/evaluations")
    assert answer.status_code == 503
    assert (answer.json()["error"]["code"], answer.json()["error"]["message"]) == ("try_again", SAID)
    set_version(on_each.engine, migrate.HEAD)
    assert client.get("/evaluations").status_code == 200
    assert client.get("/-/ready").status_code == 200


def test_nothing_is_written_into_it(on_each: Store) -> None:
    window = Window("w1", "train", "training", 1.8e9, 1.8e9 + 10)
    set_version(on_each.engine, "9999")
    with pytest.raises(DatabaseNewer, match="9999"):
        on_each.add_evaluation(Evaluation(window=window, measurement=None, origin=Origin.WINDOW))
    set_version(on_each.engine, migrate.HEAD)
    assert on_each.page().total == 0


@pytest.mark.usefixtures("scales_dir")
def test_the_watch_stops_writing_and_says_so_once(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    set_version(job.store.engine, "9999")
    for _ in range(3):
        assert job.watch.poll() == []
    (said,) = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert said.startswith(SAID)
    assert job.client.get("/-/ready").status_code == 503
    set_version(job.store.engine, migrate.HEAD)
    assert job.store.recent() == []
    assert job.watch.poll()
