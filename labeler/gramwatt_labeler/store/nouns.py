"""What the store keeps beside windows and grades. Frozen; joules, grams, Unix seconds; ``None`` is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from ..model import Grade, Graded, Measurement, Window
from ..units import grams_per_kilowatt_hour

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Origin(StrEnum):
    """Where an evaluation comes from."""

    WINDOW = "window"  # recorded by the exporter
    CODECARBON = "codecarbon"  # a file of CodeCarbon's
    FORM = "form"  # typed by a person
    FILE = "file"  # a file of another tool, or a person's own
    PROBE = "probe"  # a deployed model that was called
    HUB = "hub"  # a model card
    RANGE = "range"  # a stretch of the exporter's series

    @property
    def is_measured(self) -> bool:
        """Whether Gramwatt measured it; of all others somebody states the numbers."""
        return self in (Origin.WINDOW, Origin.PROBE, Origin.RANGE)

    @property
    def is_correctable(self) -> bool:
        """Whether a person may state other numbers: not of what was measured, nor of a card, which is curated."""
        return self in (Origin.CODECARBON, Origin.FORM, Origin.FILE)


class Layer(StrEnum):
    """Whose word a measure is; of several for one metric the first here that has it counts."""

    CURATED = "curated"
    FORM = "form"
    DERIVED = "derived"
    MINED = "mined"


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric of an evaluation in the metric's unit, and how it was written where it came from."""

    value: float | None
    raw_text: str = ""
    raw_unit: str = ""
    note: str = ""
    layer: Layer = Layer.MINED


@dataclass(frozen=True, slots=True)
class MetricGrade:
    """The letter of one metric on one scale."""

    metric: str
    value: float | None
    index: float | None
    letter: str | None


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is known of a model. ``author/name`` and ``revision`` are its identity."""

    author: str
    name: str
    revision: str = ""
    hub_id: str = ""
    domain: str = ""
    library: str = ""
    licence: str = ""
    parameters: float | None = None
    file_bytes: float | None = None
    flops_per_unit: float | None = None
    downloads: int | None = None
    likes: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A stored model."""

    id: int
    facts: ModelFacts
    created_at: float
    updated_at: float
    evaluations: int = 0  # how many there are of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One training or batch of inference: what ran, what it used, and where those numbers are from.

    ``window`` says what ran for every origin; its ``values`` are what it did (samples, tokens, accuracy).
    ``measures`` are metrics by name that are neither energy nor such values, such as downloads.
    """

    window: Window
    measurement: Measurement | None
    origin: Origin
    detail: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)  # of the origin, JSON
    file_sha256: str = ""
    measures: Mapping[str, Measure] = field(default_factory=lambda: _NOTHING)
    extra: Mapping[str, str] = field(default_factory=lambda: _NOTHING)  # extra fields by name
    boundary: str = ""  # gpu, process, machine; "" is not known
    zone: str = ""
    intensity_grams_per_kwh: float | None = None
    emissions_grams: float | None = None  # where there is no measurement
    created_at: float = 0.0
    created_by: str = ""
    replaced_by: str = ""  # its correction, of one that was taken back
    import_id: str = ""  # shared by those that came in together

    @property
    def id(self) -> str:
        return self.window.id

    @property
    def grams(self) -> float | None:
        """The emissions, measured or stated."""
        measured = self.measurement.emissions_grams if self.measurement else None
        return self.emissions_grams if measured is None else measured

    @property
    def grid_zone(self) -> str:
        """The zone or country of the grid its CO2 is of; "" where it is not known."""
        return self.zone or (self.measurement.zone if self.measurement else "")

    @property
    def grams_per_kwh(self) -> float | None:
        """The carbon intensity its CO2 was computed with; None where CO2 or energy is not known."""
        if self.intensity_grams_per_kwh is not None:
            return self.intensity_grams_per_kwh
        return grams_per_kilowatt_hour(
            self.grams, self.measurement.energy_joules if self.measurement else None
        )


@dataclass(frozen=True, slots=True)
class Stored:
    """An evaluation with its grades by scale name, and its metrics' letters."""

    evaluation: Evaluation
    grades: Mapping[str, Graded]
    metric_grades: Mapping[str, Sequence[MetricGrade]] = field(default_factory=lambda: _NOTHING)
    model_id: int | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """A grade to be kept with an evaluation. ``metrics`` are the grade's own where they are not given."""

    grade: Grade
    metrics: Sequence[MetricGrade] = ()

    @property
    def letters(self) -> Sequence[MetricGrade]:
        """One for each metric."""
        own = self.grade.metrics.items()
        return self.metrics or [MetricGrade(name, one.value, one.index, one.letter) for name, one in own]


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of the list: the evaluation, and its grade on the list's scale where it has one."""

    evaluation: Evaluation
    graded: Graded | None
    model_id: int | None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. ``next`` is the cursor of the next one, "" on the last.

    ``total`` counts the rows of all pages; where there ``are_more`` it is as far as they were counted.
    """

    rows: Sequence[Listed]
    next: str
    total: int | None
    are_more: bool = False


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; "" and None do not narrow. Texts are equal, ``q`` is part of any of them."""

    task: str = ""
    phase: str = ""
    model: str = ""  # author/name
    model_id: int | None = None
    dataset: str = ""
    host: str = ""
    user: str = ""
    parent: str | None = None  # "" is those inside no other
    own: bool = False  # not of cards of the hub, which state the runs of others
    outermost: bool = False  # inside none that model, user and task fit as well, whenever that ended
    origin: str = ""
    import_id: str = ""
    letter: str = ""  # on the list's scale; "none" is not graded
    since: float | None = None  # ended at or after
    until: float | None = None  # ended before
    q: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether it is the whole list, or all of it that is inside no other."""
        return self in (Filters(), Filters(parent=""))


@dataclass(frozen=True, slots=True)
class Card:
    """A model on the hub, as its client library says it: plain values, so that nothing else needs that library."""

    hub_id: str
    sha: str = ""
    last_modified: float | None = None
    created: float | None = None
    card: Mapping[str, Any] = field(default_factory=dict)
    tags: Sequence[str] = ()
    task: str = ""
    library: str = ""
    downloads: int | None = None
    likes: int | None = None
    file_bytes: float | None = None
    parameters: float | None = None
    dataset_bytes: float | None = None
