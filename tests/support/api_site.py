"""The labeler's application over a database with a user of each role, for the tests of REST and the manage pages."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from gramwatt_labeler.published import Published
from gramwatt_labeler.render import palette
from gramwatt_labeler.scale_book.live import LiveScales
from gramwatt_labeler.scale_book.rows import ScaleRows
from gramwatt_labeler.scale_files import load_scales
from gramwatt_labeler.store import Store
from gramwatt_labeler.store.passwords import Passwords
from gramwatt_labeler.store.people import People, Role, Scope
from gramwatt_labeler.web.app import create_app
from gramwatt_labeler.web.auth.guard import COOKIE
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient

NOW = 1_800_000_000.0
RUN = {
    "phase": "training", "model": "acme/net", "task": "image-classification",
    "values": {"energy": {"value": "1,35", "unit": "kWh"}, "emissions": 420, "accuracy": 0.91},
}  # fmt: skip


class Site:
    """The application over a database with a user of each role.

    To build it takes longer than most tests. Tests of one file share it, and each has ``renew`` before it.
    """

    def __init__(self, folder: Path, writes_per_minute: int = 1000, probe_hosts: Sequence[str] = ()) -> None:
        self.file = folder / "labeler.db"
        self.store = Store(f"sqlite:///{self.file}")
        self.people = People(self.store.database, Passwords(PasswordHasher(1, 8, 1)))
        self.tokens = {}
        for role, scope in (
            (Role.VIEWER, Scope.READ),
            (Role.CONTRIBUTOR, Scope.WRITE),
            (Role.MANAGER, Scope.MANAGE),
        ):
            self.people.add(role.value, role, "a long password", "test", NOW)
            self.tokens[role.value] = self.people.new_token(role.value, "t", scope, "test", NOW)
        self.scales = LiveScales(load_scales(), ScaleRows(self.store.database))
        self.app = create_app(
            CollectorRegistry(), Published(), self.store, self.scales, "gramwatt", lambda one: f"http://labels/{one}",
            "http://127.0.0.1:1", folder / "dashboards", writes_per_minute=writes_per_minute,
            probe_hosts=probe_hosts,
        )  # fmt: skip
        self.client = TestClient(self.app)
        self._fresh = sqlite3.connect(":memory:", check_same_thread=False)
        with closing(sqlite3.connect(self.file)) as file:
            file.backup(self._fresh)

    def renew(self) -> None:
        """The database, the cookies and the scales in force as they were at first."""
        self.store.engine.dispose()
        with closing(sqlite3.connect(self.file)) as file:
            self._fresh.backup(file)
        self.scales.forget()
        palette.use(None)
        self.client = TestClient(self.app)

    def close(self) -> None:
        self._fresh.close()
        self.store.close()

    def headers(self, role: str = "contributor", **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[role]}"} | {
            name.replace("_", "-"): value for name, value in more.items()
        }

    def post(self, path: str, body: Any, role: str = "contributor", **headers: str) -> Any:
        return self.client.post(f"/api/v1/{path}", json=body, headers=self.headers(role, **headers))

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(
            f"/api/v1/{path}", headers={n.replace("_", "-"): v for n, v in headers.items()}
        )


class Browser:
    """A person with a session and no JavaScript."""

    def __init__(self, site: Site, name: str = "manager") -> None:
        self.client = site.client
        found = site.people.log_in(name, "a long password", time.time())  # by the page only ten a minute may
        assert found is not None
        self.client.cookies.set(COOKIE, found[0])

    def get(self, path: str) -> str:
        return str(self.client.get(path).text)

    def post(self, path: str, **fields: str) -> Any:
        page = self.client.get("/login").text
        csrf = re.search(r'name="csrf" value="([^"]+)"', page)
        return self.client.post(path, data={"csrf": csrf[1] if csrf else ""} | fields)


def error(answer: Any) -> tuple[int, str, str]:
    found = answer.json()["error"]
    assert set(found) >= {"code", "message", "path", "allowed"}
    return answer.status_code, found["code"], found["path"]
