"""A stated run as its form, and what of it stays when a person corrects the form."""

from __future__ import annotations

from dataclasses import replace

from ..forms.entry import Entry
from ..forms.fields import PHASES, numbers
from ..store import Evaluation
from ..store.nouns import Layer, Origin
from .runs import entry_of

_FROM_FILE = ("file", "line")


def stated(evaluation: Evaluation) -> Entry:
    """The run as its form says it. A score that is derived from others is not typed."""
    found = entry_of(evaluation)
    detail, measured = evaluation.detail, evaluation.measurement
    own = {one.name for one in numbers(found.phase if found.phase in PHASES else PHASES[0])}
    others = {name: value for name, value in found.values.items() if name not in own}
    derived = {name for name, one in evaluation.measures.items() if one.layer is Layer.DERIVED}
    values = {name: value for name, value in found.values.items() if name in own}
    if "duration" in values:
        values["duration"] = _shortest(evaluation.window.start, evaluation.window.end)
    imported = measured.imported if measured else None
    tool = " ".join(filter(None, (imported.tool, imported.version))) if imported else ""
    return replace(
        found,
        values=values,
        extra={name: value for name, value in (others | dict(found.extra)).items() if name not in derived},
        fields=dict(evaluation.extra),
        source=str(detail.get("tool", "")) or tool,
        training_type=str(detail.get("training_type", "")),
        note=str(detail.get("note", "")),
    )


def carried(entry: Entry, old: Evaluation) -> Entry:
    """What was typed, with what no field asks for: when the run ended, and what its file says beside the numbers."""
    before = stated(old)
    is_same = entry.values.get("energy") == before.values.get("energy")
    return replace(
        entry,
        ended=old.window.end,
        failure=before.failure,
        outcome=before.outcome,
        floor_joules=before.floor_joules,
        components=before.components if is_same else {},
        zone=before.zone,
        missed_ratio=before.missed_ratio,
    )


def is_unchanged(entry: Entry, old: Evaluation) -> bool:
    """Whether the form says what it said before."""
    return carried(entry, old) == carried(stated(old), old)


def correction(new: Evaluation, old: Evaluation) -> Evaluation:
    """The evaluation of a corrected form, with whose run it is and where it was run."""
    was, window = old.window, new.window
    imported = old.measurement.imported if old.measurement else None
    place = {"file": imported.file, "line": str(imported.line)} if imported and imported.file else {}
    place |= {name: old.detail[name] for name in _FROM_FILE if name in old.detail}
    window = replace(
        window,
        id="",
        name=window.name if was.name == was.model else was.name,
        user=was.user,
        instance=was.instance,
        parent=was.parent,
        software=was.software,
        hardware=was.hardware if window.hardware.text == was.hardware.text else window.hardware,
    )
    return replace(
        new,
        window=window,
        origin=Origin.FORM if old.origin is Origin.FORM else Origin.FILE,
        detail=place | dict(new.detail),
        zone=old.zone,
        import_id=old.import_id,
    )


def _shortest(start: float, end: float) -> float:
    """The seconds between two times as they were written: a time since 1970 has few digits behind the point."""
    seconds = end - start
    written = (float(f"{seconds:.{digits}g}") for digits in range(1, 17))
    return next((one for one in written if end - one == start), seconds)
