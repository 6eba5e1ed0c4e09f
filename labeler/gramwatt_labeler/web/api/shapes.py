"""The shapes of requests and answers, for the OpenAPI document. Answers are written by ``answers``; tests hold both."""

from __future__ import annotations

from typing import Any, TypeVar

from fastapi.openapi.constants import REF_TEMPLATE
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...definitions import PATTERNS
from ...forms.fields import NUMBERS, PHASES, TEXTS
from ...probe.asked import MOST_CONCURRENCY, MOST_INPUTS, MOST_REQUESTS, MOST_SAMPLES, SERVED
from .errors import ApiError

_Name = Field(default="", max_length=256)
_Count = Field(default=None, ge=0, le=1e18, allow_inf_nan=False)
Kind = TypeVar("Kind", bound=BaseModel)


class Error(BaseModel):
    """What is wrong, where, and what is allowed there."""

    code: str
    message: str
    path: str
    allowed: list[str]
    existing: str | None = None


class Problem(BaseModel):
    error: Error


class ScaleRef(BaseModel):
    name: str
    version: str
    sha256: str


class MetricOut(BaseModel):
    value: float | None
    index: float | None
    letter: str | None


class GradeOut(BaseModel):
    scale: ScaleRef
    letter: str | None
    span: list[str] | None
    letters: list[str]
    reason: str
    text: str
    index: float | None
    unit: str
    per_unit_joules: float | None
    per_unit_grams: float | None
    metrics: dict[str, MetricOut]
    notes: list[str]
    graded_at: float


class MeasureOut(BaseModel):
    value: float | None
    text: str
    unit: str
    layer: str


class EvaluationBase(BaseModel):
    id: str
    origin: str
    detail: dict[str, Any]
    name: str
    phase: str
    model: str
    model_id: int | None
    task: str
    dataset: str
    user: str
    host: str
    parent: str
    start: float
    end: float
    values: dict[str, float]
    failure: str
    energy_joules: float | None
    components: dict[str, float]
    emissions_grams: float | None
    boundary: str
    zone: str
    intensity_grams_per_kwh: float | None
    uncertainty_ratio: float | None
    coverage_ratio: float | None
    samples: int | None
    measures: dict[str, MeasureOut]
    extra: dict[str, str]
    created_at: float
    created_by: str
    import_id: str | None = Field(description="shared by those that came in with one upload or import")
    label: str


class EvaluationRow(EvaluationBase):
    grade: GradeOut | None


class CorrectedOne(BaseModel):
    id: str
    created_at: float


class EvaluationOut(EvaluationBase):
    grade: GradeOut | None
    grades: dict[str, GradeOut]
    earlier: list[GradeOut]
    corrects: list[CorrectedOne] = Field(description="in whose place it stands, the newest first")


class EvaluationPage(BaseModel):
    evaluations: list[EvaluationRow]
    next: str | None
    total: int
    total_is_exact: bool


class AddedOne(BaseModel):
    id: str
    letter: str | None
    text: str
    grades: dict[str, str | None]
    label: str


class Added(BaseModel):
    evaluations: list[AddedOne]


class QuantityIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    value: float | str | None
    unit: str = ""


class EvaluationIn(BaseModel):
    """One run. ``values`` are numbers in base units (J, g, B, s, shares of 1), texts with a unit, or both apart."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "phase": "training", "model": "acme/net", "task": "image-classification",
                "values": {"energy": {"value": 1.35, "unit": "kWh"}, "emissions": 420, "accuracy": 0.91},
            }
        },
    )  # fmt: skip
    phase: str = Field(json_schema_extra={"enum": list(PHASES)})
    model: str = Field(min_length=1, max_length=256)
    task: str = _Name
    dataset: str = _Name
    hardware: str = Field(default="", json_schema_extra={"enum": ["", "gpu", "cpu"]})
    boundary: str = Field(default="process", json_schema_extra={"enum": ["process", "machine", "gpu"]})
    training_type: str = _Name
    source: str = _Name
    note: str = Field(default="", max_length=2000)
    values: dict[str, float | str | QuantityIn | None] = Field(
        default_factory=dict, description="Known: " + ", ".join(one.name for one in NUMBERS)
    )
    extra: dict[str, float] = Field(default_factory=dict, description="Further metrics by name")
    fields: dict[str, str] = Field(default_factory=dict, description="Extra fields that a manager defined")


class FactsIn(BaseModel):
    """Facts for a scale, as ``gramwatt-labeler grade --scheme`` takes them; see docs/grading.md."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "scheme": "gaissa",
                "phase": "training",
                "metrics": {"co2_eq_emissions": 10.0, "downloads": 900},
            }
        }
    )
    scheme: str
    phase: str = Field(default="", json_schema_extra={"enum": ["", *PHASES]})
    metrics: dict[str, float | QuantityIn | None] = Field(default_factory=dict)
    weights: dict[str, float] | None = None


