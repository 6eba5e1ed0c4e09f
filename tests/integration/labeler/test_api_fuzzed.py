"""The API against its own document with whatever schemathesis thinks of: no 5xx, and the shapes it says."""

from __future__ import annotations

import contextlib
from typing import Any

import jsonschema
import pytest
import schemathesis
from api_site import RUN, Site
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.core.result import Ok

pytestmark = pytest.mark.slow

HOSTILE: tuple[dict[str, str], ...] = (
    {},
    {"If-None-Match": 'W/"x", *, "' + "a" * 9000},
    {"Range": "bytes=-1,5-2,junk", "Accept": "*/*;q=1e309, text/event-stream"},
    {"Idempotency-Key": "k" * 10_000, "If-Modified-Since": "no date"},
    {"Idempotency-Key": "a\tb", "Accept-Language": "de;q=9"},
    {"Content-Encoding": "gzip", "Expect": "100-continue", "X-HTTP-Method-Override": "DELETE"},
)
"""What a program that means harm puts beside a request."""
EXAMPLES = settings().max_examples // 6  # of each call: 4 in `make test`, 16 in `make test-all`


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = Site(tmp_path_factory.mktemp("fuzzed"), writes_per_minute=1_000_000)
    made.post("evaluations", RUN)
    return made


@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_no_call_fails_whatever_it_is_asked(site: Site, mode: str) -> None:
    document = site.client.get("/api/v1/openapi.json").json()
    seen: list[int] = []
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        strategy = operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode))

        @settings(
            max_examples=EXAMPLES, deadline=None, phases=[Phase.generate], derandomize=True, database=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=strategy)
        def check(case: Any) -> None:
            request = case.as_transport_kwargs(base_url="http://testserver")
            headers = {name: value for name, value in request.pop("headers", {}).items() if value.isascii()}
            request.pop("cookies", None)
            more = headers | site.headers("manager") | HOSTILE[len(seen) % len(HOSTILE)]
            answer = site.client.request(**request, headers=more)
            assert answer.status_code < 500, (request, answer.text)
            seen.append(answer.status_code)
            _check_shape(document, case, answer)

        with contextlib.suppress(Unsatisfiable):  # nothing about this call can be wrong
            check()
    assert len(seen) > 100
    assert len(set(seen)) > 2


def _check_shape(document: dict[str, Any], case: Any, answer: Any) -> None:
    """The answer's body is as the document says of its status."""
    if not answer.headers.get("content-type", "").startswith("application/json"):
        return
    described = document["paths"][case.operation.path][case.method.lower()]["responses"]
    said = described.get(str(answer.status_code))
    if answer.status_code >= 400 and said is None:
        assert set(answer.json()["error"]) >= {"code", "message", "path", "allowed"}
        return
    schema = said["content"]["application/json"]["schema"]
    jsonschema.validate(answer.json(), schema | {"components": document["components"]})
