"""Expressions of the configuration meet names that strangers choose."""

from __future__ import annotations

import re
import time

import pytest
from gramwatt_exporter.patterns import PatternError, pattern
from hypothesis import given
from hypothesis import strategies as st

CATASTROPHES = [
    r"([a-z0-9]+[-.]?)+-instruct",
    r"(a|a)*b",
    r"(a*)*b",
    r"(\w+\s?)+!",
    r"^(.*,)+x$",
]


@pytest.mark.parametrize("expression", CATASTROPHES)
def test_no_name_keeps_it_busy(expression: str) -> None:
    """A backtracking engine takes 2**60 steps for these; the bound is CPU time, a thousand times what RE2 takes."""
    began = time.thread_time()
    assert not pattern(expression).matches("a" * 60)
    assert not pattern(expression).matches("a" * 100_000)
    assert time.thread_time() - began < 5


@pytest.mark.parametrize("expression", ["(", "[a", "a{2001}", r"(?=a)b", r"(a)\1", "*"])
def test_what_is_no_expression_is_refused_with_the_reason(expression: str) -> None:
    with pytest.raises(PatternError, match=r"\w+"):
        pattern(expression)


def test_what_only_a_backtracking_engine_knows_is_said_to_be_unsupported() -> None:
    for expression in (r"(?=a)b", r"(a)\1"):
        with pytest.raises(PatternError, match="look-around and back references are not supported"):
            pattern(expression)


def test_a_bar_between_names_is_an_alternative() -> None:
    users = pattern("alice|bob")
    assert users.matches("alice")
    assert users.matches("bob")
    assert not users.matches("alice|bob")
    assert not users.matches("alicex")
    assert not users.matches("")


def test_an_empty_expression_is_the_empty_label() -> None:
    assert pattern("").matches("")
    assert not pattern("").matches("a")


def test_the_default_takes_every_name() -> None:
    for name in ("", "a", "two\nlines", "caf\udce9"):
        assert pattern(".*").matches(name)
        assert pattern("(.*)").matches(name)  # the same, by the engine


@pytest.mark.slow
@given(st.text("ab|.*-", max_size=8), st.text("ab.-|", max_size=6))
def test_it_agrees_with_the_usual_engine(expression: str, text: str) -> None:
    try:
        usual = re.compile(expression, re.DOTALL)
    except re.error:
        with pytest.raises(PatternError):
            pattern(expression)
        return
    try:
        ours = pattern(expression)
    except PatternError:
        return  # RE2 knows fewer, as a** (twice repeated)
    assert ours.matches(text) == (usual.fullmatch(text) is not None)