class ModelIn(BaseModel):
    """What is not given stays as it is."""

    model_config = ConfigDict(extra="forbid", strict=True)
    author: str = _Name
    name: str = Field(min_length=1, max_length=256)
    revision: str = _Name
    hub_id: str = _Name
    domain: str = _Name
    library: str = _Name
    licence: str = _Name
    parameters: float | None = _Count
    file_bytes: float | None = _Count
    flops_per_unit: float | None = _Count
    downloads: int | None = Field(default=None, ge=0, le=2**62)
    likes: int | None = Field(default=None, ge=0, le=2**62)
    note: str = Field(default="", max_length=2000)


class ModelOut(BaseModel):
    id: int
    author: str
    name: str
    revision: str
    hub_id: str
    domain: str
    library: str
    licence: str
    parameters: float | None
    file_bytes: float | None
    flops_per_unit: float | None
    downloads: int | None
    likes: int | None
    note: str
    created_at: float
    updated_at: float
    evaluations: int


class ModelPage(BaseModel):
    models: list[ModelOut]
    next: int | None


class FileFactsOut(BaseModel):
    format: str
    file_bytes: int
    parameters: int | None
    flops_per_unit: int | None = Field(description="of one pass forward of one sample; a multiply-add is two")
    library: str | None
    notes: list[str]


class ModelFileOut(BaseModel):
    model: ModelOut
    file: FileFactsOut


class ScaleIn(BaseModel):
    """The text of a scale file, see docs/grading.md."""

    model_config = ConfigDict(extra="forbid", strict=True)
    content: str = Field(min_length=1, max_length=256 * 1024)


class JobOut(BaseModel):
    id: int
    kind: str
    state: str
    progress: dict[str, Any]
    result: Any
    error: str
    tries: int
    created_by: str
    created_at: float


class ProbeIn(BaseModel):
    """A deployed model to be asked. ``served`` and ``which`` say what its energy is read from."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "url": "http://127.0.0.1:8000/v1/completions", "model": "acme/net", "requests": 200,
                "inputs": [{"model": "net", "prompt": "Once upon", "max_tokens": 32}],
                "served": "workload", "which": "vllm.service", "task": "text-generation",
            }
        },
    )  # fmt: skip
    url: str = Field(min_length=1, max_length=2000)
    model: str = Field(min_length=1, max_length=256)
    inputs: list[Any] = Field(default_factory=list, max_length=MOST_INPUTS)
    method: str = Field(default="POST", json_schema_extra={"enum": ["POST", "GET"]})
    content_type: str = Field(default="application/json", max_length=256)
    requests: int = Field(default=100, ge=1, le=MOST_REQUESTS)
    concurrency: int = Field(default=1, ge=1, le=MOST_CONCURRENCY)
    warm_up: int = Field(default=3, ge=0, le=1000)
    samples: int = Field(default=1, ge=1, le=MOST_SAMPLES)
    served: str = Field(default="", json_schema_extra={"enum": list(SERVED)})
    which: str = _Name
    task: str = _Name
    dataset: str = _Name
    user: str = _Name


class _RoiNumbers(BaseModel):
    """What an analysis that is computed and one that is kept have in common."""

    calls_per_day: float | str
    price: float | str
    new: float | str | None = None
    saving: float | str | None = None
    calls: float | str | None = None
    cost: float | str | None = None
    cost_energy: float | str | None = None
    intensity: float | str | None = None


class RoiIn(_RoiNumbers):
    """Numbers in base units (J, shares of 1), or texts with a unit. Give ``new`` or ``saving``."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"old": "120 J", "saving": "40 %", "calls_per_day": 20000, "price": 0.25, "cost": 500}
        },
    )
    old: float | str


