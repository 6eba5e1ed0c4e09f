"""Stored evaluations on another version of a scale: how many letters would change, and the change itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..errors import NotFound
from ..evaluate.runs import grade_run
from ..model import Grade, Graded, Window
from ..scale_files import LoadedScale
from ..store import Evaluation, Filters, Given, Measure, Store
from ..store.nouns import Origin

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


def preview(
    store: Store,
    loaded: LoadedScale,
    hardware: str = "",
    most: int = PREVIEWED,
    of_measured: Collection[str] = (),
) -> Changes:
    """What the newest ``most`` evaluations would get instead of their grade on a scale of this name.

    One that has none counts where it would get a letter. ``of_measured`` are the scales that measured runs are
    graded on: ``grading.scales``.
    """
    found = Changes()
    for evaluation, old in graded_on(store, loaded.id.name, most):
        new = (
            grade_run(loaded, evaluation, hardware) if old or _fits(loaded, evaluation, of_measured) else None
        )
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
    of_measured: Collection[str] = (),
) -> Iterator[Regraded]:
    """Put the new grades in place of the old ones. A grade on the older version stays in the database.

    ``since`` leaves out what ended earlier, ``dry`` writes nothing. With ``grades_new`` an evaluation without a grade
    on a scale of this name gets one where it is a letter; one that was measured only on a scale of ``of_measured``, as
    when it was new. A window that was refused before it was measured keeps its reason.
    """
    for evaluation, old in graded_on(store, loaded.id.name, None):
        if evaluation.window.end < since or _is_done(loaded, evaluation, old, grades_new, of_measured):
            continue
        new = grade_run(loaded, evaluation, hardware)
        if old is None and new.letter is None:
            continue
        if not dry:
            try:
                store.regrade(evaluation.id, [Given(new)], now)
            except NotFound:  # it was taken back meanwhile
                continue
        yield Regraded(evaluation.window, old.grade if old else None, new)


def _is_done(
    loaded: LoadedScale,
    evaluation: Evaluation,
    old: Graded | None,
    grades_new: bool,
    of_measured: Collection[str],
) -> bool:
    """Whether this version of the scale has nothing new to say of an evaluation."""
    if old is None:
        return not grades_new or not _fits(loaded, evaluation, of_measured)
    is_refused = evaluation.origin is Origin.WINDOW and evaluation.measurement is None
    return is_refused or old.grade.scale.sha256 == loaded.id.sha256


def _fits(loaded: LoadedScale, evaluation: Evaluation, of_measured: Collection[str]) -> bool:
    """Whether a scale that is new to an evaluation is one for it, as when it was new."""
    if evaluation.origin.is_measured and loaded.id.name not in of_measured:
        return False
    phase = getattr(loaded.scale, "phase", None)
    is_retired = getattr(loaded.scale, "retired", False)
    return not is_retired and phase in (None, evaluation.window.phase) and not evaluation.window.failure


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
