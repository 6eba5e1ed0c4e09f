"""The fields of the two forms: what each is called, which quantity it holds, and where its explanation stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .quantities import BYTES, COUNT, ENERGY, FLOPS, MASS, RATIO, TIME, Kind

Phase = Literal["training", "inference"]
PHASES: tuple[Phase, ...] = ("training", "inference")
LONGEST_TEXT = 256
LONGEST_NOTE = 2000


@dataclass(frozen=True, slots=True)
class Field:
    """A field with a number. ``metric`` is its name among the metrics, whose how-to text stands beside it."""

    name: str
    label: str
    kind: Kind
    hint: str = ""  # an example of what to write
    unit: str = ""  # chosen at first; "" is the base unit
    phases: tuple[Phase, ...] = PHASES
    positive: bool = False  # zero says nothing about this quantity
    whole: bool = False

    @property
    def first_unit(self) -> str:
        return self.unit or self.kind.base


@dataclass(frozen=True, slots=True)
class TextField:
    """A field with words. ``choices`` are offered; with ``strict`` nothing else is allowed."""

    name: str
    label: str
    hint: str = ""
    required: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    strict: bool = False
    phases: tuple[Phase, ...] = PHASES
    help: str = ""


BOUNDARIES = (("process", "this run alone"), ("machine", "the whole machine"), ("gpu", "the GPU alone"))
TEXTS: tuple[TextField, ...] = (
    TextField(
        "model", "Model", "organisation/name", required=True,
        help="As on its model card, with the organisation in front: microsoft/resnet-50.",
    ),
    TextField(
        "task", "Task", "image-classification",
        help="What the model does. Only models of one task are compared with each other.",
    ),
    TextField("dataset", "Data set", "imagenet-1k", help="What it was trained on, or asked about."),
    TextField(
        "hardware", "Hardware", "NVIDIA H100, 8 x A100, AMD EPYC 7763",
        help="What it ran on, as the device calls itself: only like is compared with like.",
    ),
    TextField(
        "boundary", "What the energy covers", strict=True,
        choices=BOUNDARIES,
        help="CodeCarbon's machine mode and a wall meter cover the whole machine; NVML covers the GPU alone.",
    ),
    TextField(
        "training_type", "Kind of training", phases=("training",),
        choices=(("", "not stated"), ("pretraining", "pre-training"), ("fine-tuning", "fine-tuning")),
        help="Whether the model began from nothing or from another model.",
    ),
    TextField("source", "Measured with", "CodeCarbon 3.3, a wall meter", help="The tool or meter."),
)  # fmt: skip

NUMBERS: tuple[Field, ...] = (
    Field("energy", "Energy", ENERGY, "1.35", "kWh", positive=True),
    Field("emissions", "CO2 equivalent", MASS, "420", "g"),
    Field("duration", "Run time", TIME, "2.5", "h", positive=True),
    Field("samples", "Samples processed", COUNT, "60000", positive=True, whole=True),
    Field("requests", "Requests answered", COUNT, "1000", phases=("inference",), positive=True, whole=True),
    Field("tokens", "Output tokens", COUNT, "250000", phases=("inference",), positive=True, whole=True),
    Field("accuracy", "Accuracy", RATIO, "0.91"),
    Field("f1", "F1 score", RATIO, "0.88"),
    Field("rouge", "ROUGE", RATIO, "0.41"),
    Field("size", "Size of the model file", BYTES, "438", "MB", positive=True),
    Field("dataset_size", "Size of the data set", BYTES, "150", "GB", phases=("training",), positive=True),
    Field("downloads", "Downloads", COUNT, "1200", phases=("training",), whole=True),
    Field("parameters", "Parameters", COUNT, "110", "M", positive=True),
    Field("flops", "FLOPs per request", FLOPS, "8.2", "GFLOP", phases=("inference",), positive=True),
)
SCORES = ("accuracy", "f1", "rouge")
"""Shares of 1 from which the performance score is made."""


def numbers(phase: str) -> list[Field]:
    """The number fields of a phase, in the order of the form."""
    return [field for field in NUMBERS if phase in field.phases]


def texts(phase: str) -> list[TextField]:
    """The text fields of a phase, in the order of the form."""
    return [field for field in TEXTS if phase in field.phases]
