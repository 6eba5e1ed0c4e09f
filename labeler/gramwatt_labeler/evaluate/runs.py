"""A run on one scale: what was recorded, imported, probed or kept gets the same grade by every door."""

from __future__ import annotations

from ..forms.entry import Entry
from ..forms.fields import numbers
from ..grading.gate import failed_run, refusal
from ..grading.scale import AbsoluteScale, EeiScale, RatedScale, letters_of
from ..model import Grade, Measurement, Window
from ..scale_files import LoadedScale, grade
from ..store import Evaluation
from ..store.nouns import Layer, Origin
from .results import MISSED, grade_entry


def grade_run(loaded: LoadedScale, evaluation: Evaluation, hardware: str = "") -> Grade:
    """The grade of a run as it is kept. Never raises: what is missing is in the grade."""
    letters = letters_of(loaded.scale)
    measured = evaluation.measurement
    if isinstance(loaded.scale, EeiScale | AbsoluteScale):
        if measured is None:
            return Grade(loaded.id, None, "the energy of the run", letters)
        if not is_entry(evaluation):
            return grade(loaded, evaluation.window, measured, hardware)
    elif not isinstance(loaded.scale, RatedScale):
        return Grade(loaded.id, None, "a population to compare with", letters)
    elif not is_entry(evaluation) and (reason := _unfit(evaluation)):
        return Grade(loaded.id, None, reason, letters)
    is_file = measured is not None and measured.imported is not None
    return grade_entry(entry_of(evaluation), loaded, is_file)[1]


def grade_measured(
    loaded: LoadedScale, window: Window, measurement: Measurement, hardware: str = ""
) -> Grade:
    """The grade of a window on any scale of ``grading.scales``."""
    run = Evaluation(window=window, measurement=measurement, origin=Origin.WINDOW, boundary=window.boundary)
    return grade_run(loaded, run, hardware)


def _unfit(evaluation: Evaluation) -> str:
    """Why a run with counters must not be graded on any scale, or ""."""
    measured = evaluation.measurement
    return failed_run(evaluation.window) or (refusal(measured) if measured else "")


def is_entry(evaluation: Evaluation) -> bool:
    """Whether it was typed or uploaded: nothing but numbers that a person or a file states, without counters."""
    measured = evaluation.measurement
    if measured is None or measured.samples is not None:
        return False
    return measured.imported is None or "file" in evaluation.detail


def entry_of(evaluation: Evaluation) -> Entry:
    """An evaluation as the form would say it."""
    window, measured = evaluation.window, evaluation.measurement
    own = {one.name for one in numbers(window.phase)}
    measures = {name: one.value for name, one in evaluation.measures.items() if one.value is not None}
    values = {name: value for name, value in measures.items() if name in own} | dict(window.values)
    if window.seconds > 0:
        values["duration"] = window.seconds
    if measured is not None:
        values["energy"] = measured.energy_joules
    if evaluation.grams is not None:
        values["emissions"] = evaluation.grams
    # The performance score is the stored one: a card's is of scores that no form asks for.
    extra = {
        name: value for name, value in measures.items()
        if name not in values
        and (name == "performance_score" or evaluation.measures[name].layer is not Layer.DERIVED)
    }  # fmt: skip
    return Entry(
        phase=window.phase, model=window.model, task=window.task, dataset=window.dataset,
        boundary=evaluation.boundary or window.boundary, values=values, extra=extra, hardware=window.hardware.text,
        failure=window.failure, floor_joules=measured.floor_joules if measured else None,
        components=dict(measured.components) if measured else {}, zone=measured.zone if measured else "",
        outcome=measured.imported.outcome if measured and measured.imported else "",
        missed_ratio=_missed(evaluation),
    )  # fmt: skip


def _missed(evaluation: Evaluation) -> float:
    """The share of its time in which its use is not known."""
    measured = evaluation.measurement
    if measured is None:
        stated = evaluation.detail.get(MISSED, "")
        return float(stated) if stated else 0.0
    return 0.0 if measured.coverage_ratio is None else 1 - measured.coverage_ratio
