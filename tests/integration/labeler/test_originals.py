"""The originals' cases through the command line, against a second implementation of their published formulae."""

from __future__ import annotations

import io
import json
import math
import random
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import originals
import pytest
import yaml
from gramwatt_labeler.__main__ import main
from gramwatt_labeler.scale_files import BUILT_IN

Grade = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def grade(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Grade:
    """Facts as JSON Lines, or one STREP request, through ``grade --scheme``."""

    def call(scheme: str, given: Any) -> list[dict[str, Any]]:
        text = "\n".join(map(json.dumps, given)) if isinstance(given, list) else json.dumps(given)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8"))
        assert main(["grade", "--scheme", scheme, "--input", "-"]) in (0, 3)
        out = capsys.readouterr().out
        if out.startswith("["):
            found: list[dict[str, Any]] = json.loads(out)
            return found
        return [json.loads(line) for line in out.splitlines()]

    return call


def around(number: float) -> list[float]:
    return [math.nextafter(number, 0.0), number, math.nextafter(number, math.inf)]


def study_cases() -> list[dict[str, float]]:
    """Values on, just below and just above every limit, models with some metrics, and ties of the mean."""
    cases: list[dict[str, float]] = []
    for name, (_, higher, reference, bounds) in originals.STUDY.items():
        for bound in bounds:
            cases += [{name: value} for value in around(bound * reference if higher else reference / bound)]
        cases += [{name: 1e-9}, {name: 1e15}, {name: reference}]
    values = {
        name: [
            1e-6 * reference,
            reference,
            *(bound * reference if higher else reference / bound for bound in bounds),
        ]
        for name, (_, higher, reference, bounds) in originals.STUDY.items()
    }
    chance = random.Random(17)
    for _ in range(400):
        names = chance.sample(sorted(originals.STUDY), chance.randint(1, 5))
        cases.append(
            {name: chance.choice(values[name]) * chance.choice((1.0, 1.0, 0.5, 3.0)) for name in names}
        )
    return cases


def test_the_study_and_its_limits(grade: Grade) -> None:
    cases = study_cases()
    found = grade("gaissa", [{"metrics": case} for case in cases])
    wanted = [originals.study_letter(case) for case in cases]
    assert [one["grade"] for one in found] == wanted
    assert set(wanted) == set(originals.LETTERS)
    order = list(yaml.safe_load((BUILT_IN / "gaissa.yml").read_text())["metrics"])
    assert [one["missing"] for one in found] == [
        [name for name in order if name not in case] for case in cases
    ]


@pytest.mark.parametrize(
    ("ratings", "letter"),
    [
        # Means of exactly 0.5, 1.5, 2.5 and 3.5 go to the even rating, as Python rounds.
        ({"size_efficency": 0, "datasets_size_efficency": 1}, "A"),
        ({"size_efficency": 1, "datasets_size_efficency": 2}, "C"),
        ({"size_efficency": 2, "datasets_size_efficency": 3}, "C"),
        ({"size_efficency": 3, "datasets_size_efficency": 4}, "E"),
        ({"co2_eq_emissions": 4, "downloads": 0, "performance_score": 2, "size_efficency": 4,
          "datasets_size_efficency": 3}, "C"),
    ],
)  # fmt: skip
def test_a_tie_of_the_mean_is_rounded_as_the_original_does(
    grade: Grade, ratings: dict[str, int], letter: str
) -> None:
    metrics = {}
    for name, step in ratings.items():
        _, higher, reference, bounds = originals.STUDY[name]
        index = bounds[0] * 2 if step == 0 else bounds[step - 1]
        value = index * reference if higher else reference / index
        metrics[name] = value
        assert originals.interval(value / reference if higher else reference / value, bounds) == step
    (found,) = grade("gaissa", {"metrics": metrics})
    assert found["grade"] == letter == originals.study_letter(metrics)
    (shuffled,) = grade("gaissa", {"metrics": dict(reversed(metrics.items()))})
    assert shuffled["grade"] == letter


def test_the_studys_weights_may_be_ones_own_and_are_said(grade: Grade) -> None:
    model = {"co2_eq_emissions": 149200.0, "downloads": 1172830.0}
    for weights in (
        {"co2_eq_emissions": 0.1},
        {"downloads": 0.7},
        {"co2_eq_emissions": 2, "downloads": 6},
        {},
    ):
        (found,) = grade("gaissa", {"metrics": model, "weights": weights})
        own = {name: str(weight) for name, weight in weights.items()}
        assert found["grade"] == originals.study_letter(model, own)
        assert any("weights are not the scale's" in note for note in found["notes"]) == bool(weights)


def test_the_label_tools_intervals_are_of_the_values_themselves(grade: Grade) -> None:
    cases: list[dict[str, float]] = [
        {name: value}
        for name, (_, bounds) in originals.LABEL_TOOL.items()
        for bound in bounds
        for value in around(bound)
    ]
    sizes, scores = (originals.LABEL_TOOL[name][1] for name in ("size_efficency", "performance_score"))
    cases += [
        {"size_efficency": size, "performance_score": score}
        for size in (*sizes, 1e9, 1.0)
        for score in (*scores, 2.0, 0.01)
    ]
    found = grade("gaissalabel", [{"phase": "training", "metrics": case} for case in cases])
    assert [one["grade"] for one in found] == [originals.label_tool_letter(case) for case in cases]


def test_a_scheme_of_ones_own(grade: Grade, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Metrics, weights, intervals and letters are data; so is the phase."""
    mine = {
        "format": 2, "kind": "rated", "name": "mine", "title": "t", "version": "1", "date": "2026-01-01", "source": "s",
        "phase": "inference", "letters": ["A", "B", "C"],
        "metrics": {"latency": {"weight": 3, "cuts": [10, 20], "unit": ""}, "quality": {"weight": 1, "bounds": [9, 5]}},
    }  # fmt: skip
    (tmp_path / "mine.yml").write_text(yaml.safe_dump(mine).replace("'2026-01-01'", "2026-01-01"))
    monkeypatch.setenv("GRAMWATT_LABELER_GRADING_SCALES_DIR", str(tmp_path))
    given = [
        {"phase": "inference", "metrics": {"latency": latency, "quality": quality}}
        for latency, quality in ((10, 9.5), (10.1, 1), (20, 1), (21, 1), (1, 1))
    ]
    # (3 * rating of latency + rating of quality) / 4
    assert [one["grade"] for one in grade("mine", given)] == ["A", "B", "B", "C", "A"]
    assert grade("mine", [{"phase": "training", "metrics": {"latency": 1}}])[0]["grade"] is None


@pytest.mark.parametrize("limit", [100, 300, 1000, 3000, 10000])
def test_comparias_limits_belong_to_the_worse_class(grade: Grade, limit: int) -> None:
    chat = {"phase": "inference", "task": "text-generation"}
    figures = [limit - 0.001, float(limit), limit + 0.001]
    direct = grade("comparia", [chat | {"metrics": {"wh_per_million_output_tokens": one}} for one in figures])
    counted = grade(
        "comparia",
        [
            chat | {"metrics": {"energy": {"value": one, "unit": "Wh"}, "output_tokens": 1_000_000}}
            for one in figures
        ],
    )
    wanted = [originals.comparia_class(Fraction(str(one))) for one in figures]
    assert [one["grade"] for one in direct] == [one["grade"] for one in counted] == wanted


MEANING: dict[str, dict[str, Any]] = {
    "energy": {"group": "Resources"},
    "time": {"group": "Resources"},
    "accuracy": {"group": "Quality", "higher_is_better": True},
    "size": {"group": "Complexity"},
}


def populations() -> list[Any]:
    """Sizes from one on, ties, zeros where they are values, missing metrics, and weights."""
    chance = random.Random(2023)
    found = []
    for size in (1, 2, 3, 4, 5, 6, 9, 10, 11, 25, 60):
        for gaps in (0.0, 0.3):
            rows = {}
            for number in range(size):
                row = {
                    "energy": chance.choice((0.5, 1.0, 2.0, round(chance.uniform(0.1, 9), 3))),
                    "time": round(chance.uniform(1, 100), 1),
                    "accuracy": chance.choice((0.0, 0.5, 0.75, round(chance.random(), 4))),
                    "size": float(chance.randint(1, 4)),
                }
                rows[f"m{number}"] = {name: one for name, one in row.items() if chance.random() >= gaps}
            rows["m0"] = {"energy": 1.0, "time": 10.0, "accuracy": 0.9, "size": 2.0}
            found.append(rows)
    return found


WEIGHTS: list[dict[str, float]] = [
    {},
    {"energy": 0.7, "time": 0.1, "accuracy": 0.1, "size": 0.1},
    {"energy": 0.5, "time": 0.0, "accuracy": 0.25, "size": 0.25},
]


@pytest.mark.parametrize("mode", ["mean", "median"])
@pytest.mark.parametrize("weights", WEIGHTS, ids=["even", "energy", "halves"])
def test_strep_populations(grade: Grade, mode: str, weights: dict[str, float]) -> None:
    meaning = {name: one | ({"weight": weights[name]} if weights else {}) for name, one in MEANING.items()}
    asked = [
        {
            "population": [{"name": name, "metrics": row} for name, row in rows.items()],
            "metrics": meaning,
            "mode": mode,
        }
        for rows in populations()
    ]
    wanted = [
        (name, one) for rows in populations() for name, one in originals.strep(rows, meaning, mode).items()
    ]
    found = grade("strep", asked)
    assert len(found) == len(wanted)
    for one, (name, other) in zip(found, wanted, strict=True):
        assert (one["name"], one["grade"]) == (name, other["grade"])
        assert one["compound"] == pytest.approx(other["compound"], rel=1e-12)
        assert one["groups"] == other["groups"]
        letters = {name: metric["grade"] for name, metric in one["metrics"].items() if metric["grade"]}
        assert letters == other["metrics"]


def test_a_small_strep_population_is_graded_and_said_to_be_small(grade: Grade) -> None:
    for size in (1, 9, 10):
        rows = [{"name": f"m{n}", "metrics": {"energy": n + 1.0}} for n in range(size)]
        found = grade("strep", {"population": rows, "metrics": {"energy": {"group": "Resources"}}})
        assert found[0]["grade"] == "A"
        assert ("too few to mean much" in found[0]["notes"][0]) == (size < 10)
        assert f"population of {size}" in found[0]["notes"][0]


def test_the_fixed_study_cuts_grams_and_gives_ties_to_the_worse(grade: Grade) -> None:
    cuts = (0.292, 1.807, 6.827, 28.081)
    best = {name: row[2] * row[3][0] * 10 for name, row in originals.STUDY.items() if row[1]}
    cases = [
        (grams, rating)
        for step, cut in enumerate(cuts)
        for grams, rating in zip(around(cut), (step, step, step + 1), strict=True)
    ]
    found = grade("gaissa-fixed", [{"metrics": best | {"co2_eq_emissions": grams}} for grams, _ in cases])
    for one, (_, rating) in zip(found, cases, strict=True):
        assert one["metrics"]["co2_eq_emissions"]["grade"] == originals.LETTERS[rating]
        mean = Fraction(35, 100) * rating
        assert one["grade"] == originals.LETTERS[math.floor(mean + Fraction(1, 2))]
