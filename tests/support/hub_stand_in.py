"""A stand-in for the Hugging Face hub's API: lists of models in pages, one model, one data set, refusals on request."""

from __future__ import annotations

import threading
import time
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

TAG = "co2_eq_emissions"


def model(name: str, modified: str, emissions: Any = 5.0, **more: Any) -> dict[str, Any]:
    """A model as the hub lists it."""
    card: dict[str, Any] = {"license": "mit"} | more.pop("card", {})
    if emissions is not None:
        card[TAG] = emissions
    return {
        "_id": name, "id": name, "modelId": name, "author": name.partition("/")[0], "sha": f"sha-{modified}",
        "lastModified": f"{modified}T00:00:00.000Z", "createdAt": "2023-05-01T00:00:00.000Z", "private": False,
        "downloads": 100, "likes": 3, "library_name": "transformers", "pipeline_tag": "text-classification",
        "tags": ["transformers", TAG], "cardData": card,
    } | more  # fmt: skip


class HubStandIn:
    """``models`` may be changed between syncs; ``busy`` answers are 429, ``broken`` ones 500.

    While ``held`` is set nothing is answered until it is.
    """

    def __init__(self, models: list[dict[str, Any]], page: int = 2) -> None:
        self.models = models
        self.page = page
        self.busy = 0
        self.broken_after: int | None = None
        self.held: threading.Event | None = None
        self.asked: list[str] = []
        self.tokens: set[str] = set()
        app = FastAPI()

        @app.get("/api/models")
        def listed(request: Request) -> Response:
            self._note(request)
            if self.busy:
                self.busy -= 1
                return JSONResponse({"error": "too many"}, 429, {"Retry-After": "1"})
            query = request.query_params
            start = int(query.get("cursor", "0"))
            if self.broken_after is not None and start >= self.broken_after:
                return JSONResponse({"error": "no such page"}, 400)
            wanted = set(query.getlist("filter"))
            some = [one for one in self.models if wanted <= set(one["tags"])]
            some.sort(key=lambda one: one[query.get("sort", "id")], reverse=True)
            headers = {}
            if start + self.page < len(some):
                following = request.url.include_query_params(cursor=start + self.page)
                headers["Link"] = f'<{following}>; rel="next"'
            return JSONResponse(some[start : start + self.page], headers=headers)

        @app.get("/api/models/{name:path}")
        def one(name: str, request: Request) -> Response:
            self._note(request)
            name = name.removesuffix("/revision/main")
            found = next((one for one in self.models if one["id"] == name), None)
            if found is None:
                return JSONResponse({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
            files = [
                {"rfilename": "config.json", "size": 10},
                {"rfilename": "pytorch_model.bin", "size": 4_000_000},
            ]
            return JSONResponse(found | {"siblings": files})

        @app.get("/api/datasets/{name:path}")
        def dataset(name: str, request: Request) -> Response:
            self._note(request)
            if name.startswith("private/"):
                return JSONResponse({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
            body = {"id": name, "cardData": {"dataset_info": {"dataset_size": 1_000_000}}, "siblings": []}
            return JSONResponse(body | {"tags": [], "downloads": 1, "likes": 1, "private": False})

        @app.api_route("/{name:path}/resolve/main/README.md", methods=["GET", "HEAD"])
        def readme(name: str, request: Request) -> Response:
            self._note(request)
            headers = {"ETag": f'"{name}"', "X-Repo-Commit": "0" * 40}
            return PlainTextResponse("# A model\nCO2 emissions: 83.524 kg\n", headers=headers)

        settings = uvicorn.Config(app, port=0, log_level="error", lifespan="off")
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def _note(self, request: Request) -> None:
        self.asked.append(request.url.path)
        if self.held is not None:
            self.held.wait(60)
        self.tokens.add(request.headers.get("authorization", ""))

    def __enter__(self) -> HubStandIn:
        self._thread.start()
        deadline = time.monotonic() + 60
        while not self._server.started:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        self.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
