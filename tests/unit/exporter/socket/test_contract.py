"""docs/socket-api.md, the OpenAPI document and the real answers say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.socket_api.limits import BODY_BYTES, CALLS_PER_SECOND
from gramwatt_exporter.socket_api.routes import ROUTES
from jsonschema import Draft202012Validator

DOCS = (Path(__file__).parents[4] / "docs/socket-api.md").read_text()
SCHEMAS = {
    "Open": ("POST", "/v1/windows"),
    "Window": ("GET", "/v1/windows/{id}"),
    "Status": ("GET", "/v1/status"),
    "Intensity": ("GET", "/v1/intensity"),
    "Top": ("GET", "/v1/top"),
}


@pytest.fixture
def document(client: Any) -> dict[str, Any]:
    reply = client("GET", "/v1/openapi.json")
    assert reply.status == 200
    body: dict[str, Any] = reply.body
    return body


def validator(document: dict[str, Any], name: str) -> Draft202012Validator:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def answer_schema(document: dict[str, Any], method: str, path: str, status: int) -> dict[str, Any]:
    operation = document["paths"][path][method.lower()]
    response = operation["responses"][str(status)]
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
    return {**response["content"]["application/json"]["schema"], "components": document["components"]}


def example(name: str) -> Any:
    """The JSON block of the page that follows the paragraph that begins with ``name``."""
    match = re.search(rf"^{name}\b(?:(?!\n\n).)*\n\n```json\n(.*?)\n```", DOCS, re.MULTILINE | re.DOTALL)
    assert match, name
    return json.loads(match[1])


def test_the_page_the_document_and_the_server_have_the_same_calls(document: Any) -> None:
    rows = re.findall(r"^\| `(GET|POST) (/v1/[^`]*)`", DOCS, re.MULTILINE)
    described = {
        (method.upper(), path): next(int(code) for code in operation["responses"] if code.startswith("2"))
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    assert sorted(rows) == sorted(described)
    assert described == {(route.method, route.path): route.status for route in ROUTES}


def test_the_page_and_the_document_have_the_same_query_parameters(document: Any) -> None:
    written = {
        ("/v1/windows", "state"), ("/v1/windows/{id}", "sample"), ("/v1/top", "processes"), ("/v1/top", "workloads"),
    }  # fmt: skip
    described = {
        (path, parameter["name"])
        for path, operations in document["paths"].items()
        for operation in operations.values()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query"
    }
    assert described == written
    for path, name in written:
        row = next(line for line in DOCS.splitlines() if line.startswith(f"| `GET {path}`"))
        assert re.search(rf"[?&]{name}=", row)


def test_the_page_and_the_document_have_the_same_errors(document: Any) -> None:
    rows = dict(re.findall(r"^\| (\d{3}) \| (.*) \|$", DOCS, re.MULTILINE))
    described = {name.removeprefix("E") for name in document["components"]["responses"]}
    assert rows.keys() == described
    assert f"{BODY_BYTES // 1024} KiB" in rows["413"]
    assert f"more than {CALLS_PER_SECOND} calls" in rows["429"]


@pytest.mark.parametrize("name", SCHEMAS)
def test_examples_of_the_page_are_what_the_document_describes(document: Any, name: Any) -> None:
    shown = example(name)
    validator(document, name).validate(shown)
    assert shown.keys() == document["components"]["schemas"][name]["properties"].keys()


def test_the_error_of_the_page_is_what_the_document_describes(document: Any) -> None:
    validator(document, "Error").validate(example("Errors"))


def test_every_reference_of_the_document_leads_somewhere(document: Any) -> None:
    references = re.findall(r'"\$ref": "#/([^"]*)"', json.dumps(document))
    assert references
    for reference in references:
        part = document
        for step in reference.split("/"):
            part = part[step]


def test_real_answers_are_what_the_document_describes(document: Any, client: Any) -> None:
    opened = client("POST", "/v1/windows", {"name": "n", "phase": "training", "values": {"a": 1}})
    window = opened.body["window"]
    calls = [
        ("GET", "/v1/status", None),
        ("GET", "/v1/intensity", None),
        ("GET", "/v1/top", None),
        ("GET", "/v1/windows", None),
        ("GET", "/v1/windows/{id}", None),
        ("POST", "/v1/windows/{id}/values", {"values": {"b": 2}}),
        ("POST", "/v1/windows/{id}/processes", {"pid": 1}),
        ("POST", "/v1/windows/{id}/stop", {"values": {"c": 3}}),
        ("POST", "/v1/windows/{id}/stop", None),
        # and refused ones
        ("POST", "/v1/windows", {"name": "n"}),
        ("POST", "/v1/windows/{id}/values", {"values": {"b": 2}}),
        ("POST", "/v1/windows/{id}/processes", {"pid": 1}),
        ("DELETE", "/v1/status", None),
    ]
    replies = [("POST", "/v1/windows", opened)]
    replies += [(method, path, client(method, path.format(id=window), body)) for method, path, body in calls]
    assert [reply.status for _, _, reply in replies] == [201] + [200] * 9 + [400, 409, 409, 405]
    for method, path, reply in replies:
        where = method if method != "DELETE" else "GET"
        Draft202012Validator(answer_schema(document, where, path, reply.status)).validate(reply.body)


@pytest.mark.parametrize(
    ("path", "name", "body", "good"),
    [
        ("/v1/windows", "Open", {"name": "n", "phase": "training"}, True),
        ("/v1/windows", "Open", {"name": "n", "phase": "inference", "pid": None, "tags": {"a": "b"}}, True),
        ("/v1/windows", "Open", {"name": "n", "phase": "inference", "pid": 12, "values": {"a": 1.5}}, True),
        ("/v1/windows", "Open", {"name": "", "phase": "training"}, False),
        ("/v1/windows", "Open", {"name": "n", "phase": "train"}, False),
        ("/v1/windows", "Open", {"name": "n", "phase": "training", "pid": 0}, False),
        ("/v1/windows", "Open", {"name": "n", "phase": "training", "pid": "1"}, False),
        ("/v1/windows", "Open", {"name": "n", "phase": "training", "extra": 1}, False),
        ("/v1/windows", "Open", {"name": "n", "phase": "training", "values": {"a": "1"}}, False),
        ("/v1/windows", "Open", {"name": "n", "phase": "training", "values": {"a b": 1}}, False),
        ("/v1/windows", "Open", {"name": "n", "phase": "training", "tags": {"a": 1}}, False),
        ("/v1/windows", "Open", {"name": "n" * 129, "phase": "training"}, False),
        ("/v1/windows", "Open", {"name": "n", "phase": "training", "model": "m" * 257}, False),
        ("/v1/windows", "Open", {"name": "n", "phase": "training", "values": {f"v{n}": 1 for n in range(65)}}, False),
        ("/v1/windows", "Open", {"name": "n", "phase": "training", "tags": {f"v{n}": "" for n in range(33)}}, False),
        ("/v1/windows", "Open", [], False),
        ("/v1/windows/{id}/values", "Values", {"values": {"a": 1}}, True),
        ("/v1/windows/{id}/values", "Values", {}, False),
        ("/v1/windows/{id}/values", "Values", {"values": {"a": True}}, False),
        ("/v1/windows/{id}/processes", "Process", {"pid": 5}, True),
        ("/v1/windows/{id}/processes", "Process", {"pid": -5}, False),
        ("/v1/windows/{id}/processes", "Process", {"pid": 1.5}, False),
        ("/v1/windows/{id}/leave", "Process", {"pid": 5}, True),
        ("/v1/windows/{id}/leave", "Process", {"pid": 0}, False),
        ("/v1/windows/{id}/leave", "Process", {}, False),
        ("/v1/windows/{id}/stop", "Stop", {}, True),
        ("/v1/windows/{id}/stop", "Stop", {"value": {}}, False),
    ],
)  # fmt: skip
def test_the_server_takes_what_the_document_allows_and_nothing_else(
    document: Any, client: Any, path: Any, name: Any, body: Any, good: Any
) -> None:
    window = client("POST", "/v1/windows", {"name": "n", "phase": "training"}).body["window"]
    assert validator(document, name).is_valid(body) is good
    assert (client("POST", path.format(id=window), body).status < 300) is good
