"""Energy per functional unit: against a reference (eei), or cut into published bands (absolute).

The numbers go in as :class:`Facts`; no other result matters.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from ..errors import FactsError
from ..model import MetricGrade, Reference
from ..reasons import said
from .bands import letter_of, span
from .exact import exact, nearest
from .gate import below_floor
from .quantities import in_own_unit
from .references import Chosen, choose, lack_of_data, slug
from .scale import AbsoluteScale, EeiReference, EeiScale, Unit
from .units import COUNTS, units_of
from .verdict import Basis, Facts, Verdict

ENERGY_UNITS: dict[str, str] = {
    "energy": "J", "gpu_energy": "J", "emissions": "g", "uncertainty_ratio": "", "floor_energy": "J",
} | dict.fromkeys(COUNTS, "")  # fmt: skip
"""What an energy scale knows, with the metric's own unit. Every other name is a value such as accuracy."""
SPELLINGS: dict[str, tuple[str, str]] = {
    f"{name}_{word}": (name, unit)
    for name in ("energy", "gpu_energy")
    for word, unit in (("joules", "J"), ("j", "J"), ("wh", "Wh"), ("kwh", "kWh"))
} | {
    "emissions_grams": ("emissions", "g"),
    "emissions_kg": ("emissions", "kg"),
    "co2_eq_emissions": ("emissions", "g"),
}
"""Names that say their unit: energy_kwh is energy in kWh."""

GPU_SHARE = Fraction(3, 4)
"""Against a GPU's energy alone only work is compared whose energy is mostly the GPU's: otherwise moving a part of it to
the CPU would give a better letter for more energy."""
IMPLAUSIBLE = 10
"""Below the least published figure divided by this, the count or the task is wrong, not the work efficient."""
WIDER = 3
"""How many times a reference may be off that was derived, or is of other hardware."""
_SIGMAS = (
    2 * 0.8416212335729143
)  # standard deviations between the 20 % and the 80 % quantile of a normal distribution
_RANGE = {2: 1.128, 3: 1.693, 4: 2.059, 5: 2.326, 6: 2.534, 7: 2.704, 8: 2.847, 9: 2.970, 10: 3.078}
"""The expected range of n normal values in standard deviations (d2 of control charts)."""
_MEDIAN_ERROR = 1.2533141373155003  # sqrt(pi / 2): the standard error of a median, in those of the mean


@dataclass(frozen=True, slots=True)
class _Refused(Exception):
    """What is missing; ends the grading of these facts."""

    reason: str


def known_metrics(scale: EeiScale | AbsoluteScale) -> dict[str, str]:
    """The metrics that can matter, with their own units."""
    keys = [one.quality.key for one in scale.references if one.quality] if isinstance(scale, EeiScale) else []
    direct = {f"energy_per_{unit}": "J" for unit in ("sample", "token", "request", "run")}
    measure = {_measure(scale): ""} if isinstance(scale, AbsoluteScale) else {}
    return ENERGY_UNITS | direct | measure | dict.fromkeys(keys, "")


def grade_eei(scale: EeiScale, facts: Facts) -> Verdict:
    """Energy per unit divided by the reference for this work. Raises FactsError for a unit of the wrong kind."""
    letters = tuple(band.letter for band in scale.bands)
    values = own_values(facts.metrics)
    try:
        chosen, lack = choose(facts, values, scale)
        if chosen is None:
            raise _Refused(lack)
        reference = chosen.reference
        _check_quality(values, reference)
        per_unit, units = _per_unit(values, reference.unit, _energy_key(facts, values, reference))
        _check_quotient(per_unit, reference.joules)
        index = per_unit / exact(reference.joules)
        _check_plausible(per_unit, chosen)
        _check_named(index, chosen, scale, facts)
    except _Refused as refused:
        return Verdict(None, letters, reasons=(refused.reason,), missing=_missing(facts))
    letter = letter_of(index, scale.bands)
    return Verdict(
        letter,
        letters,
        metrics={f"energy_per_{reference.unit}": MetricGrade(nearest(per_unit), nearest(index), letter)},
        span=_span(index, values, scale, chosen),
        missing=_missing(facts),
        notes=_notes(chosen, facts, values),
        basis=Basis(reference.unit, units, nearest(per_unit), nearest(index), _said(chosen)),
    )


