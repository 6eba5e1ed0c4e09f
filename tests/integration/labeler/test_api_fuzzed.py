"""The API against its own document, with whatever hypothesis thinks of: no answer is a 5xx, each has the shape it says."""

from __future__ import annotations

import pytest
import schemathesis
from api_site import RUN, Site
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import response_schema_conformance

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = Site(tmp_path_factory.mktemp("fuzzed"), writes_per_minute=1_000_000)
    made.post("evaluations", RUN)
    return made


@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_no_call_fails_whatever_it_is_asked(site: Site, mode: str) -> None:
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", site.app)
    generation = schemathesis.GenerationMode(mode)
    called = 0
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @settings(
            max_examples=8, deadline=None, phases=[Phase.generate], derandomize=True, database=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        def check(case: schemathesis.Case) -> None:
            nonlocal called
            called += 1
            case.call_and_validate(
                headers=site.headers("manager"), checks=[not_a_server_error, response_schema_conformance]
            )

        schemathesis_test = operation.as_strategy(generation_mode=generation)

        given(case=schemathesis_test)(check)()
    assert called > 50
