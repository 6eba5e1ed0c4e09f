"""Metrics, tools and extra fields as the pages use them: what is shipped, changed and added to by managers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from .forms.defined import Defined
from .forms.fields import PHASES
from .recommendations import Advice, MetricFacts, Source, metric_facts
from .render.text import clean
from .roi.tactics import Tactic
from .roi.tactics import tactics as shipped_tactics
from .store.catalogue import Catalogue
from .uploads.mapping import EXTRA, FIELDS, units_of
from .uploads.tools import Target, Tool, tool_named
from .uploads.tools import tools as shipped_tools

Phase = Literal["training", "inference"]
Line = Annotated[str, BeforeValidator(lambda text: clean(text) if isinstance(text, str) else text)]
_TEXT = 4000
_METRIC_NAME, _PLAIN_NAME = r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$", r"^[a-z0-9-]{1,64}$"
_ADDRESS = r"^(https?://[\x21-\x7e]+)?$"
PATTERNS = {
    _METRIC_NAME: "expected a letter, then at most 63 letters, digits, _, . or -",
    _PLAIN_NAME: "expected 1 to 64 small letters, digits or -",
    _ADDRESS: "expected an address that begins with http:// or https:// and has no blanks",
}
"""What a text is expected to be, in words, by the pattern that it has to match."""


class AdviceIn(BaseModel):
    """What helps with a metric, from this letter on, and who says so."""

    model_config = ConfigDict(extra="forbid", strict=True)
    letter: Literal["A", "B", "C", "D", "E"] = "C"
    text: Line = Field(min_length=1, max_length=2000)
    source: Line = Field(min_length=1, max_length=1000)
    url: str = Field(default="", max_length=1000, pattern=_ADDRESS)


class MetricIn(BaseModel):
    """A metric: its unit, whether less or more is better, what it means, how it is got and what helps.

    Without ``recommendations`` a shipped metric keeps its own.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = Field(pattern=_METRIC_NAME)
    title: Line = Field(min_length=1, max_length=256)
    phases: list[Phase] = Field(default=list(PHASES), min_length=1, max_length=2)
    unit: Line = Field(default="", max_length=32)
    direction: Literal["lower", "higher"] = "lower"
    description: str = Field(default="", max_length=_TEXT)
    how_to: str = Field(default="", max_length=_TEXT)
    recommendations: list[AdviceIn] = Field(default_factory=list, max_length=50)
    enabled: bool = True


class ColumnIn(BaseModel):
    """A column of a tool's files: the field it fills, and its unit."""

    model_config = ConfigDict(extra="forbid", strict=True)
    column_name: Line = Field(min_length=1, max_length=256)
    field: str = Field(min_length=1, max_length=64)
    unit: Line = Field(default="", max_length=32)


class ToolIn(BaseModel):
    """A tool whose files are recognised by all of these columns."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = Field(pattern=_PLAIN_NAME)
    description: Line = Field(min_length=1, max_length=256)
    enabled: bool = True
    reduce: Literal["last", "first", "sum", "mean"] = "last"
    columns: list[ColumnIn] = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _each_once(self) -> ToolIn:
        names = [one.column_name for one in self.columns]
        twice = next((name for name in names if names.count(name) > 1), "")
        if twice:
            raise ValueError(f"the column {twice!r} is there twice")
        return self


class FieldIn(BaseModel):
    """An extra field of words. Without choices any text is allowed; without a phase it is in both forms."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: Line = Field(min_length=1, max_length=64)
    phase: Literal["", "training", "inference"] = ""
    choices: list[Line] | None = Field(default=None, max_length=100)
    description: str = Field(default="", max_length=_TEXT)


