"""Runs in CodeCarbon's files -> graded -> stored, a file at a time and whole or not at all.

Files of other tools are read and added as uploads are: see ``uploads/`` and ``cli/import_tools.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from .evaluate.runs import grade_run
from .model import Graded, Hardware, Measurement, Window
from .scale_files import LoadedScale
from .sources.emissions_csv import Result
from .store import Evaluation, Origin, Store


class Outcome(StrEnum):
    """What an import did with a window."""

    NEW = "new"
    GROWN = "went on"  # the run had gone on since it was imported: replaced
    REPLACED = "replaced"  # because it was asked for
    SAME = "already there"
    KEPT = "already there and different"  # with other options or numbers; --replace takes the new ones
    RECORDED = "recorded by Gramwatt"  # measured by ourselves: an import never replaces it
    TAKEN_BACK = "taken back"  # by a person; --again adds it


@dataclass(frozen=True, slots=True)
class Imported:
    """One window of a file on one scale: as it is in the store now, and what was done."""

    graded: Graded
    outcome: Outcome


def import_results(
    results: Sequence[Result],
    store: Store,
    scales: Callable[[str], Sequence[LoadedScale]],
    now: float,
    hardware: str = "",
    replacing: bool = False,
    import_id: str = "",
    again: bool = False,
) -> list[Imported]:
    """Grade and keep what the store does not have, in one transaction. ``now`` is in Unix seconds.

    ``scales`` are those of a phase, as forms and uploads are graded on.
    ``replacing`` takes the new results where the store has others from an earlier import. What was taken back
    is new only with ``again``. All that are new have the ``import_id``. Raises TryAgain when the
    database cannot be written; then nothing was kept.
    """
    done: list[Imported] = []
    new: list[Graded] = []
    replaced: list[Graded] = []
    gone = {} if again else store.taken_back([one.window.id for one in results])
    for result in results:
        run = Evaluation(window=result.window, measurement=result.measurement, origin=Origin.CODECARBON)
        stored = {one.grade.scale.name: one for one in store.get(result.window.id)}
        outcome = _outcome(next(iter(stored.values()), None), result, replacing)
        if outcome in (Outcome.KEPT, Outcome.RECORDED):  # a grade of other numbers is none of this run
            done += [Imported(one, outcome) for one in stored.values()]
            continue
        for scale in scales(result.window.phase):
            old = stored.get(scale.id.name)
            if old is not None and outcome is Outcome.SAME:
                done.append(Imported(old, outcome))
                continue
            graded = Graded(result.window, result.measurement, grade_run(scale, run, hardware), now)
            if result.window.id in gone:
                done.append(Imported(graded, Outcome.TAKEN_BACK))
                continue
            (replaced if outcome in (Outcome.GROWN, Outcome.REPLACED) else new).append(graded)
            done.append(Imported(graded, outcome))
    store.add_all(new, replaced, import_id)
    return done


def _outcome(old: Graded | None, new: Result, replacing: bool) -> Outcome:
    return Outcome.NEW if old is None else _compare(old, new, replacing)


def _compare(old: Graded, new: Result, replacing: bool) -> Outcome:
    if old.measurement is None or old.measurement.imported is None:
        return Outcome.RECORDED
    if _facts(old.window, old.measurement) == _facts(new.window, new.measurement):
        return Outcome.SAME
    if replacing:
        return Outcome.REPLACED
    went_on = (
        new.window.end > old.window.end and new.measurement.energy_joules >= old.measurement.energy_joules
    )
    return Outcome.GROWN if went_on else Outcome.KEPT


def _facts(window: Window, measurement: Measurement) -> tuple[object, ...]:
    """What makes two imports of a window the same; not the scale, and not which file and line it was in."""
    # The parent is another one where the run around it was corrected. Hardware and boundary are read since version
    # 0.2: what an earlier one imported is the same run.
    window = replace(
        window, values=dict(window.values), hardware=Hardware(), boundary="", software="", parent=""
    )
    return window, _without_place(measurement)


def _without_place(measurement: Measurement | None) -> object:
    if measurement is None or measurement.imported is None:
        return measurement
    imported = replace(measurement.imported, file="", line=0, outcome="")
    return replace(measurement, components=dict(measurement.components), imported=imported, zone="")
