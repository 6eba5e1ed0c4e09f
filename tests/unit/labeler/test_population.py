"""Relative grades: quintiles of a named population, stars, and STREP."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from gramwatt_labeler.grading.relative import Population, place
from gramwatt_labeler.grading.strep import (
    StrepMetric,
    grade_population,
    quantile,
    weighted_median,
    weights,
)
from hypothesis import given
from hypothesis import strategies as st
from known import known

ORDER = "ABCDE"
values = st.floats(1e-6, 1e6)
populations = st.dictionaries(st.text(min_size=1), values, min_size=10, max_size=40)


def test_quintiles_of_ten(built_in: Any) -> None:
    population = Population.of("ten", [(str(n), float(n)) for n in range(1, 11)])
    placed = [place(float(n), population, built_in["quintiles"].scale) for n in range(1, 11)]
    assert "".join(known(one.letter) for one in placed) == "AABBCCDDEE"
    assert {one.n for one in placed} == {10}


def test_fewer_than_ten_are_refused_with_their_number(built_in: Any) -> None:
    placed = place(
        1.0, Population.of("nine", [(str(n), float(n)) for n in range(9)]), built_in["quintiles"].scale
    )
    assert placed.letter is None
    assert placed.reason == "a population of at least 10 (nine has 9)"


def test_ties_go_to_the_worse_grade(built_in: Any) -> None:
    same = Population.of("same", [(str(n), 1.0) for n in range(10)])
    assert place(1.0, same, built_in["quintiles"].scale).letter == "E"
    pair = Population.of("pair", [(str(n), max(2.0, float(n))) for n in range(10)])
    assert (
        place(2.0, pair, built_in["quintiles"].scale).letter == "B"
    )  # the third of ten with that value decides


@pytest.mark.slow
@given(populations, values, values)
def test_more_is_never_better(built_in: Any, rows: Any, first: Any, second: Any) -> None:
    scales = built_in
    population = Population.of("p", rows.items())
    low, high = sorted((first, second))
    assert known(place(low, population, scales["quintiles"].scale).letter) <= known(
        place(high, population, scales["quintiles"].scale).letter
    )
    stars = [place(value, population, scales["ai-energy-score-rank"].scale).letter for value in (low, high)]
    assert known(stars[0]) >= known(stars[1])


@pytest.mark.slow
@given(populations, values)
def test_duplicate_rows_and_order_change_nothing(built_in: Any, rows: Any, value: Any) -> None:
    scale = built_in["quintiles"].scale
    once = Population.of("p", rows.items())
    twice = Population.of("p", [*reversed(rows.items()), *rows.items()])
    assert place(value, once, scale) == place(value, twice, scale)


def test_a_member_with_two_values_is_an_error() -> None:
    with pytest.raises(ValueError, match="'a' has two values, 1 and 2"):
        Population.of("p", [("a", 1.0), ("a", 2.0)])


def test_what_is_no_number_has_no_place(built_in: Any) -> None:
    population = Population.of("ten", [(str(n), float(n)) for n in range(10)] + [("nan", math.nan)])
    assert len(population.values) == 10
    assert place(math.nan, population, built_in["quintiles"].scale).letter is None


def test_the_two_rules_of_the_stars_differ(built_in: Any) -> None:
    # Nine near zero and one far out: by range nearly all get five stars, by rank only a fifth.
    population = Population.of("skewed", [(str(n), float(n)) for n in range(1, 10)] + [("far", 1000.0)])
    scales = [built_in[f"ai-energy-score-{rule}"].scale for rule in ("range", "rank")]
    assert [
        "".join(str(place(float(n), population, scale).letter) for n in range(1, 10)) for scale in scales
    ] == [
        "555555555",
        "554433221",
    ]
    assert [place(1000.0, population, scale).letter for scale in scales] == ["1", "1"]
    flat = Population.of("flat", [(str(n), 1.0) for n in range(10)])
    assert "differs" in place(1.0, flat, scales[0]).reason


METRICS = {
    "energy": StrepMetric("resources"),
    "time": StrepMetric("resources"),
    "accuracy": StrepMetric("quality", higher_is_better=True),
}


def ten() -> dict[str, dict[str, float | None]]:
    return {
        f"m{n}": {"energy": 0.1 * n, "time": 1.0 * n, "accuracy": 0.9 - 0.01 * n} for n in range(1, 11)
    }  # fmt: skip


def test_weights_are_even_over_groups_then_metrics() -> None:
    assert weights(METRICS) == {"energy": 0.25, "time": 0.25, "accuracy": 0.5}
    assert weights(METRICS | {"time": StrepMetric("resources", weight=0.7)})["time"] == Fraction("0.7")


def test_strep_indices_letters_and_compound() -> None:
    graded = grade_population(ten(), METRICS)
    first, last = graded["m1"], graded["m10"]
    assert first.indices == {"energy": 1.0, "time": 1.0, "accuracy": 1.0}
    assert (first.compound, first.letter) == (1.0, "A")
    assert last.indices["time"] == 0.1
    assert last.compound == pytest.approx(0.25 * 0.1 + 0.25 * 0.1 + 0.5 * 0.8 / 0.89)
    assert "".join(known(one.letter) for one in graded.values()) == "AABBCCDDEE"
    assert {one.n for one in graded.values()} == {10}


def test_a_missing_metric_counts_zero_and_never_helps() -> None:
    models = ten()
    before = grade_population(models, METRICS)["m1"]
    for nothing in (None, math.nan, math.inf, -1.0):
        models["m1"] = {"energy": nothing, "time": 1.0, "accuracy": 0.89}
        after = grade_population(models, METRICS)["m1"]
        assert after.missing == ("energy",)
        assert after.compound == pytest.approx(0.75)
        assert after.letter >= before.letter
        assert "energy" not in after.letters


@pytest.mark.parametrize(
    ("pairs", "median"),
    [
        ([(0.2, 0.5), (0.8, 0.5)], "0.5"),  # half is reached exactly: the mean of this and the next
        ([(0.2, 0.2), (0.5, 0.2), (0.9, 0.6)], "0.5"),  # the value before the one that crosses
        ([(0.2, 0.6), (0.9, 0.4)], "0.2"),  # the first one crosses: there is none before it
        ([(0.9, 0.3), (0.1, 0.3), (0.5, 0.4)], "0.1"),  # in any order
        ([(0.1, 0.3), (0.2, 0.2), (0.3, 0.5)], "0.25"),  # 0.3 + 0.2 is a half, also where floats disagree
    ],
)
def test_the_median_is_the_one_of_strep(pairs: Any, median: Any) -> None:
    assert weighted_median(pairs) == Fraction(median)


def test_strep_in_median_mode() -> None:
    graded = grade_population(ten(), METRICS, mode="median")
    assert graded["m1"].letter == "A"
    assert graded["m10"].letter == "E"


def test_strep_refuses_what_it_cannot_do() -> None:
    with pytest.raises(ValueError, match="not one of mean, median"):
        grade_population(ten(), METRICS, mode="min")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no metrics"):
        grade_population(ten(), {})
    with pytest.raises(ValueError, match="no usable value"):
        grade_population({"m": {"energy": math.nan}}, METRICS)


def test_strep_grades_small_populations_as_the_original_does() -> None:
    assert {one.letter for one in grade_population({"m": {"energy": 3.0}}, METRICS).values()} == {"A"}
    pair = grade_population({"a": {"energy": 1.0}, "b": {"energy": 2.0}}, METRICS)
    assert (pair["a"].letter, pair["b"].letter, pair["b"].n) == ("A", "E", 2)


def test_strep_gives_letters_to_groups() -> None:
    models = ten()
    for n, row in enumerate(models.values()):
        row["accuracy"] = 0.1 * (n + 1)  # the most hungry is the most accurate
    graded = grade_population(models, METRICS)
    assert graded["m1"].groups == {"resources": "A", "quality": "E"}
    assert graded["m10"].groups == {"resources": "E", "quality": "A"}


@pytest.mark.slow
@given(st.lists(values, min_size=10, max_size=30), st.randoms())
def test_strep_does_not_depend_on_the_order_of_models_or_metrics(energies: Any, random: Any) -> None:
    models = {
        f"m{n}": {"energy": energy, "time": 1.0 + n, "accuracy": 0.5} for n, energy in enumerate(energies)
    }
    names, keys = list(models), list(METRICS)
    random.shuffle(names)
    random.shuffle(keys)
    shuffled = grade_population({name: models[name] for name in names}, {key: METRICS[key] for key in keys})
    straight = grade_population(models, METRICS)
    assert {name: one.letter for name, one in shuffled.items()} == {
        n: one.letter for n, one in straight.items()
    }


def test_quantiles_interpolate_like_numpy() -> None:
    assert [quantile([4, 1, 3, 2], share) for share in (0, 0.2, 0.5, 1)] == pytest.approx([1, 1.6, 2.5, 4])
