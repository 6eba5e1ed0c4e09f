"""From what a grid generates to grams: generation times an editable table of life-cycle factors. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Struct

from gramwatt_exporter import yaml_files
from gramwatt_exporter.errors import ConfigError
from gramwatt_exporter.model import Ways


class GenerationFactor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way of generating. g/kWh over the life cycle, with where the number is from."""

    grams_per_kilowatt_hour: Annotated[float, msgspec.Meta(ge=0.0, le=2000.0)]
    source: Annotated[str, msgspec.Meta(min_length=1)]
    renewable: bool = False
    fossil: bool = False


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    factors: dict[str, object]


class Generated(Struct, frozen=True):
    """What a mix of generation amounts to."""

    grams_per_kilowatt_hour: float
    renewable_ratio: float
    fossil_ratio: float
    ways: Ways = ()


def ways_of(amounts: Mapping[str, float | None]) -> Ways:
    """The share of each way of generating in ``amounts`` (any unit); what stores or takes electricity is left out."""
    running = {way: amount for way, amount in amounts.items() if amount is not None and amount > 0}
    total = sum(running.values())
    return tuple((way, amount / total) for way, amount in sorted(running.items()))


def load(file: str = "") -> Mapping[str, GenerationFactor]:
    """The factors of ``file``, or the built-in ones. Raises ConfigError naming the row."""
    if file:
        try:
            text = Path(file).read_bytes()
        except OSError as error:
            raise ConfigError("$.intensity.factors_file", f"cannot read {file}: {error}") from None
    else:
        text = (Path(__file__).parents[1] / "data" / "generation_factors.yml").read_bytes()
    where = file
    try:
        factors = {}
        for where, row in msgspec.convert(yaml_files.read(text), _Table).factors.items():
            factors[where] = msgspec.convert(row, GenerationFactor)
    except (yaml_files.YamlError, msgspec.ValidationError) as error:
        raise ConfigError("$.intensity.factors_file", f"{where}: {' '.join(str(error).split())}") from None
    return factors


def generated(power: Mapping[str, float], factors: Mapping[str, GenerationFactor]) -> Generated | None:
    """Mean life-cycle intensity of ``power`` (any unit, by way of generating; negative is storage, left out).

    None when nothing is generated or a way of generating has no factor: a share that is left out would make the
    rest look cleaner or dirtier than it is.
    """
    running = {kind: amount for kind, amount in power.items() if amount > 0}
    total = sum(running.values())
    if not total or any(kind not in factors for kind in running):
        return None
    grams = sum(amount * factors[kind].grams_per_kilowatt_hour for kind, amount in running.items())
    renewable = sum(amount for kind, amount in running.items() if factors[kind].renewable)
    fossil = sum(amount for kind, amount in running.items() if factors[kind].fossil)
    return Generated(grams / total, renewable / total, fossil / total, ways_of(running))
