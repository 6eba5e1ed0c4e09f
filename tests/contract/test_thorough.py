"""`make test` shows every sentence: what only `make test-all` runs are more cases of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from thorough import LONELY, first, spread, without_company

CASES = """
import pytest
thorough = pytest.mark.thorough

@pytest.mark.parametrize("days", [1, pytest.param(30, marks=thorough)])
def test_some_cases(days): ...

def test_quick(): ...

@pytest.mark.thorough(sibling="test_quick")
def test_named(): ...

@pytest.mark.thorough(reason="needs an hour")
def test_explained(): ...

@thorough
@pytest.mark.parametrize("days", [1, 30])
def test_every_case(days): ...

@pytest.mark.thorough(sibling="test_gone")
def test_misnamed(): ...

@pytest.mark.thorough(sibling="test_named")
def test_of_another_thorough_one(): ...

@pytest.mark.thorough(reason="")
def test_unexplained(): ...

@pytest.mark.thorough(sibling="tests/contract/test_thorough.py::test_what_has_no_company_is_found")
def test_named_elsewhere(): ...

@pytest.mark.thorough(sibling="tests/contract/test_thorough.py::test_gone")
def test_misnamed_elsewhere(): ...
"""


def test_each_thorough_test_has_a_sibling_in_make_test_or_says_why_not(
    request: pytest.FixtureRequest,
) -> None:
    """Of all that this session has collected."""
    assert request.config.stash[LONELY] == []


def test_what_has_no_company_is_found(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    file = tmp_path / "test_cases.py"
    file.write_text(CASES)
    module = pytest.Module.from_parent(request.session, path=file)
    found = [name.rpartition("::")[2] for name in without_company(module.collect())]  # type: ignore[arg-type]
    assert found == [
        "test_every_case[1]", "test_every_case[30]", "test_misnamed", "test_of_another_thorough_one",
        "test_unexplained", "test_misnamed_elsewhere",
    ]  # fmt: skip


def _quick(cases: list[Any]) -> list[tuple[Any, ...]]:
    return [case.values for case in cases if not case.marks]


def test_a_few_combinations_show_every_value() -> None:
    cases = spread(["a", "b", "c"], [1, 2], [(True, "x"), (False, "y")])
    assert len(cases) == 3 * 2 * 2
    assert _quick(cases) == [("a", 1, True, "x"), ("b", 2, False, "y"), ("c", 1, True, "x")]
    rest = [case for case in cases if case.marks]
    assert {mark.name for case in rest for mark in case.marks} == {"thorough"}


def test_of_a_list_the_first_are_quick() -> None:
    one, *others = first([15, 5, 60])
    assert one == 15
    assert [(case.values, case.marks[0].name) for case in others] == [((5,), "thorough"), ((60,), "thorough")]
