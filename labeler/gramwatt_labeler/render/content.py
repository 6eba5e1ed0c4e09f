"""What a label says, in a language: texts and numbers, nowhere placed yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .. import units
from ..model import Grade, Graded, Measurement
from .text import clean
from .words import Words

_MANY = (("G", 1e9), ("M", 1e6), ("k", 1e3))


@dataclass(frozen=True, slots=True)
class Tile:
    """A pictogram with a value; ``letter`` only where this very value was graded."""

    icon: str  # bolt, meter, cloud, leaf, clock, target, box
    value: str
    unit: str
    caption: str
    letter: str = ""


def name_of(graded: Graded) -> tuple[str, str]:
    """Organisation and model: ``org/name`` is split, as the Hugging Face hub writes it."""
    whole = clean(graded.window.model or graded.window.name or graded.window.id)
    organisation, slash, name = whole.partition("/")
    return (organisation, name) if slash and organisation and name and graded.window.model else ("", whole)


def what_of(graded: Graded, words: Words) -> list[str]:
    """Such as ``training``, ``image-classification``, ``imagenet``."""
    window = graded.window
    phase = words.phases.get(window.phase, window.phase)
    return [clean(part) for part in (phase, window.task, window.dataset) if part.strip()]


def ran_on(graded: Graded, words: Words) -> list[str]:
    """How it failed, where it did; hardware and software: ``8 x NVIDIA H100 80GB HBM3``, ``vLLM 0.9``."""
    window = graded.window
    return [
        part for part in map(clean, (words.said(window.failure), _hardware(graded), window.software)) if part
    ]


def circumstances(graded: Graded, words: Words) -> list[str]:
    """Such as ``nvml``, ``1.2 M tokens``, ``FR 56 g/kWh (annual)``."""
    measured, grade = graded.measurement, graded.grade
    found = []
    if measured and measured.sources:
        found.append(clean(", ".join(measured.sources)))
    if grade.units is not None and grade.unit and grade.unit != "run":
        found.append(words.number(f"{amount(grade.units)} {words.many[grade.unit]}"))
    if measured and measured.emissions_grams is not None and measured.energy_joules > 0:
        per_kwh = measured.emissions_grams / units.kilowatt_hours(measured.energy_joules)
        method = clean(measured.intensity_method)
        method = f" ({words.methods.get(method, method)})" if method else ""
        zone = clean(measured.zone) or "CO2"
        found.append(words.number(f"{zone} {units.number(per_kwh)} g/kWh") + method)
    return found


def amount(number: float) -> str:
    """A count as people say it: ``1.2 M``, ``640``."""
    for name, size in _MANY:
        if number >= size:
            return f"{units.number(number / size)} {name}"
    return units.number(number)


def date_of(graded: Graded) -> str:
    """The end of the work, to the minute; "" where it is not known."""
    if not graded.window.end:
        return ""
    when = units.moment(graded.window.end)
    return f"{when[:16]} UTC" if len(when) > 16 else when


def span_text(graded: Graded, words: Words) -> str:
    """What the uncertainty reaches, in a few words; that it is not known where nothing says it."""
    grade, measured = graded.grade, graded.measurement
    if grade.letter is None:
        return ""
    if grade.best is None or grade.worst is None:
        return words.unsure
    if grade.best != grade.worst:
        return f"{grade.best}-{grade.worst} {words.within}"
    return words.unsure if measured is None or measured.uncertainty_ratio is None else words.within


def reason_text(grade: Grade, words: Words) -> str:
    """Why there is no letter: what is missing, unless the reason is a sentence by itself."""
    reason = words.said(clean(grade.reason))
    return f"{words.missing} {reason}" if grade.is_lack else reason


def tiles_of(graded: Graded, words: Words, most: int = 6) -> list[Tile]:
    """What is not known has no tile, but missing CO2 is said. Graded metrics come first."""
    found = _graded_metrics(graded, words)
    measured = graded.measurement
    if measured is not None:
        found += _energy_tiles(graded, words)
        window = graded.window
        if window.seconds > 0:
            took, power = units.duration(window.seconds), measured.energy_joules / window.seconds
            found.append(
                Tile("clock", words.number(took), "", words.number(f"{words.mean} {units.number(power)} W"))
            )
        if "accuracy" in window.values:
            value = words.number(units.number(window.values["accuracy"]))
            found.append(Tile("target", value, "", words.accuracy))
    return found[:most]


def _graded_metrics(graded: Graded, words: Words) -> list[Tile]:
    """Metrics of scales that grade several; energy per unit has a tile of its own."""
    found = []
    for name, metric in graded.grade.metrics.items():
        if metric.value is None or name.startswith("energy_per_"):
            continue
        caption = clean(words.metric(name))
        if name == "co2_eq_emissions":
            value, unit = units.mass(metric.value).split(" ")
            found.append(Tile("leaf", words.number(value), unit, caption, metric.letter or ""))
        else:
            found.append(Tile("box", words.number(_short(metric.value)), "", caption, metric.letter or ""))
    return found


def _short(value: float) -> str:
    return amount(value) if value >= 1e6 else units.number(value)


def _energy_tiles(graded: Graded, words: Words) -> list[Tile]:
    grade, measured = graded.grade, graded.measurement
    assert measured is not None
    found = []
    if grade.energy_per_unit_joules is not None:
        value, unit = units.energy(grade.energy_per_unit_joules).split(" ")
        per = f"{unit} {words.per} {words.units[grade.unit]}"
        found.append(Tile("bolt", words.number(value), per, words.energy, grade.letter or ""))
    if measured.energy_joules > 0:
        value, unit = units.energy(measured.energy_joules).split(" ")
        found.append(Tile("meter", words.number(value), unit, words.energy_all))
    if measured.emissions_grams is None:
        return [*found, Tile("cloud", "–", words.not_known, _no_co2(measured, words))]
    if grade.emissions_per_unit_grams is not None and grade.unit != "run":
        value, unit = units.mass(grade.emissions_per_unit_grams).split(" ")
        per = f"{unit} {words.per} {words.units[grade.unit]}"
        found.append(Tile("leaf", words.number(value), per, words.co2))
    if "co2_eq_emissions" not in grade.metrics:
        value, unit = units.mass(measured.emissions_grams).split(" ")
        found.append(Tile("cloud", words.number(value), unit, words.co2_all))
    return found


def _no_co2(measured: Measurement, words: Words) -> str:
    """Why the CO2 of a run is not known: a zone is missing only where the energy was measured here."""
    if measured.imported is not None:
        return words.co2_no_file
    return words.co2_not_given if measured.coverage_ratio is None else words.co2_no_zone


def _hardware(graded: Graded) -> str:
    window, measured = graded.window, graded.measurement
    if not window.hardware.gpus and not window.hardware.cpus:
        reference = graded.grade.reference
        is_known = reference is not None and not reference.of_other_hardware and reference.hardware != "any"
        named = reference.hardware if reference is not None and is_known else ""
        return named.upper() if named in ("cpu", "gpu") else named
    used_gpu = bool(measured and measured.components.get("gpu"))
    parts = (
        window.hardware.gpus
        if used_gpu and window.hardware.gpus
        else window.hardware.cpus or window.hardware.gpus
    )
    return ", ".join(f"{count} x {model}" if count > 1 else model for model, count in parts)


def method_of(graded: Graded, words: Words) -> Sequence[tuple[str, list[str]]]:
    """How the letter came about, in paragraphs with headings: for the page that goes with a label."""
    grade, measured = graded.grade, graded.measurement
    what = [", ".join([*what_of(graded, words), *ran_on(graded, words), *circumstances(graded, words)])]
    if grade.reference is not None:
        what.append(words.boundary(grade.reference.boundary))
    scale = grade.scale
    against = [f"{words.scale} {scale.name} {scale.version}, {scale.date}, sha256 {scale.sha256}"]
    if grade.reference is not None and grade.index is not None and grade.energy_per_unit_joules is not None:
        per = f"{words.per} {words.units[grade.unit]}"
        against.append(
            words.number(
                f"EEI = {units.energy(grade.energy_per_unit_joules)} {per} / "
                f"{units.energy(grade.reference.joules_per_unit)} {per} = {units.number(grade.index)}"
            )
        )
        source = clean(grade.reference.source)
        number = f", n {grade.reference.n}" if grade.reference.n else ""
        heading = words.reference[:1].upper() + words.reference[1:]
        against.append(f"{heading}: {source} ({grade.reference.date}{number})")
    if grade.reference is not None:
        against.append(words.bands_text)
    sure = [span_text(graded, words), *(words.said(clean(note)) for note in grade.notes)]
    if measured:
        sure.append(uncertainty(graded, words))
    return [
        (words.what, [one for one in what if one]),
        (words.against, against),
        (words.sure, [one for one in sure if one]),
        (words.isnot, [words.isnot_text]),
    ]


def uncertainty(graded: Graded, words: Words) -> str:
    """Of the energy, and how much of the window the counters cover."""
    measured = graded.measurement
    if measured is None:
        return ""
    sure = measured.uncertainty_ratio
    text = words.not_known if sure is None else words.number(f"±{units.number(100 * sure)} % (1σ)")
    if measured.coverage_ratio is not None:
        text += "; " + words.number(words.covers.format(share=f"{100 * measured.coverage_ratio:.3g}"))
    return f"{words.uncertainty} {text}"
