"""The published populations that come with the labeler, and the letters that a scale gives to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import gramwatt_labeler
import msgspec
import yaml
from gramwatt_labeler.errors import ScaleError
from gramwatt_labeler.grading.facts import Facts, grade_facts
from gramwatt_labeler.grading.scale import Boundary, Distribution, EeiScale, Unit
from msgspec import Meta, Struct

FOLDER = Path(gramwatt_labeler.__file__).parent / "scales" / "populations"


class Group(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Values of one task on one group of hardware, J per unit, rising."""

    task: str
    unit: Unit
    hardware: str
    best_of_models: Annotated[list[float], Meta(min_length=1)]
    configurations: Annotated[list[float], Meta(min_length=1)]


class Published(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A population with its source and licence."""

    name: str
    title: str
    source: str
    licence: str
    url: str
    boundary: Boundary
    groups: list[Group]


def load_populations() -> dict[str, Published]:
    """All that come with the package, by name. Raises ScaleError naming the file."""
    found = {}
    for file in sorted(FOLDER.glob("*.yml")):
        try:
            one = msgspec.convert(yaml.safe_load(file.read_bytes()), Published)
        except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
            raise ScaleError(f"{file}: {error}") from None
        found[one.name] = one
    return found


def letters_of(scale: EeiScale, population: Published, task: str, hardware: str = "") -> Distribution:
    """The letters a scale gives to every configuration of a task, on one group of hardware or on all."""
    groups = [one for one in population.groups if one.task == task and hardware in ("", one.hardware)]
    found = Counter(
        _letter(scale, population.boundary, group, value)
        for group in groups
        for value in group.configurations
    )
    letters = [band.letter for band in scale.bands]
    named = {letter: found[letter] for letter in letters if found[letter]}
    if found[None]:
        named["not graded"] = found[None]
    return Distribution(
        population=population.name, task=task, hardware=hardware, n=sum(found.values()), letters=named
    )


def largest_share(distribution: Distribution) -> float:
    """The share of the most frequent letter among what was graded."""
    letters = [count for letter, count in distribution.letters.items() if letter != "not graded"]
    return max(letters) / sum(letters)


def quantile(values: Sequence[float], share: float) -> float:
    """Linear interpolation between the two nearest of rising values."""
    place = share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def _letter(scale: EeiScale, boundary: Boundary, group: Group, joules: float) -> str | None:
    facts = Facts(
        phase="inference",
        task=group.task,
        dataset="imagenet",  # the only population with data sets of its own
        hardware=group.hardware,
        boundary=boundary,
        metrics={f"energy_per_{group.unit}": (joules, "J")},
    )
    return grade_facts(scale, facts).letter
