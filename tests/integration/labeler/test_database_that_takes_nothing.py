"""A database whose disk is full, or whose folder may only be read: that is named, and nothing is kept by half."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest
from api_site import RUN, Site, error
from gramwatt_labeler.__main__ import main
from gramwatt_labeler.store import Store
from sqlalchemy import event


def test_a_full_disk_is_named_and_the_same_request_is_kept_once_when_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gramwatt_labeler")
    site = Site(tmp_path)
    pages = [0]

    def bound(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages[0]}")

    with site.store.engine.connect() as connection:
        pages[0] = int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())
    event.listen(site.store.engine, "connect", bound)
    site.store.engine.dispose()
    many = [RUN | {"model": f"acme/net-{number}", "note": "x" * 1000} for number in range(100)]
    for _ in range(2):
        answer = site.post("evaluations", many, Idempotency_Key="once")
        assert error(answer)[:2] == (503, "try_again")
        assert "takes nothing new: database or disk is full; nothing was kept" in answer.text
    assert site.get("evaluations").json()["evaluations"] == []  # it can be read
    assert site.client.get("/-/ready").status_code == 200
    said = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(said) == 1
    assert said[0].endswith("takes nothing new: database or disk is full")
    pages[0] = 1 << 30
    site.store.engine.dispose()
    for _ in range(2):
        assert site.post("evaluations", many, Idempotency_Key="once").status_code == 201
    assert site.store.page().total == 100
    assert "takes new rows again" in caplog.text
    site.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to every folder")
def test_a_folder_that_may_only_be_read_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "data"
    Store(f"sqlite:///{folder / 'grades.db'}").close()
    folder.chmod(0o500)
    try:
        assert main(["user", "list", "--data.dir", str(folder)]) == 2
        assert f"its folder {folder} cannot be written" in capsys.readouterr().err
        assert main(["db", "check", "--data.dir", str(folder)]) == 0
    finally:
        folder.chmod(0o700)