def grade_absolute(scale: AbsoluteScale, facts: Facts) -> Verdict:
    """Energy per unit on a published scale of limits."""
    letters = tuple(band.letter for band in scale.bands)
    values = own_values(facts.metrics)
    try:
        _check_work(scale, facts)
        per_unit, units = _of_absolute(scale, values)
        _check_quotient(per_unit, scale.joules)
    except _Refused as refused:
        return Verdict(None, letters, reasons=(refused.reason,), missing=_missing(facts))
    value = per_unit / exact(scale.joules)
    letter = letter_of(value, scale.bands, scale.limit)
    best, worst = span(value, values.get("uncertainty_ratio"), scale.bands, scale.limit)
    return Verdict(
        letter,
        letters,
        metrics={f"energy_per_{scale.unit}": MetricGrade(nearest(per_unit), nearest(value), letter)},
        span=None if best is None or worst is None else (best, worst),
        missing=_missing(facts),
        notes=(said("measure", value=f"{nearest(value):.4g}", measure=scale.measure),),
        basis=Basis(scale.unit, units, nearest(per_unit)),
    )


def _of_absolute(scale: AbsoluteScale, values: Mapping[str, float | None]) -> tuple[Fraction, float]:
    """J per unit and the number of units; of several figures for it the largest."""
    direct = values.get(_measure(scale))
    if direct is None:
        return _per_unit(values, scale.unit, "energy")
    figure, units = _largest(values, scale.unit, "energy", _measure(scale), scale.joules)
    other = values.get(f"energy_per_{scale.unit}")
    return (figure if other is None else max(figure, _usable(other, f"energy_per_{scale.unit}"))), units


def own_values(metrics: Mapping[str, tuple[float | None, str]]) -> dict[str, float | None]:
    """Values in their metrics' own units, by the names used here. NaN and infinities are not known."""
    found: dict[str, float | None] = {}
    for name, (value, unit) in metrics.items():
        own, given = SPELLINGS.get(name, (name, unit))
        at = f"$.metrics.{name}"
        if given and unit not in ("", given):
            raise FactsError(
                at, f"unit {unit!r} is not the one that the name says; leave it out or give {given!r}"
            )
        default = "J" if own.startswith("energy_per_") else ""
        number = in_own_unit(value, unit or given, ENERGY_UNITS.get(own, default), at)
        found[own] = number if own not in found else _more(found[own], number)
    return found


def _more(one: float | None, other: float | None) -> float | None:
    """Of two figures for one thing the larger: neither their order nor a smaller one beside the other helps."""
    known = [value for value in (one, other) if value is not None]
    return max(known, key=lambda value: (math.isnan(value), value)) if known else None


def _missing(facts: Facts) -> tuple[str, ...]:
    return tuple(
        name for name, (value, _) in facts.metrics.items() if value is None or not math.isfinite(value)
    )


def _measure(scale: AbsoluteScale) -> str:
    """The metric that is already in the bands' unit, such as wh_per_million_output_tokens."""
    return slug(scale.measure).replace("-", "_")


def _check_work(scale: AbsoluteScale, facts: Facts) -> None:
    if not facts.phase:
        raise _Refused(said("phase"))
    if facts.phase != scale.phase:
        raise _Refused(said("other_phase", phase=scale.phase, scale=scale.name, given=facts.phase))
    if scale.tasks and slug(facts.task) not in scale.tasks:
        raise _Refused(
            said("other_task", scale=scale.name, tasks=", ".join(scale.tasks), given=repr(facts.task))
        )


def _energy_key(facts: Facts, values: Mapping[str, float | None], reference: EeiReference) -> str:
    """Which energy a reference is compared with. Raises _Refused where a GPU's part would say too little."""
    if reference.boundary != "gpu":
        return "energy"
    if facts.boundary == "gpu":
        return "gpu_energy" if values.get("gpu_energy") is not None else "energy"
    whole, part = values.get("energy"), values.get("gpu_energy")
    _usable(whole, "energy")
    if part is None or not part > 0:
        raise _Refused(said("no_gpu", task=reference.task))
    if exact(_usable(part, "gpu_energy")) < GPU_SHARE * exact(whole or 0.0):
        share = nearest(100 * exact(part) / exact(whole or 1.0))
        needed = f"{nearest(100 * GPU_SHARE):g}"
        raise _Refused(said("little_gpu", task=reference.task, share=f"{share:.3g}", needed=needed))
    return "gpu_energy"


def _per_unit(values: Mapping[str, float | None], unit: Unit, key: str) -> tuple[Fraction, float]:
    """J per unit and the number of units."""
    return _largest(values, unit, key, f"energy_per_{unit}", 1.0)


def _largest(
    values: Mapping[str, float | None], unit: Unit, key: str, direct: str, joules: float
) -> tuple[Fraction, float]:
    """J per unit, and the number of units, of energy and count or of a figure ``direct`` in units of ``joules``.

    Where both are given the larger counts, so that a smaller one beside the other changes nothing.
    """
    stated = values.get(direct)
    figure = None if stated is None else _usable(stated, direct) * exact(joules)
    if figure is not None and values.get(key) is None:
        return figure, 1.0
    energy = _usable(values.get(key), key)
    _check_floor(values, energy)
    units, lack = units_of(values, unit)
    if units is None:
        if figure is not None:
            return figure, 1.0
        raise _Refused(lack)
    per_unit = energy / exact(units)
    return (per_unit if figure is None else max(figure, per_unit)), units


