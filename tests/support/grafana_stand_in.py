"""A server that answers the calls of Grafana's HTTP API that gramwatt-grafana makes, and refuses what Grafana refuses.

Written after https://grafana.com/docs/grafana/latest/developers/http_api/ (folder, data source, dashboard, search,
annotations). A call that is not there is answered with 404 and remembered in ``unknown``; what of a call is not as
Grafana's OpenAPI document describes it, in ``broken``.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import grafana_contract as contract

Answer = tuple[int, Any]
TOKEN = "glsa_for_tests"


@dataclass
class Grafana:
    """What is in it, and which calls changed something."""

    url: str = ""
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    datasources: dict[str, dict[str, Any]] = field(default_factory=dict)
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)
    folder_of: dict[str, str] = field(default_factory=dict)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    provisioned: set[str] = field(default_factory=set)
    writes: list[tuple[str, str]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Answer:
        if method != "GET":
            self.writes.append((method, path))
        for pattern, handler in self._routes(method):
            match = re.fullmatch(pattern, path)
            if match:
                return handler(match.groups(), query, body)
        self.unknown.append(f"{method} {path}")
        return 404, {"message": "Not found"}

    def _routes(self, method: str) -> list[tuple[str, Callable[[Any, dict[str, list[str]], Any], Answer]]]:
        routes: dict[str, list[tuple[str, Callable[[Any, dict[str, list[str]], Any], Answer]]]] = {
            "GET": [
                (r"/api/folders/([\w-]+)", lambda of, _, __: self._get(self.folders, of[0], "folder")),
                (
                    r"/api/datasources/uid/([\w-]+)",
                    lambda of, _, __: self._get(self.datasources, of[0], "Data source"),
                ),
                (r"/api/dashboards/uid/([\w-]+)", self._dashboard),
                (r"/api/search", self._search),
                (r"/api/annotations", self._find_annotations),
            ],
            "POST": [
                (r"/api/folders", self._new_folder),
                (r"/api/datasources", self._new_datasource),
                (r"/api/dashboards/db", self._save_dashboard),
                (r"/api/annotations", self._annotate),
            ],
            "PUT": [(r"/api/datasources/uid/([\w-]+)", self._save_datasource)],
        }
        return routes.get(method, [])

    @staticmethod
    def _get(of: dict[str, Any], uid: str, what: str) -> Answer:
        return (200, of[uid]) if uid in of else (404, {"message": f"{what} not found"})

    def _new_folder(self, _: Any, __: Any, body: Any) -> Answer:
        if not body.get("title"):
            return 400, {"message": "folder title cannot be empty"}
        if body["uid"] in self.folders:
            return 409, {"message": "a folder with the same uid already exists"}
        self.folders[body["uid"]] = {"id": len(self.folders) + 1, **body}
        return 200, self.folders[body["uid"]]

    def _new_datasource(self, _: Any, __: Any, body: Any) -> Answer:
        if missing := {"name", "type", "access"} - body.keys():
            return 400, {"message": f"bad request data: {missing}"}
        if any(one["name"] == body["name"] for one in self.datasources.values()):
            return 409, {"message": "data source with the same name already exists"}
        self.datasources[body["uid"]] = {"id": 7, "orgId": 1, "readOnly": False, "version": 1, **body}
        return 200, {"datasource": self.datasources[body["uid"]]}

    def _save_datasource(self, of: Any, _: Any, body: Any) -> Answer:
        if of[0] not in self.datasources:
            return 404, {"message": "Data source not found"}
        if self.datasources[of[0]]["readOnly"]:
            return 403, {"message": "Cannot update read-only data source"}
        self.datasources[of[0]] = {**self.datasources[of[0]], **body, "version": body["version"] + 1}
        return 200, {"datasource": self.datasources[of[0]]}

    def _dashboard(self, of: Any, _: Any, __: Any) -> Answer:
        if of[0] not in self.dashboards:
            return 404, {"message": "Dashboard not found"}
        return 200, {
            "dashboard": self.dashboards[of[0]],
            "meta": {"folderUid": self.folder_of.get(of[0], "")},
        }

    def _save_dashboard(self, _: Any, __: Any, body: Any) -> Answer:
        dashboard, folder = body["dashboard"], body.get("folderUid", "")
        uid = dashboard["uid"]
        if not dashboard.get("title"):
            return 400, {"message": "Dashboard title cannot be empty"}
        if folder and folder not in self.folders:
            return 400, {"message": "folder not found"}
        if uid in self.provisioned:
            return 400, {"message": "Cannot save provisioned dashboard"}
        known = self.dashboards.get(uid)
        if known is not None and not body.get("overwrite"):
            return 412, {
                "message": "The dashboard has been changed by someone else",
                "status": "version-mismatch",
            }
        version = known["version"] + 1 if known else 1
        self.dashboards[uid] = {**dashboard, "id": 100 + len(self.dashboards), "version": version}
        self.folder_of[uid] = folder
        return 200, {"uid": uid, "status": "success", "version": version, "url": f"/d/{uid}/x"}

    def _search(self, _: Any, query: dict[str, list[str]], __: Any) -> Answer:
        folders = set(query.get("folderUIDs", []))
        found = [uid for uid in self.dashboards if not folders or self.folder_of[uid] in folders]
        return 200, [{"uid": uid, "type": "dash-db"} for uid in found]

    def _find_annotations(self, _: Any, query: dict[str, list[str]], __: Any) -> Answer:
        begin, end = (int(query[name][0]) for name in ("from", "to"))
        return 200, [
            one
            for one in self.annotations
            if one["timeEnd"] >= begin
            and one["time"] <= end
            and set(query.get("tags", [])) <= set(one["tags"])
        ]

    def _annotate(self, _: Any, __: Any, body: Any) -> Answer:
        if not body.get("text"):
            return 400, {"message": "Failed to save annotation: text field should not be empty"}
        assert body["timeEnd"] >= body["time"] > 1e12, "times are milliseconds"
        self.annotations.append({"id": len(self.annotations) + 1, **body})
        return 200, {"message": "Annotation added", "id": len(self.annotations)}


@contextmanager
def running() -> Iterator[Grafana]:
    """The server on a port of its own."""
    state = Grafana()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, found = 401, {"message": "Invalid API key"}
            else:
                query = parse_qs(parts.query)
                status, found = state.answer(self.command, parts.path, query, body)
                state.broken += contract.broken(self.command, parts.path, query, body, status)
            data = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def do_PUT(self) -> None:
            self._serve()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
