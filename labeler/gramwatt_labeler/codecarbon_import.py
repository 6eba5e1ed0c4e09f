"""Runs in CodeCarbon's files -> graded -> stored, a file at a time and whole or not at all.

Files of other tools are read and added as uploads are: see ``uploads/`` and ``cli/import_tools.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from .model import Graded, Hardware, Measurement
from .scale_files import LoadedScale, grade
from .sources.emissions_csv import Result
from .store import Store


class Outcome(StrEnum):
    """What an import did with a window."""

    NEW = "new"
    GROWN = "went on"  # the run had gone on since it was imported: replaced
    REPLACED = "replaced"  # because it was asked for
    SAME = "already there"
    KEPT = "already there and different"  # with other options or numbers; --replace takes the new ones
    RECORDED = "recorded by Gramwatt"  # measured by ourselves: an import never replaces it


@dataclass(frozen=True, slots=True)
class Imported:
    """One window of a file on one scale: as it is in the store now, and what was done."""

    graded: Graded
    outcome: Outcome


def import_results(
    results: Sequence[Result],
    store: Store,
    scales: Sequence[LoadedScale],
    now: float,
    hardware: str = "",
    replacing: bool = False,
) -> list[Imported]:
    """Grade and keep what the store does not have, in one transaction. ``now`` is in Unix seconds.

    ``replacing`` takes the new results where the store has others from an earlier import. Raises TryAgain when the
    database cannot be written; then nothing was kept.
    """
    done = []
    for result in results:
        stored = {one.grade.scale.name: one for one in store.get(result.window.id)}
        for scale in scales:
            outcome_of = grade(scale, result.window, result.measurement, hardware)
            graded = Graded(result.window, result.measurement, outcome_of, now)
            old = stored.get(scale.id.name)
            outcome = Outcome.NEW if old is None else _compare(old, graded, replacing)
            keeps_old = outcome in (Outcome.SAME, Outcome.KEPT, Outcome.RECORDED)
            done.append(Imported(old if keeps_old and old is not None else graded, outcome))
    store.add_all(
        [one.graded for one in done if one.outcome is Outcome.NEW],
        [one.graded for one in done if one.outcome in (Outcome.GROWN, Outcome.REPLACED)],
    )
    return done


def _compare(old: Graded, new: Graded, replacing: bool) -> Outcome:
    if old.measurement is None or old.measurement.imported is None:
        return Outcome.RECORDED
    if new.measurement is None or _facts(old) == _facts(new):
        return Outcome.SAME
    if replacing:
        return Outcome.REPLACED
    went_on = (
        new.window.end > old.window.end and new.measurement.energy_joules >= old.measurement.energy_joules
    )
    return Outcome.GROWN if went_on else Outcome.KEPT


def _facts(graded: Graded) -> tuple[object, ...]:
    """What makes two imports of a window the same; not the scale, and not which file and line it was in."""
    window, measurement = graded.window, graded.measurement
    # Hardware and boundary are read since version 0.2: what an earlier one imported is the same run.
    window = replace(window, values=dict(window.values), hardware=Hardware(), boundary="", software="")
    return window, _without_place(measurement)


def _without_place(measurement: Measurement | None) -> object:
    if measurement is None or measurement.imported is None:
        return measurement
    imported = replace(measurement.imported, file="", line=0, outcome="")
    return replace(measurement, components=dict(measurement.components), imported=imported, zone="")
