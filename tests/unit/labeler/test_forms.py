"""Numbers as people write them, and a whole form with every mistake beside its field."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from gramwatt_labeler.forms.entry import read_entry, read_extra
from gramwatt_labeler.forms.mistakes import Mistake, Mistakes
from gramwatt_labeler.forms.numbers import split_number
from gramwatt_labeler.forms.quantities import (
    BYTES,
    COUNT,
    ENERGY,
    KINDS,
    MASS,
    RATIO,
    TIME,
    Kind,
    read_quantity,
)
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "kind", "unit", "expected"),
    [
        ("1,5", MASS, "kg", 1500.0),
        ("1.5", MASS, "kg", 1500.0),
        ("0,500", MASS, "g", 0.5),
        ("1.500,25", MASS, "g", 1500.25),
        ("1,500.25", MASS, "g", 1500.25),
        ("1,500,000", COUNT, "", 1_500_000.0),
        ("1.500.000", COUNT, "", 1_500_000.0),
        ("1 500", MASS, "g", 1500.0),
        ("1\u202f500,5", MASS, "g", 1500.5),
        ("1'500'000,5", MASS, "g", 1_500_000.5),
        ("83 kg", MASS, "g", 83_000.0),
        ("12 lbs CO2e", MASS, "g", 12 * 453.59237),
        ("5 g of CO2", MASS, "kg", 5.0),
        ("3.6e6 J", ENERGY, "kWh", 3.6e6),
        ("1,35", ENERGY, "kWh", 1.35 * 3.6e6),
        ("5 MJ", ENERGY, "J", 5e6),
        ("110M", COUNT, "", 110e6),
        ("2 GiB", BYTES, "MB", 2.0 * 2**30),
        ("76,1", RATIO, "%", 0.761),
        ("76.1 %", RATIO, "", 0.761),
        ("2.5", TIME, "h", 9000.0),
        ("12345,678", MASS, "g", 12345.678),
    ],
)
def test_a_number_is_read_as_its_writer_meant_it(text: str, kind: Kind, unit: str, expected: float) -> None:
    assert read_quantity(text, kind, unit) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("1,500", MASS, "can mean 1500 or 1.5"),
        ("-3", MASS, "must not be negative"),
        ("nan", MASS, "is not a number"),
        ("inf", MASS, "is not a number"),
        ("1e309", MASS, "beyond every measurement"),
        ("1e19", COUNT, "beyond every measurement"),
        ("76.1", RATIO, "for 76.1 percent write 0.761"),
        ("760", RATIO, "between 0 and 1"),
        ("3-5 g", MASS, "a range"),
        ("~5 g", MASS, "is not a number"),
        ("1..2", MASS, "not one number"),
        ("5 kWh", MASS, "not a unit of mass"),
        ("5 mj", ENERGY, "not a unit of energy"),  # MJ or mJ: nine orders apart
        ("9" * 65, COUNT, "longer than 64"),
        ("=1+1", COUNT, "is not a number"),
        ("", COUNT, "is not a number"),
    ],
)
def test_what_is_no_number_is_said_with_what_to_write(text: str, kind: Kind, words: str) -> None:
    with pytest.raises(Mistake, match=words):
        read_quantity(text, kind)


@pytest.mark.slow
@given(st.floats(min_value=1e-6, max_value=1e15))
@settings(deadline=None)
def test_what_a_program_prints_is_read_back_exactly(value: float) -> None:
    assert split_number(repr(value)) == (value, "")
    comma = f"{value:.4f}".replace(".", ",")  # four decimals: never a group of three
    assert split_number(comma)[0] == float(f"{value:.4f}")


@pytest.mark.slow
@given(st.text(max_size=80))
@settings(deadline=None)
def test_any_text_is_a_number_or_a_mistake(text: str) -> None:
    for kind in KINDS.values():
        try:
            found = read_quantity(text, kind)
        except Mistake:
            continue
        assert math.isfinite(found)
        assert found >= 0


TRAINING = {
    "phase": "training",
    "model": "org/bert",
    "task": "fill-mask",
    "emissions": "0,42",
    "emissions_unit": "kg",
    "size": "438",
    "size_unit": "MB",
    "accuracy": "91",
    "accuracy_unit": "%",
    "f1": "0.5",
    "f1_unit": "",
    "downloads": "1 200",
}


def test_a_form_becomes_an_entry_in_base_units() -> None:
    entry = read_entry(TRAINING | {"extra": "bleu: 31,4, perplexity: 5"})
    assert entry.values["emissions"] == 420.0
    assert entry.values["size"] == 438e6
    assert entry.values["downloads"] == 1200
    assert entry.score == pytest.approx(2 / (1 / 0.91 + 1 / 0.5))
    assert entry.extra == {"bleu": 31.4, "perplexity": 5.0}
    assert "energy" not in entry.values  # not given is not known, never 0


def test_every_mistake_of_a_form_is_found_at_once() -> None:
    form = TRAINING | {
        "model": " ",
        "emissions": "1,500",
        "accuracy": "120",
        "downloads": "1.5",
        "size": "0",
        "extra": "bleu",
    }
    with pytest.raises(Mistakes) as raised:
        read_entry(form)
    assert list(raised.value.by_field) == ["model", "emissions", "accuracy", "size", "downloads", "extra"]


@pytest.mark.parametrize("form", [{}, {"phase": "x"}, {"phase": "training", "model": "m"}])
def test_an_empty_form_says_what_is_needed(form: dict[str, str]) -> None:
    with pytest.raises(Mistakes):
        read_entry(form)


def test_a_million_and_a_half_downloads_are_a_whole_number() -> None:
    entry = read_entry(TRAINING | {"downloads": "1.1", "downloads_unit": "M"})
    assert entry.values["downloads"] == 1_100_000


def test_the_same_numbers_are_the_same_run_whatever_their_units() -> None:
    one = read_entry(TRAINING)
    other = read_entry(TRAINING | {"emissions": "420", "emissions_unit": "g", "note": "again"})
    assert one.content_hash == other.content_hash
    assert one.content_hash != read_entry(TRAINING | {"emissions": "0,43"}).content_hash


def test_a_pair_of_the_extra_metrics_that_is_wrong_is_named() -> None:
    assert read_extra("") == {}
    for text in ("a: 1, a: 2", "a 1", "a: x", "1a: 2", "a: 1 kg"):
        with pytest.raises(Mistake):
            read_extra(text)


@given(
    kind=st.sampled_from(list(KINDS.values())),
    number=st.decimals(0, 900, places=4, allow_nan=False),
    which=st.integers(0, 20),
)
def test_a_number_is_exact_whatever_unit_it_is_in(kind: Kind, number: Decimal, which: int) -> None:
    unit = list(kind.units)[which % len(kind.units)]
    exact = Fraction(number) * Fraction(str(kind.units[unit]))
    if kind.name == "ratio" and exact > 1:
        return
    assert read_quantity(str(number), kind, unit or kind.base) == float(exact)
    assert read_quantity(f"{number} {unit}", kind) == float(exact)
