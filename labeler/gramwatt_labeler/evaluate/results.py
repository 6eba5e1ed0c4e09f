"""An entry graded on every scale that fits it, as a label, a page and the store need it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import FactsError
from ..forms.entry import Entry
from ..grading.facts import Verdict, grade_facts
from ..grading.gate import MINIMUM_COVERAGE, failed, too_little_seen
from ..grading.hardware import class_of, group_of, split_count
from ..grading.recorded import OUTCOME_UNKNOWN, grade_of
from ..grading.scale import AbsoluteScale, EeiScale, RatedScale, letters_of
from ..model import Grade, Graded, Hardware, Imported, Measurement, Window
from ..reasons import said
from ..scale_files import LoadedScale, with_origin
from ..store.nouns import Evaluation, Given, Layer, Measure, MetricGrade, Origin
from .entry_facts import facts_of
from .on_label import LabelOrder, label_order, on_label, scale_order

MISSED = "missed_ratio"
"""The detail of an evaluation without an energy: the share of its time in which its use is not known."""
_KEPT_AS_VALUES = ("samples", "tokens", "requests", "accuracy", "f1", "rouge")
_MEASURES = ("size", "dataset_size", "downloads", "parameters", "flops")


@dataclass(frozen=True, slots=True)
class Result:
    """An entry with its grades, by scale name in the order they were asked for."""

    entry: Entry
    window: Window
    measurement: Measurement | None
    grades: Mapping[str, Grade]
    verdicts: Mapping[str, Verdict]
    at: float
    order: LabelOrder
    file: str = ""
    line: int = 0

    @property
    def shown(self) -> Graded:
        """The grade for the label, as :func:`~gramwatt_labeler.evaluate.on_label.on_label` finds it."""
        graded = on_label(self._graded, self.order)
        assert graded is not None  # an entry is graded on one scale at least
        return graded

    @property
    def said(self) -> str:
        """Where the numbers are from, for the label."""
        origin = {"file": self.file} if self.file else {}
        key = "from_file" if self.file else "from_form"
        if self.entry.source:
            return said(f"{key}_of", tool=self.entry.source, **origin)
        return said(key, **origin)

    def label(self, scale: str = "") -> Graded:
        """The grade for the label, with where its numbers are from beside it."""
        shown = self.on(scale)
        return replace(shown, grade=replace(shown.grade, notes=(*shown.grade.notes, self.said)))

    def on(self, scale: str) -> Graded:
        """The grade on a scale; the one for the label where there is none."""
        return self._graded.get(scale) or self.shown

    @property
    def _graded(self) -> dict[str, Graded]:
        return {
            name: Graded(self.window, self.measurement, grade, self.at) for name, grade in self.grades.items()
        }


def fitting(
    scales: Mapping[str, LoadedScale], main_scale: str, phase: str, named: Collection[str] = ()
) -> list[LoadedScale]:
    """The scales a stated run of this phase is graded on, as labels rank them.

    They are the main one, the others that ``grading.scales`` has (``named``), and all rated ones of its phase.
    """
    found = []
    for name in scale_order(scales, main_scale):
        scale = scales[name].scale
        is_rated = isinstance(scale, RatedScale) and scale.phase in (None, phase)
        if (is_rated or name == main_scale or name in named) and not scale.retired:
            found.append(scales[name])
    return found


def evaluate(
    entry: Entry, scales: Sequence[LoadedScale], now: float, origin: str = "", line: int = 0
) -> Result:
    """Grade an entry. ``origin`` is the file it is from, "" for the form. What is missing is in a grade."""
    measurement = _measurement(entry, origin, line)
    grades: dict[str, Grade] = {}
    verdicts: dict[str, Verdict] = {}
    for loaded in scales:
        verdict, grade = grade_entry(entry, loaded, bool(origin))
        verdicts[loaded.id.name] = verdict
        grades[loaded.id.name] = grade
    main = scales[0].id.name if scales else ""
    order = label_order({one.id.name: one for one in scales}, main)
    return Result(entry, _window(entry, now, origin), measurement, grades, verdicts, now, order, origin, line)


def grade_entry(entry: Entry, loaded: LoadedScale, is_file: bool) -> tuple[Verdict, Grade]:
    """Grade an entry on one scale; ``is_file``: it is from a file. What is missing is in the grade."""
    verdict = _verdict(entry, loaded)
    grade = grade_of(verdict, loaded.id, entry.values.get("emissions"))
    if grade.letter is not None and is_file and not entry.outcome:
        grade = replace(grade, notes=(*grade.notes, OUTCOME_UNKNOWN))
    return verdict, with_origin(grade, loaded)


def evaluation_of(result: Result, user: str, origin: Origin = Origin.FORM) -> tuple[Evaluation, list[Given]]:
    """What the store keeps of a result."""
    entry = result.entry
    measures = {
        name: Measure(entry.values[name], layer=Layer.FORM) for name in _MEASURES if name in entry.values
    }
    measures |= {name: Measure(value, layer=Layer.FORM) for name, value in entry.extra.items()}
    if entry.score is not None and "performance_score" not in measures:
        measures["performance_score"] = Measure(entry.score, layer=Layer.DERIVED)
    detail = {"tool": entry.source, "note": entry.note, "training_type": entry.training_type}
    if result.file:
        detail |= {"file": result.file, "line": str(result.line)}
    if entry.missed_ratio and result.measurement is None:  # a measurement has its coverage instead
        detail[MISSED] = repr(entry.missed_ratio)
    evaluation = Evaluation(
        window=result.window,
        measurement=result.measurement,
        origin=origin,
        detail={name: text for name, text in detail.items() if text},
        measures=measures,
        extra=entry.fields,
        boundary=entry.boundary,
        emissions_grams=entry.values.get("emissions"),
        created_at=result.at,
        created_by=user,
    )
    return evaluation, [
        Given(grade, _letters(result.verdicts[name])) for name, grade in result.grades.items()
    ]


def _letters(verdict: Verdict) -> list[MetricGrade]:
    return [MetricGrade(name, one.value, one.index, one.letter) for name, one in verdict.metrics.items()]


def _verdict(entry: Entry, loaded: LoadedScale) -> Verdict:
    letters = letters_of(loaded.scale)
    if reason := refused(entry):
        return Verdict(None, letters, reasons=(reason,))
    if isinstance(loaded.scale, EeiScale | AbsoluteScale) and "energy" not in entry.values:
        return Verdict(None, letters, reasons=(said("run_energy"),))
    try:
        return grade_facts(loaded.scale, facts_of(entry, loaded.scale))
    except FactsError as error:
        return Verdict(None, letters, reasons=(error.message,))


def refused(entry: Entry) -> str:
    """Why a run must not be graded on any scale, by what its file says of it, or ""."""
    if entry.failure:
        return failed(entry.failure)
    if 1 - entry.missed_ratio < MINIMUM_COVERAGE:
        return too_little_seen(1 - entry.missed_ratio)
    return ""


def _hardware(entry: Entry) -> Hardware:
    """What was typed, as a device of its class."""
    count, model = split_count(entry.hardware)
    if not model:
        return Hardware()
    is_cpu = class_of(group_of(entry.hardware)) == "cpu"
    return Hardware((), ((model, count),)) if is_cpu else Hardware(((model, count),), ())


def _window(entry: Entry, now: float, origin: str) -> Window:
    end = now if entry.ended is None else entry.ended
    seconds = entry.values.get("duration", 0.0)
    return Window(
        id=entry.run or (f"file-{entry.content_hash[:32]}" if origin else ""),
        name=entry.model,
        phase=entry.phase,
        start=end - seconds,
        end=end,
        model=entry.model,
        task=entry.task,
        dataset=entry.dataset,
        values={name: entry.values[name] for name in _KEPT_AS_VALUES if name in entry.values},
        boundary=entry.boundary,
        failure=entry.failure,
        hardware=_hardware(entry),
    )


def _measurement(entry: Entry, origin: str, line: int) -> Measurement | None:
    """None without an energy: CO2 alone is no measurement."""
    energy = entry.values.get("energy")
    if energy is None:
        return None
    imported = None
    if origin:
        imported = Imported(
            tool=entry.source,
            version=entry.source_version,
            mode=entry.boundary,
            run=entry.run,
            outcome=entry.outcome,
            country_code=entry.zone,
            file=origin,
            line=line,
        )
    return Measurement(
        energy_joules=energy,
        components={"gpu": energy} if entry.boundary == "gpu" else dict(entry.components),
        samples=None,
        coverage_ratio=1 - entry.missed_ratio if entry.missed_ratio else None,
        emissions_grams=entry.values.get("emissions"),
        sources=(entry.source,) if entry.source else (),
        imported=imported,
        floor_joules=entry.floor_joules,
        zone=entry.zone,
    )
