"""The catalogue of tactics: published figures with their sources, read once."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import yaml
from msgspec import Meta, Struct

from ..recommendations import Source
from ..type_descriptions import described

_FILE = Path(__file__).parent / "tactics.yml"
Share = Annotated[float, Meta(gt=0.0, lt=1.0)]
Text = Annotated[str, Meta(min_length=1)]


class Tactic(Struct, frozen=True, forbid_unknown_fields=True):
    """One tactic. Shares are of ``metric``; ``expected`` is None where no figure holds in general."""

    id: Annotated[str, Meta(pattern="^[a-z0-9-]+$")]
    title: Text
    stage: Text
    phase: Literal["training", "inference"]
    description: Text
    metric: Literal["energy", "run time", "memory", "CO2"]
    source: Source
    low: Share | None = None
    expected: Share | None = None
    high: Share | None = None
    derived: str = ""

    @property
    def saves_energy(self) -> bool:
        """Whether the figure may be put in as a saving of energy (run time at the same power is one)."""
        return self.expected is not None and self.metric in ("energy", "run time")


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    tactics: list[Tactic]


@cache
def tactics() -> tuple[Tactic, ...]:
    """All tactics, in the order of the file."""
    return tuple(msgspec.convert(yaml.safe_load(_FILE.read_text()), described(_File)).tactics)
