"""Ties are ties, weights are what their digits say, and absurd numbers have no letter."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from grade_on import grade_on
from gramwatt_labeler.grading.bands import letter_of, span
from gramwatt_labeler.grading.exact import exact, nearest, weighted_mean
from gramwatt_labeler.grading.gaissa import rate
from gramwatt_labeler.grading.relative import Population, place
from gramwatt_labeler.grading.scale import Band, RatedMetric, RatedScale
from gramwatt_labeler.grading.strep import StrepMetric, grade_population, quantile
from gramwatt_labeler.measure import count
from hypothesis import given
from hypothesis import strategies as st

anything = st.floats(allow_nan=True, allow_infinity=True)


def test_a_tenth_is_a_tenth() -> None:
    assert exact(0.1) + exact(0.2) == exact(0.3)
    assert exact(0.1) == Fraction(1, 10)
    assert weighted_mean([(0.1, 0.1), (0.1, 0.2), (0.1, 0.7)]) == exact(0.1)
    assert nearest(Fraction(10) ** 400) == math.inf
    assert nearest(-(Fraction(10) ** 400)) == -math.inf
    with pytest.raises(ValueError, match="no weight"):
        weighted_mean([])


@pytest.mark.slow
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_an_exact_number_is_the_float_again(number: Any) -> None:
    assert nearest(exact(number)) == number


@pytest.mark.parametrize(
    ("energy", "samples", "reference", "letter"),
    [
        # 0.675 / 9 / 0.3 is 0.25000000000000006 in floats: B instead of A.
        (0.675, 9.0, 0.3, "A"), (1.35, 9.0, 0.3, "B"), (2.7, 9.0, 0.3, "C"), (5.4, 9.0, 0.3, "D"),
        (5.4000001, 9.0, 0.3, "E"),
    ],
)  # fmt: skip
def test_an_index_on_a_limit_gets_the_better_letter(
    energy: Any, samples: Any, reference: Any, letter: Any, scale: Any, window: Any, measurement: Any
) -> None:
    loaded, identity = scale
    one = msgspec.structs.replace(loaded.references[0], joules=reference)
    grade = grade_on(
        window(values={"samples": samples}),
        measurement(energy),
        msgspec.structs.replace(loaded, references=[one]),
        identity,
    )
    assert grade.letter == letter


def rated(ties: Any, *weights: float) -> RatedScale:
    metrics = {
        f"m{i}": RatedMetric(weight=weight, bounds=[3.0, 2.0, 1.0, 0.0]) for i, weight in enumerate(weights)
    }
    return RatedScale(
        name="x", title="x", version="1", date=__import__("datetime").date(2026, 1, 1), source="s",
        letters=["A", "B", "C", "D", "E"], metrics=metrics, ties=ties,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("values", "weights", "even", "worse"),
    [
        # Ratings 0 and 1, half and half: 0.5 in every way of adding up.
        ((4.0, 2.5), (0.5, 0.5), "A", "B"),
        # 1 * 0.1 + 3 * 0.1 + 3 * 0.2 of 0.4 is 2.5, and more in floats: rounded to 3 instead of 2.
        ((2.5, 0.5, 0.5), (0.1, 0.1, 0.2), "C", "D"),
        # 0 * 0.1 + 1 * 0.15 + 3 * 0.15 of 0.4 is 1.5, and less in floats: rounded to 1 instead of 2.
        ((4.0, 2.5, 0.5), (0.1, 0.15, 0.15), "C", "C"),
        ((1.5, 0.5), (0.7, 0.7), "C", "D"),
    ],
)
def test_a_mean_between_two_ratings(values: Any, weights: Any, even: Any, worse: Any) -> None:
    given_values = {f"m{i}": value for i, value in enumerate(values)}
    assert rate(given_values, rated("even", *weights)).letter == even
    assert rate(given_values, rated("worse", *weights)).letter == worse


def test_our_own_scheme_sends_ties_to_the_worse_letter(built_in: Any) -> None:
    assert built_in["gaissa"].scale.ties == "even"
    assert built_in["gaissa-fixed"].scale.ties == "worse"


def test_equal_parts_of_a_range_are_equal(built_in: Any) -> None:
    range_scale = built_in["ai-energy-score-range"].scale
    # 0.14 is the first fifth of the way from 0.1 to 0.3, and a bit more in floats; 0.54 the second from 0.1 to 1.2.
    for high, value, step in ((0.3, 0.14, 0), (1.2, 0.54, 1), (0.6, 0.4, 2)):
        members = Population.of("p", [("low", 0.1), ("high", high), *((f"m{i}", 0.2) for i in range(10))])
        assert place(value, members, range_scale).letter == range_scale.letters[step]


def test_equal_compounds_get_equal_letters() -> None:
    """Ten copies of one model, written in another order, are equal: none may be better by float noise."""
    metrics = {name: StrepMetric("g", higher_is_better=True, weight=w) for name, w in
               (("a", 0.1), ("b", 0.2), ("c", 0.3), ("d", 0.4))}  # fmt: skip
    models = {f"m{i}": dict(zip("abcd", (0.1, 0.7, 0.3, 0.9), strict=True)) for i in range(10)}
    grades = grade_population(models, metrics)
    assert {grade.letter for grade in grades.values()} == {"A"}
    assert quantile([0.1] * 10, 0.8) == Fraction(1, 10)


@pytest.mark.slow
@given(value=st.floats(0, 1e300), uncertainty=anything)
def test_a_span_never_fails(value: Any, uncertainty: Any) -> None:
    bands = [Band(letter="A", up_to=1.0), Band(letter="B")]
    best, worst = span(value, uncertainty, bands)
    assert (best is None) == (worst is None)
    assert letter_of(value, bands) in "AB"


@pytest.mark.slow
@given(energy=anything, samples=anything, grams=st.none() | anything, uncertainty=st.none() | anything)
def test_grading_never_raises_and_publishes_only_numbers(
    energy: Any,
    samples: Any,
    grams: Any,
    uncertainty: Any,
    scale: Any,
    built_in: Any,
    window: Any,
    measurement: Any,
) -> None:
    measured = measurement(energy, emissions_grams=grams, uncertainty_ratio=uncertainty)
    recorded = window(values={"samples": samples, "tokens": samples})
    chat = window(phase="inference", task="text-generation", values={"tokens": samples})
    comparia = built_in["comparia"]
    for grade in (
        grade_on(recorded, measured, *scale),
        grade_on(chat, measured, comparia.scale, comparia.id),
    ):
        assert (grade.letter is None) == bool(grade.reason)
        for number in (
            grade.index,
            grade.energy_per_unit_joules,
            grade.emissions_per_unit_grams,
            grade.units,
        ):
            assert number is None or math.isfinite(number)
        assert grade.energy_per_unit_joules is None or grade.energy_per_unit_joules > 0


@pytest.mark.parametrize("samples", [1e-320, 5e-324, 1e-7, 1.1e18, 1e300, 1.7e308])
def test_absurd_units_are_refused_with_what_is_possible(
    samples: Any, scale: Any, window: Any, measurement: Any
) -> None:
    grade = grade_on(window(values={"samples": samples}), measurement(), *scale)
    assert grade.letter is None
    assert "1e-06 to 1e+18 are possible" in grade.reason


def test_an_energy_too_small_for_a_quotient_is_no_a(scale: Any, window: Any, measurement: Any) -> None:
    grade = grade_on(window(values={"samples": 1e18}), measurement(5e-324), *scale)
    assert (grade.letter, "a usable energy per unit" in grade.reason) == (None, True)


def test_a_failed_run_has_no_grade_however_good(scale: Any, window: Any, measurement: Any) -> None:
    grade = grade_on(window(failure="signal SIGKILL"), measurement(1.0), *scale)
    assert grade.text == (
        "not graded: missing a run that succeeded (signal SIGKILL); a failed run used less because it did less"
    )


@pytest.mark.parametrize(("energy", "is_graded"), [(0.99, False), (1.0, True), (50.0, True)])
def test_below_the_floor_there_is_no_grade(
    energy: Any, is_graded: Any, scale: Any, window: Any, measurement: Any
) -> None:
    grade = grade_on(window(), measurement(energy, floor_joules=1.0), *scale)
    assert bool(grade.letter) == is_graded


@pytest.mark.slow
@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_a_counter_that_never_fell_is_its_last_value(values: Any) -> None:
    rising = sorted(values)
    samples = [(float(i + 1), value) for i, value in enumerate(rising)]
    assert count(samples, (0.0, 0.0)).increase == rising[-1]