class TacticIn(BaseModel):
    """A tactic: what it saves as a share of ``metric``, and who published that. No figure is no ``expected``."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = Field(pattern=_PLAIN_NAME)
    title: Line = Field(min_length=1, max_length=256)
    stage: Line = Field(min_length=1, max_length=64)
    phase: Phase = "inference"
    description: Line = Field(min_length=1, max_length=2000)
    metric: Literal["energy", "run time", "memory", "CO2"] = "energy"
    low: float | None = Field(default=None, gt=0, lt=1, allow_inf_nan=False)
    expected: float | None = Field(default=None, gt=0, lt=1, allow_inf_nan=False)
    high: float | None = Field(default=None, gt=0, lt=1, allow_inf_nan=False)
    derived: Line = Field(default="", max_length=1000)
    source: Line = Field(min_length=1, max_length=1000)
    url: str = Field(default="", max_length=1000, pattern=_ADDRESS)
    enabled: bool = True

    @model_validator(mode="after")
    def _in_order(self) -> TacticIn:
        known = [one for one in (self.low, self.expected, self.high) if one is not None]
        if known != sorted(known):
            raise ValueError("low, expected and high must rise")
        if (self.low is None) != (self.high is None) or (self.low is not None and self.expected is None):
            raise ValueError("low and high belong together, with expected between them")
        return self


class Definitions:
    """Over the catalogue of the database, read anew each time."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def metrics(self) -> Mapping[str, MetricFacts]:
        """Every metric the pages explain, by name; one that is switched off is left out."""
        found = dict(metric_facts())
        for row in self.catalogue.metrics():
            shipped = found.pop(row["name"], None)
            if row["enabled"]:
                found[row["name"]] = _facts(row, shipped)
        return found

    def tools(self) -> Sequence[Tool]:
        """Those of managers first; the last one is the table without a tool."""
        own = [_tool(row) for row in self.catalogue.tools() if row["enabled"]]
        names = {tool.name for tool in own}
        return (*own, *(tool for tool in shipped_tools() if tool.name not in names))

    def fields(self) -> list[Defined]:
        """Further metrics and extra fields of the forms."""
        shipped = metric_facts()
        numbers = [
            Defined(
                f"metric-{row['name']}", row["name"], row["title"], True, tuple(row["phases"]), row["unit"],
                help=" ".join(filter(None, (row["description"], row["how_to"]))),
            )
            for row in self.catalogue.metrics() if row["enabled"] and row["name"] not in shipped
        ]  # fmt: skip
        words = [
            Defined(
                f"field-{row['id']}", row["name"], row["name"], False, (row["phase"],) if row["phase"] else PHASES,
                choices=tuple(row["choices"] or ()), help=row["description"],
            )
            for row in self.catalogue.fields()
        ]  # fmt: skip
        return numbers + words

    def tactics(self) -> Sequence[Tactic]:
        """Those of managers first; one that is switched off is left out."""
        own = self.catalogue.tactics()
        names = {row["name"] for row in own}
        kept = [_tactic(row) for row in own if row["enabled"]]
        return (*kept, *(one for one in shipped_tactics() if one.id not in names))

    def unfitting(self, tool: ToolIn) -> tuple[int, str, list[str]] | None:
        """The first column whose field or unit there is not: its number, what is wrong, and what is allowed."""
        fields = [*FIELDS, EXTRA, *(one.key for one in self.fields())]
        for number, column in enumerate(tool.columns):
            if column.field not in fields:
                return number, f"{column.field!r} is no field", fields
            units = units_of(column.field)
            if column.unit and column.unit not in units:
                return number, f"{column.unit!r} is no unit of {column.field}", units
        return None


def tool_row(tool: ToolIn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A tool and its columns as the catalogue keeps them."""
    columns = [one.model_dump() | {"reduce": tool.reduce} for one in tool.columns]
    return {"name": tool.name, "description": tool.description, "enabled": tool.enabled}, columns


def _tactic(row: Mapping[str, Any]) -> Tactic:
    return Tactic(
        id=row["name"], title=row["title"], stage=row["stage"], phase=row["phase"], description=row["description"],
        metric=row["metric"], source=Source(text=row["source"], url=row["url"]), low=row["low"],
        expected=row["expected"], high=row["high"], derived=row["derived"],
    )  # fmt: skip


def _facts(row: Mapping[str, Any], shipped: MetricFacts | None) -> MetricFacts:
    # A metric of the labeler's own keeps its unit: its values are kept in it.
    return MetricFacts(
        title=row["title"],
        phases=list(row["phases"]),
        kind=shipped.kind if shipped else f"unit:{row['unit']}",
        direction=row["direction"],
        meaning=row["description"] or (shipped.meaning if shipped else ""),
        how_to=row["how_to"] or (shipped.how_to if shipped else ""),
        advice=[
            Advice(start=one["letter"], text=one["text"], source=Source(text=one["source"], url=one["url"]))
            for one in row["recommendations"] or ()
        ]
        or (list(shipped.advice) if shipped else []),
    )


def _tool(row: Mapping[str, Any]) -> Tool:
    columns = {one["column_name"]: Target(one["field"], one["unit"]) for one in row["columns"]}
    reduce: Any = row["columns"][0]["reduce"] if row["columns"] else "last"
    shipped = tool_named(row["name"])
    if shipped is not None:  # what its files are recognised by, and what holds for all of them, stays
        return msgspec.structs.replace(shipped, title=row["description"], columns=columns, reduce=reduce)
    return Tool(
        name=row["name"],
        title=row["description"],
        recognise=list(columns),
        columns=columns,
        group=[name for name, target in columns.items() if target.field == "run"],
        reduce=reduce,
        source=row["description"],
    )
