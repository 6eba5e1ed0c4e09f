"""Absolute grades: letters, spans, refusals, and what must not change them."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from grade_on import grade_on
from gramwatt_labeler.grading.bands import letter_of
from hypothesis import given
from hypothesis import strategies as st
from known import known

energies = st.floats(1e-6, 1e9)
ORDER = "ABCDE"


@pytest.mark.parametrize(
    ("energy", "letter"),
    [
        (1, "A"),
        (50, "A"),
        (50.01, "B"),
        (100, "B"),
        (100.01, "C"),
        (200, "C"),
        (200.01, "D"),
        (400, "D"),
        (400.01, "E"),
    ],
)
def test_a_limit_belongs_to_the_better_side(
    energy: Any, letter: Any, scale: Any, window: Any, measurement: Any
) -> None:
    # 100 samples against 2 J per sample: the index is energy / 200.
    assert grade_on(window(), measurement(energy), *scale).letter == letter


def test_a_grade_says_what_it_was_compared_with(scale: Any, window: Any, measurement: Any) -> None:
    grade = grade_on(window(), measurement(100.0, emissions_grams=5.0), *scale)
    assert grade.index == 0.5
    assert grade.energy_per_unit_joules == 1.0
    assert grade.emissions_per_unit_grams == 0.05
    assert (grade.unit, grade.units) == ("sample", 100.0)
    assert known(grade.reference).joules_per_unit == 2
    assert known(grade.reference).hardware == "cpu"
    assert len(grade.scale.sha256) == 64


@pytest.mark.slow
@given(low=energies, factor=st.floats(1, 1000))
def test_more_energy_is_never_a_better_grade(
    low: Any, factor: Any, scale: Any, window: Any, measurement: Any
) -> None:
    first, second = (grade_on(window(), measurement(e), *scale).letter for e in (low, low * factor))
    assert ORDER.index(known(first)) <= ORDER.index(known(second))


@pytest.mark.slow
@given(energy=energies, factor=st.sampled_from([2.0**n for n in range(-20, 21)]))
def test_energy_and_reference_scaled_together_change_nothing(
    energy: Any, factor: Any, scale: Any, window: Any, measurement: Any
) -> None:
    loaded, identity = scale
    references = [
        msgspec.structs.replace(reference, joules=reference.joules * factor)
        for reference in loaded.references
    ]
    scaled = msgspec.structs.replace(loaded, references=references)
    before = grade_on(window(), measurement(energy), loaded, identity)
    after = grade_on(window(), measurement(energy * factor), scaled, identity)
    assert before.letter == after.letter
    assert after.index == pytest.approx(
        before.index, rel=1e-15
    )  # the scaled numbers are rounded, not the quotient


@pytest.mark.slow
@given(random=st.randoms(), energy=energies)
def test_the_order_of_values_and_references_changes_nothing(
    random: Any, energy: Any, scale: Any, window: Any, measurement: Any
) -> None:
    loaded, identity = scale
    values = [("samples", 100.0), ("accuracy", 0.5), ("epochs", 3.0)]
    references = [one for one in loaded.references if not one.datasets]
    plain = msgspec.structs.replace(loaded, references=list(references))
    random.shuffle(values)
    random.shuffle(references)
    # Duplicate rows count once, too.
    shuffled = msgspec.structs.replace(loaded, references=[*references, *references])
    assert (
        grade_on(window(values=dict(values)), measurement(energy), shuffled, identity).letter
        == grade_on(window(values={"samples": 100.0}), measurement(energy), plain, identity).letter
    )


@pytest.mark.slow
@given(energy=energies, uncertainty=st.floats(0, 2))
def test_the_letter_lies_within_its_span(
    energy: Any, uncertainty: Any, scale: Any, window: Any, measurement: Any
) -> None:
    grade = grade_on(window(), measurement(energy, uncertainty_ratio=uncertainty), *scale)
    assert (
        ORDER.index(known(grade.best)) <= ORDER.index(known(grade.letter)) <= ORDER.index(known(grade.worst))
    )


def test_an_uncertainty_that_crosses_a_limit_is_printed(scale: Any, window: Any, measurement: Any) -> None:
    assert grade_on(window(), measurement(90, uncertainty_ratio=0.05), *scale).text == "B"
    assert grade_on(window(), measurement(98, uncertainty_ratio=0.05), *scale).text == "B (B-C)"
    assert grade_on(window(), measurement(98, uncertainty_ratio=0.5), *scale).text == "B (A-C)"
    assert grade_on(window(), measurement(98), *scale).best is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"energy": 0.0}, "a usable energy (it is 0 J)"),
        ({"energy": -5.0}, "a usable energy (it is -5 J)"),
        ({"energy": math.nan}, "a usable energy (it is nan J)"),
        ({"energy": math.inf}, "a usable energy (it is inf J)"),
        ({"coverage_ratio": 0.949}, "coverage (the counters cover 94.9 % of the window, 95 % are needed)"),
        ({"coverage_ratio": math.nan}, "coverage"),
        ({"samples": 2}, "samples (the energy counter has 2, 3 are needed)"),
        ({"components": {}}, "energy (no sample of gramwatt_window_energy_joules_total)"),
    ],
)
def test_a_bad_measurement_is_refused_with_the_reason(
    changes: Any, reason: Any, scale: Any, window: Any, measurement: Any
) -> None:
    grade = grade_on(window(), measurement(**changes), *scale)
    assert grade.letter is None
    assert grade.text.startswith(f"not graded: missing {reason}")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"task": ""},
            "a task (the field Task, or gramwatt run --task TASK; "
            "known: image-classification, named-run, text-generation)",
        ),
        (
            {"task": "poetry"},
            "no reference for task poetry (known: image-classification, named-run, text-generation)",
        ),
        (
            {"phase": "inference"},
            "no reference for task image-classification, phase inference (known: training)",
        ),
        (
            {"values": {}},
            "value 'samples'; fill in the field Samples processed, or record it with --value samples=N "
            "(every epoch counted)",
        ),
        ({"values": {"samples": 0.0}}, "a usable value 'samples' (it is 0)"),
        ({"values": {"samples": math.nan}}, "a usable value 'samples' (it is nan)"),
        ({"dataset": "digits"}, "value 'accuracy'; the reference asks for at least 0.9"),
        (
            {"dataset": "digits", "values": {"samples": 100.0, "accuracy": 0.5}},
            "enough quality (accuracy is 0.5, the reference asks for at least 0.9)",
        ),
        (
            {"dataset": "digits", "values": {"samples": 100.0, "accuracy": math.nan}},
            "enough quality (accuracy is nan",
        ),
        (
            {"task": "text-generation", "phase": "inference", "values": {}},
            "value 'tokens'; fill in the field Output tokens, or record it with --value tokens=N",
        ),
    ],
)
def test_what_is_missing_is_said(
    changes: Any, reason: Any, scale: Any, window: Any, measurement: Any
) -> None:
    grade = grade_on(window(**changes), measurement(), *scale)
    assert grade.letter is None
    assert grade.reason.startswith(reason)


def test_hardware_without_a_reference_takes_the_strictest_of_others(
    scale: Any, window: Any, measurement: Any
) -> None:
    grade = grade_on(window(), measurement(100.0), scale[0], scale[1], "tpu")
    assert known(grade.reference).hardware == "gpu"  # 1 J per sample, not the cpu's 2
    assert known(grade.reference).of_other_hardware
    assert (grade.letter, grade.best, grade.worst) == ("C", "B", "E")  # three times as wide: 0.33 to 3
    assert any("no reference for tpu" in note for note in grade.notes)


def test_gpu_energy_makes_it_a_gpu_window(scale: Any, window: Any, measurement: Any) -> None:
    grade = grade_on(window(), measurement(100.0, components={"cpu": 20.0, "gpu": 80.0}), *scale)
    assert known(grade.reference).hardware == "gpu"
    assert grade.index == 1.0


def test_the_data_sets_own_reference_wins(scale: Any, window: Any, measurement: Any) -> None:
    values = {"samples": 100.0, "accuracy": 0.95}
    grade = grade_on(window(dataset="Digits", values=values), measurement(100.0), *scale)
    assert known(grade.reference).source == "small"
    assert grade.index == 2.0


def test_other_spellings_of_a_task(scale: Any, window: Any, measurement: Any) -> None:
    for task in ("Image Classification", "image_classification", " image-classification ", "Vision"):
        assert grade_on(window(task=task), measurement(), *scale).letter == "B"


def test_the_functional_unit_is_the_scales_and_not_what_was_recorded(
    scale: Any, window: Any, measurement: Any
) -> None:
    chat = {"task": "text-generation", "phase": "inference"}
    tokens = grade_on(window(**chat, values={"requests": 1.0, "tokens": 50.0}), measurement(), *scale)
    requests = grade_on(window(**chat, values={"requests": 1.0}), measurement(), *scale)
    run = grade_on(window(task="named-run", values={}), measurement(3_600_000.0), *scale)
    assert (tokens.unit, tokens.energy_per_unit_joules) == ("token", 2.0)
    assert requests.letter is None  # leaving the tokens out must not find another reference
    assert (run.unit, run.letter) == ("run", "C")


def test_samples_are_data_set_times_epochs_where_only_those_are_known(
    scale: Any, window: Any, measurement: Any
) -> None:
    grade = grade_on(window(values={"dataset_samples": 20.0, "epochs": 5.0}), measurement(), *scale)
    assert grade.units == 100.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_letter_for_what_is_no_number(value: Any, scale: Any) -> None:
    with pytest.raises(ValueError, match="has no letter"):
        letter_of(value, scale[0].bands)


@pytest.mark.parametrize(
    ("watt_hours_per_million", "letter"),
    [
        (99.9, "A"),
        (100, "B"),
        (299, "B"),
        (300, "C"),
        (1000, "D"),
        (2999, "D"),
        (3000, "E"),
        (10000, "F"),
        (1e6, "F"),
    ],
)
def test_comparia_gives_its_limits_to_the_worse_class(
    watt_hours_per_million: Any, letter: Any, built_in: Any, window: Any, measurement: Any
) -> None:
    loaded = built_in["comparia"]
    chat = window(task="text-generation", phase="inference", values={"tokens": 1_000_000.0})
    grade = grade_on(chat, measurement(watt_hours_per_million * 3600), loaded.scale, loaded.id)
    assert grade.letter == letter
    assert grade.letters == tuple("ABCDEF")


def test_comparia_says_what_it_does_not_grade(built_in: Any, window: Any, measurement: Any) -> None:
    loaded = built_in["comparia"]
    assert "phase inference" in grade_on(window(), measurement(), loaded.scale, loaded.id).reason
    other = window(phase="inference")
    assert "text-generation" in grade_on(other, measurement(), loaded.scale, loaded.id).reason
    chat = window(task="text-generation", phase="inference", values={})
    assert "'tokens'" in grade_on(chat, measurement(), loaded.scale, loaded.id).reason


# --- energy whose owner nobody knows


@pytest.mark.parametrize(
    ("known", "unknown", "letter", "reason"),
    [
        (48.0, 1.0, "B", ""),  # at most 49: still a B
        (48.0, 2.1, None, "would make it C and not B"),
        (48.0, 60.0, None, "up to 60 J more of the gpu may be its own"),
        (150.0, 5.0, "D", ""),
    ],
)
def test_a_letter_that_unknown_energy_could_change_is_refused(
    known: Any, unknown: Any, letter: Any, reason: Any, scale: Any, window: Any, measurement: Any
) -> None:
    measured = measurement(known, components={"gpu": known}, unknown={"gpu": unknown})
    grade = grade_on(window(), measured, *scale)
    assert grade.letter == letter
    assert reason in grade.reason


def test_the_class_is_cpu_only_where_no_gpu_can_have_been_used(
    scale: Any, window: Any, measurement: Any
) -> None:
    measured = measurement(100.0, components={"cpu": 100.0}, unknown={"gpu": 2.0})
    grade = grade_on(window(), measured, *scale)
    assert grade.letter is None
    assert "whether it used the GPU is not known" in grade.reason


@pytest.mark.slow
@given(energy=energies, unknown=energies)
def test_with_unknown_energy_no_letter_is_better_than_that_of_all_of_it(
    energy: Any, unknown: Any, scale: Any, window: Any, measurement: Any
) -> None:
    measured = measurement(energy, components={"gpu": energy}, unknown={"gpu": unknown})
    grade = grade_on(window(), measured, *scale)
    worst = grade_on(window(), measurement(energy + unknown), *scale)
    assert grade.letter in (None, worst.letter)