def _check_floor(values: Mapping[str, float | None], energy: Fraction) -> None:
    """Refuse what the sensors cannot resolve: their floor is that of all energy."""
    floor, whole = values.get("floor_energy"), values.get("energy")
    joules = nearest(energy) if whole is None else whole
    if floor is not None and math.isfinite(floor) and joules < floor:
        raise _Refused(below_floor(joules, floor))


def _usable(value: float | None, name: str) -> Fraction:
    if value is None:
        raise _Refused(name.replace("_", " "))
    if not math.isfinite(value) or value <= 0:
        raise _Refused(said("unusable", name=name.replace("_", " "), value=f"{value:g}"))
    return exact(value)


def _check_quotient(per_unit: Fraction, reference: float) -> None:
    """Refuse an energy per unit, or a share of a reference (J per unit), that no number can be."""
    for value, key in ((per_unit, "unusable_per_unit"), (per_unit / exact(reference), "unusable_share")):
        number = nearest(value)
        if not sys.float_info.min <= number <= sys.float_info.max:
            raise _Refused(said(key, value=f"{number:g}"))


def _check_plausible(per_unit: Fraction, chosen: Chosen) -> None:
    if chosen.least is not None and per_unit * IMPLAUSIBLE < exact(chosen.least):
        value, least = f"{nearest(per_unit):.3g}", f"{chosen.least:.3g}"
        raise _Refused(said("implausible", value=value, unit=chosen.reference.unit, least=least))


def _check_named(index: Fraction, chosen: Chosen, scale: EeiScale, facts: Facts) -> None:
    """Refuse a letter as good as the reference's, or better, where the data set is not named: it may be an easier one.

    What uses more than the most lenient reference uses more than any.
    """
    middle = letter_of(Fraction(1), scale.bands)
    letters = [band.letter for band in scale.bands]
    if chosen.is_unnamed and letters.index(letter_of(index, scale.bands)) <= letters.index(middle):
        raise _Refused(lack_of_data(facts, scale))


def _check_quality(values: Mapping[str, float | None], reference: EeiReference) -> None:
    gate = reference.quality
    if gate is None:
        return
    value = values.get(gate.key)
    if value is None:
        raise _Refused(said("quality", key=repr(gate.key), floor=f"{gate.floor:g}"))
    if not value >= gate.floor:
        raise _Refused(said("low_quality", key=gate.key, value=f"{value:g}", floor=f"{gate.floor:g}"))


def _span(
    index: Fraction, values: Mapping[str, float | None], scale: EeiScale, chosen: Chosen
) -> tuple[str, str] | None:
    """Letters within one sigma of measurement and reference together; None where neither is known."""
    factor = WIDER if chosen.reference.derived or chosen.is_other else 1
    measured, reference = values.get("uncertainty_ratio"), reference_error(chosen.reference)
    known = [one for one in (measured, reference) if one is not None and math.isfinite(one) and one >= 0]
    if not known and factor == 1:
        return None
    best, worst = span(index, math.hypot(*known), scale.bands, factor=factor)
    if best is None or worst is None:
        return None
    return (best, scale.bands[-1].letter) if chosen.is_unnamed else (best, worst)


def reference_error(reference: EeiReference) -> float | None:
    """One sigma of a reference as a share of it: the standard error of a median of ``n`` values.

    The spread is that of the logarithms, as energies of models spread by factors.
    """
    if reference.n is None:
        return None
    if reference.low is not None and reference.high is not None:
        sigma = math.log(reference.high / reference.low) / _SIGMAS
    elif reference.least is not None and reference.most is not None and reference.n in _RANGE:
        sigma = math.log(reference.most / reference.least) / _RANGE[reference.n]
    else:
        return None
    return _MEDIAN_ERROR * sigma / math.sqrt(reference.n)


def _said(chosen: Chosen) -> Reference:
    one = chosen.reference
    return Reference(
        one.joules, one.hardware, one.source, one.date.isoformat(), one.boundary, one.n, one.statistic, one.derived,
        chosen.is_other,
    )  # fmt: skip


def _notes(chosen: Chosen, facts: Facts, values: Mapping[str, float | None]) -> tuple[str, ...]:
    notes = []
    if chosen.reference.derived:
        notes.append(said("derived"))
    if chosen.is_other:
        known = said("other_hardware", hardware=facts.hardware)
        notes.append(known if facts.hardware else said("unknown_hardware"))
    if chosen.is_unnamed:
        data = chosen.reference.datasets[0] if chosen.reference.datasets else "any"
        notes.append(said("unnamed_data", data=data))
    if values.get("uncertainty_ratio") is None:
        notes.append(said("no_uncertainty"))
    return tuple(notes)
