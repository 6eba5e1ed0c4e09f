"""Stored evaluations on another version of a scale: how many letters would change, and the change itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..evaluate.results import MISSED, grade_entry
from ..forms.entry import Entry
from ..forms.fields import numbers
from ..grading.scale import AbsoluteScale, EeiScale, RatedScale, letters_of
from ..model import Grade, Graded, Window
from ..scale_files import LoadedScale, grade
from ..store import Evaluation, Filters, Given, Measure, Store
from ..store.nouns import Layer, Origin

PREVIEWED = 2000
_PAGE = 500
_EXAMPLES = 10
_NO_LETTER = "none"


@dataclass(slots=True)
class Changes:
    """``transitions`` counts (from, to) of letters; "none" is not graded. ``examples`` are (id, name, from, to)."""

    examined: int = 0
    changed: int = 0
    transitions: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: list[tuple[str, str, str, str]] = field(default_factory=list)


def preview(store: Store, loaded: LoadedScale, hardware: str = "", most: int = PREVIEWED) -> Changes:
    """What the newest ``most`` evaluations would get instead of their grade on a scale of this name.

    One that has none counts where it would get a letter.
    """
    found = Changes()
    for evaluation, old in graded_on(store, loaded.id.name, most):
        new = grade_again(loaded, evaluation, hardware) if old or _fits(loaded, evaluation) else None
        if new is None or (old is None and new.letter is None):
            continue
        found.examined += 1
        before = (old.grade.letter if old else None) or _NO_LETTER
        after = new.letter or _NO_LETTER
        found.transitions[before, after] += 1
        if before != after:
            found.changed += 1
            if len(found.examples) < _EXAMPLES:
                found.examples.append((evaluation.id, evaluation.window.name, before, after))
    return found


@dataclass(frozen=True, slots=True)
class Regraded:
    """One evaluation on one scale: as it was, if it had a grade there, and as it is now."""

    window: Window
    before: Grade | None
    after: Grade

    @property
    def text(self) -> str:
        """Such as ``w1 'train': gramwatt 1 C -> gramwatt 2 D``."""
        both = [one for one in (self.before, self.after) if one is not None]
        shown = [f"{one.scale.name} {one.scale.version} {one.text}" for one in both]
        return f"{self.window.id} {self.window.name!r}: {' -> '.join(shown)}"


def regrade(
    store: Store,
    loaded: LoadedScale,
    now: float,
    hardware: str = "",
    since: float = 0.0,
    grades_new: bool = False,
    dry: bool = False,
) -> Iterator[Regraded]:
    """Put the new grades in place of the old ones. A grade on the older version stays in the database.

    ``since`` leaves out what ended earlier, ``dry`` writes nothing. With ``grades_new`` an evaluation without a grade
    on a scale of this name gets one where it is a letter. A window that was refused before it was measured keeps its
    reason.
    """
    for evaluation, old in graded_on(store, loaded.id.name, None):
        if evaluation.window.end < since or _is_done(loaded, evaluation, old, grades_new):
            continue
        new = grade_again(loaded, evaluation, hardware)
        if old is None and new.letter is None:
            continue
        if not dry:
            store.regrade(evaluation.id, [Given(new)], now)
        yield Regraded(evaluation.window, old.grade if old else None, new)


def _is_done(loaded: LoadedScale, evaluation: Evaluation, old: Graded | None, grades_new: bool) -> bool:
    """Whether this version of the scale has nothing new to say of an evaluation."""
    if old is None:
        return not grades_new or not _fits(loaded, evaluation)
    is_refused = evaluation.origin is Origin.WINDOW and evaluation.measurement is None
    return is_refused or old.grade.scale.sha256 == loaded.id.sha256


def _fits(loaded: LoadedScale, evaluation: Evaluation) -> bool:
    """Whether a scale that is new to an evaluation is one for it: of its phase, as the form takes scales."""
    phase = getattr(loaded.scale, "phase", None)
    is_retired = getattr(loaded.scale, "retired", False)
    return not is_retired and phase in (None, evaluation.window.phase) and not evaluation.window.failure


def grade_again(loaded: LoadedScale, evaluation: Evaluation, hardware: str = "") -> Grade:
    """The grade of a stored evaluation. Never raises: what is missing is in the grade."""
    letters = letters_of(loaded.scale)
    measured = evaluation.measurement
    if isinstance(loaded.scale, EeiScale | AbsoluteScale):
        if measured is None:
            return Grade(loaded.id, None, "the energy of the run", letters)
        if not is_entry(evaluation):
            return grade(loaded, evaluation.window, measured, hardware)
    elif not isinstance(loaded.scale, RatedScale):
        return Grade(loaded.id, None, "a population to compare with", letters)
    is_file = measured is not None and measured.imported is not None
    return grade_entry(entry_of(evaluation), loaded, is_file)[1]


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


def graded_on(store: Store, scale: str, most: int | None) -> Iterator[tuple[Evaluation, Graded | None]]:
    """Evaluations with their current grade on a scale, or None; newest first."""
    cursor, left = "", most
    while left is None or left > 0:
        size = _PAGE if left is None else min(_PAGE, left)
        page = store.page(Filters(), scale, cursor=cursor, limit=size, counted=False)
        measures = store.measures([one.evaluation.id for one in page.rows])
        for one in page.rows:
            yield _with(one.evaluation, measures), one.graded
        cursor = page.next
        if not cursor:
            return
        left = None if left is None else left - size


def _with(evaluation: Evaluation, measures: Mapping[str, Mapping[str, Measure]]) -> Evaluation:
    return replace(evaluation, measures=measures.get(evaluation.id, {}))