class AnalysisIn(_RoiNumbers):
    """What is kept under a title; an evaluation named by ``baseline`` or ``after`` fills ``old`` or ``new``."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "title": "int8", "baseline": "01KARESNET", "saving": "40 %", "calls_per_day": 20000, "price": 0.25,
            }
        },
    )  # fmt: skip
    title: str = Field(min_length=1, max_length=256)
    old: float | str | None = None
    baseline: str = Field(default="", max_length=128)
    after: str = Field(default="", max_length=128)


class AnalysisOut(BaseModel):
    id: int
    title: str
    baseline: str | None
    after: str | None
    input: dict[str, str]
    result: dict[str, float | None] | None
    created_by: str
    created_at: float


class AnalysisPage(BaseModel):
    analyses: list[AnalysisOut]
    next: int | None


class IntensityOut(BaseModel):
    zone: str
    year: int
    grams_per_kwh: float
    source: str


class IntensityPage(BaseModel):
    intensities: list[IntensityOut]


class SyncIn(BaseModel):
    """``whole`` looks at every model and marks those that are gone; ``texts`` looks for kilograms in cards' texts."""

    model_config = ConfigDict(extra="forbid", strict=True)
    whole: bool = False
    texts: bool = False


class ColoursIn(BaseModel):
    """From the best letter to the worst, as #639b30; ``null`` is those that come with the program."""

    model_config = ConfigDict(
        extra="forbid", strict=True,
        json_schema_extra={"example": {"colours": ["#1b7837", "#7fbf7b", "#f1c40f", "#e67e22", "#762a83"]}},
    )  # fmt: skip
    colours: list[str] | None = Field(min_length=5, max_length=5)


class CurationIn(BaseModel):
    """A value of a model, as the form writes it: ``83 kg``, ``0.91``; "" hides the card's, ``null`` takes it back."""

    model_config = ConfigDict(extra="forbid", strict=True)
    hub_id: str = Field(min_length=1, max_length=256)
    field: str = Field(min_length=1, max_length=64)
    value: str | None = Field(max_length=256)
    note: str = Field(default="", max_length=1000)


class Changes(BaseModel):
    """How stored letters would change: from, to, and how many."""

    examined: int
    changed: int
    transitions: list[dict[str, Any]]
    examples: list[dict[str, Any]]


assert {one.name for one in TEXTS} <= set(
    EvaluationIn.model_fields
)  # the form and the API have the same fields


def read(kind: type[Kind], body: Any) -> Kind:
    """The body as this shape. Raises ApiError 422 with the path of the first mistake."""
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = "$" + "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in first["loc"])
        allowed = list(kind.model_fields) if first["type"] == "extra_forbidden" else []
        words = PATTERNS.get(str(first.get("ctx", {}).get("pattern")), str(first["msg"]))
        raise ApiError(422, "invalid", words, path[:256], allowed) from None


def ok(kind: Any, *wrong: int) -> dict[int | str, dict[str, Any]]:
    """Answers of a call that reads."""
    return {200: {"model": kind}} | problems(*wrong)


def created(kind: Any) -> dict[int | str, dict[str, Any]]:
    """Answers of a call that adds."""
    return {201: {"model": kind}} | problems(400, 401, 403, 409, 413, 415, 422, 429, 503)


def accepted(kind: Any) -> dict[int | str, dict[str, Any]]:
    """Answers of a call that starts a job."""
    return {202: {"model": kind}} | problems(401, 403, 404, 422, 429, 503)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Refusals, all of one shape."""
    return {status: {"model": Problem} for status in statuses}


def body(kind: type[BaseModel] | None, many: bool = False, required: bool = True) -> dict[str, Any]:
    """The body of a call for the document, where the call reads it itself."""
    schema: dict[str, Any] = {"type": "object"}
    if kind is not None:
        schema = kind.model_json_schema(ref_template=REF_TEMPLATE)
        schema = _inlined(schema, schema.pop("$defs", {}))
    if many:
        schema = {"anyOf": [schema, {"type": "array", "items": schema, "minItems": 1, "maxItems": 1000}]}
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}


def _inlined(tree: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(tree, dict):
        name = str(tree.get("$ref", "")).rpartition("/")[2]
        return _inlined(definitions[name], definitions) if name in definitions else {
            key: _inlined(value, definitions) for key, value in tree.items()
        }  # fmt: skip
    return [_inlined(one, definitions) for one in tree] if isinstance(tree, list) else tree
