"""The dashboards' web door: pages, files, and a proxy through which nothing but reading is possible."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from gramwatt_labeler.web import dashboards

pytestmark = pytest.mark.slow


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("query", {"query": "up", "time": "1"}),
        ("query_range", {"query": "up", "start": "1", "end": "2", "step": "1"}),
        ("series", {"match[]": "up", "start": "1"}),
        ("label/job/values", {"match[]": "up", "end": "2"}),
    ],
)
def test_reading_calls_are_forwarded(
    client: Any, upstream: Any, path: str, parameters: dict[str, str]
) -> None:
    answer = client.get(f"/dashboards/api/v1/{path}", params=parameters)
    assert answer.status_code == 200
    assert answer.json()["status"] == "success"
    assert upstream.asked == [("GET", f"/api/v1/{path}", list(parameters.items()))]


def test_the_token_goes_to_prometheus_only(client: Any, upstream: Any) -> None:
    answer = client.get(
        "/dashboards/api/v1/query", params={"query": "up"}, headers={"Authorization": "Basic mine"}
    )
    assert upstream.authorization == ["Bearer for-prometheus-only"]
    assert "for-prometheus-only" not in answer.text + str(answer.headers)


def test_unknown_parameters_are_dropped(client: Any, upstream: Any) -> None:
    client.get("/dashboards/api/v1/query", params={"query": "up", "stats": "all", "lookback_delta": "1y"})
    assert upstream.asked == [("GET", "/api/v1/query", [("query", "up")])]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_only_get_is_answered(client: Any, upstream: Any, method: str) -> None:
    assert client.request(method, "/dashboards/api/v1/query", params={"query": "up"}).status_code == 405
    assert upstream.asked == []


@pytest.mark.parametrize(
    "path",
    [
        "admin/tsdb/delete_series",
        "admin/tsdb/snapshot",
        "write",
        "targets",
        "status/config",
        "alerts",
        "label/..%2F..%2Fadmin/values",
        "label/a%3Fb/values",
        "query/../admin/tsdb/snapshot",
    ],
)
def test_nothing_else_reaches_prometheus(client: Any, upstream: Any, path: str) -> None:
    assert client.get(f"/dashboards/api/v1/{path}").status_code == 404
    assert upstream.asked == []


def test_errors_of_prometheus_are_handed_on(client: Any, upstream: Any) -> None:
    upstream.status = 400
    upstream.body = json.dumps({"status": "error", "errorType": "bad_data", "error": "parse error"}).encode()
    answer = client.get("/dashboards/api/v1/query", params={"query": "("})
    assert answer.status_code == 400
    assert answer.json()["error"] == "parse error"


def test_prometheus_down(serve: Any, boards: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        port = taken.getsockname()[1]
        down = serve(f"http://user:pass@127.0.0.1:{port}/", boards)
        answer = down.get("/dashboards/api/v1/query", params={"query": "up"})
    assert answer.status_code == 502
    assert answer.json() == {
        "status": "error",
        "errorType": "unavailable",
        "error": f"Prometheus at 127.0.0.1:{port} does not answer",
    }


def test_something_else_answers_instead_of_prometheus(client: Any, upstream: Any) -> None:
    upstream.content_type, upstream.body = "text/html", b"<h1>It works</h1>"
    answer = client.get("/dashboards/api/v1/query", params={"query": "up"})
    assert answer.status_code == 502
    assert "not like Prometheus" in answer.json()["error"]
    assert "It works" not in answer.text


def test_redirects_are_not_followed(client: Any, upstream: Any) -> None:
    upstream.status, upstream.content_type, upstream.body = 302, "text/plain", b""
    assert client.get("/dashboards/api/v1/query", params={"query": "up"}).status_code == 502
    assert len(upstream.asked) == 1


@pytest.mark.slow
def test_an_answer_too_large_to_draw(client: Any, upstream: Any) -> None:
    upstream.body = b" " * (32 * 1024 * 1024 + 1)
    answer = client.get("/dashboards/api/v1/query_range", params={"query": "up"})
    assert answer.status_code == 502
    assert "shorter time range" in answer.json()["error"]


def test_the_list_names_dashboards_and_escapes_them(client: Any) -> None:
    answer = client.get("/dashboards/")
    assert answer.status_code == 200
    assert 'href="mine"' in answer.text
    assert "My &lt;board&gt;" in answer.text
    assert "broken" not in answer.text
    assert "other" not in answer.text


def test_an_empty_folder_says_what_to_do(serve: Any, upstream: Any, tmp_path: Path) -> None:
    assert "There are no dashboards" in serve(upstream.url, tmp_path / "nowhere").get("/dashboards/").text


def test_the_page_and_its_definition(client: Any, boards: Path) -> None:
    page = client.get("/dashboards/mine")
    assert page.status_code == 200
    assert 'data-uid="mine"' in page.text
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get("/dashboards/mine.json").json() == json.loads((boards / "mine.json").read_text())


@pytest.mark.parametrize("uid", ["nothing", "..%2Fsecret", "%2e%2e%2fsecret", "mine%00", "a" * 200])
def test_no_such_dashboard(client: Any, uid: str) -> None:
    for path in (uid, f"{uid}.json"):
        answer = client.get(f"/dashboards/{path}")
        assert answer.status_code == 404
        assert "secret" not in answer.text or "no dashboard" in answer.text


@pytest.mark.parametrize("uid", ["broken", "other"])
def test_a_broken_dashboard_is_named(client: Any, uid: str) -> None:
    answer = client.get(f"/dashboards/{uid}")
    assert answer.status_code == 500
    assert answer.json()["detail"] == f"{uid}.json is not a dashboard"


@pytest.mark.slow
def test_every_file_the_page_needs_is_served(client: Any) -> None:
    own = Path(dashboards.__file__).parent / "static" / "dashboards"
    kinds = {".js": "javascript", ".css": "css", ".svg": "svg"}
    for name in [path.name for path in own.iterdir()] + ["uPlot.iife.js", "uPlot.min.css"]:
        answer = client.get(f"/dashboards/static/{name}")
        assert answer.status_code == 200, name
        assert kinds[Path(name).suffix] in answer.headers["Content-Type"]


@pytest.mark.parametrize(
    "name", ["dashboards.py", "..%2F..%2Fdashboards.py", "uPlot.mousewheel.js", "__init__.py"]
)
def test_no_other_file_is_served(client: Any, name: str) -> None:
    answer = client.get(f"/dashboards/static/{name}")
    assert answer.status_code == 404


def test_files_are_kept_by_the_browser_until_they_change(client: Any) -> None:
    page = client.get("/dashboards/mine").text
    address = next(part for part in page.split('"') if part.endswith("/main.js"))
    answer = client.get(address)
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] == "gzip"
    plain = client.get(address, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.text == answer.text
    again = client.get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    # What is asked for below another version may be another file by now.
    for other in ("/dashboards/static/0123456789ab/main.js", "/dashboards/static/main.js"):
        assert client.get(other).headers["Cache-Control"] == "no-cache"


def test_answers_are_compressed_for_browsers_that_read_that(client: Any, upstream: Any) -> None:
    upstream.body = json.dumps({"status": "success", "data": ["a long name"] * 5000}).encode()
    path = "/dashboards/api/v1/label/job/values"
    packed, plain = client.get(path), client.get(path, headers={"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.json() == plain.json() == json.loads(upstream.body)
    assert "Content-Encoding" not in plain.headers
    assert int(plain.headers["Content-Length"]) == len(upstream.body)


def test_the_interval_is_told_and_nothing_else_of_the_samples(client: Any, upstream: Any) -> None:
    times = [1000.0 + 15 * n for n in range(8)]
    series = {"metric": {"instance": "secret"}, "values": [[at, "1"] for at in times]}
    upstream.body = json.dumps({"status": "success", "data": {"result": [series]}}).encode()
    answer = client.get("/dashboards/api/v1/scrapes", params={"start": 500, "end": 1110})
    assert answer.json()["data"] == {"interval": 15.0, "slowest": 15.0, "newest": times[-1]}
    assert upstream.asked == [
        ("GET", "/api/v1/query", [("query", "gramwatt_build_info[120s]"), ("time", "1110.000")])
    ]


@pytest.mark.slow
def test_start_is_the_first_page(client: Any, boards: Path) -> None:
    answer = client.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (307, "/dashboards/")
    (boards / "gramwatt-start.json").write_text(json.dumps({"title": "Gramwatt / Start", "panels": []}))
    page = client.get("/")
    assert page.status_code == 200
    assert 'data-uid="gramwatt-start"' in page.text
    assert "<h1>Start</h1>" in page.text
    # Everything it loads is named from the root, so it works at / as below /dashboards/.
    names = [part for part in page.text.split('"') if part.endswith((".js", ".css", ".json"))]
    assert names
    for name in names:
        assert client.get(name).status_code == 200, name


def test_no_script_or_style_is_written_into_a_page(client: Any) -> None:
    """The policy would not run them; a page that has them is broken."""
    for path in ("/dashboards/", "/dashboards/mine"):
        page = client.get(path)
        assert "unsafe" not in page.headers["Content-Security-Policy"]
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", page.text)
