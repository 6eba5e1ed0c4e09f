"""The tools whose files are known, and recognising one by its header."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import yaml
from msgspec import Meta, Struct

from ..type_descriptions import described

_FILE = Path(__file__).parent / "tools.yml"
Text = Annotated[str, Meta(min_length=1)]


class Target(Struct, frozen=True, forbid_unknown_fields=True):
    """A field of the form, and the unit the column is in ("" is the field's base unit)."""

    field: Text
    unit: str = ""


class Tool(Struct, frozen=True, forbid_unknown_fields=True):
    """How one tool's files are read."""

    name: Annotated[str, Meta(pattern="^[a-z0-9-]+$")]
    title: Text
    recognise: list[str]
    columns: dict[str, Target]
    group: list[str] = []
    reduce: Literal["last", "first", "sum", "mean"] = "last"
    fixed: dict[str, str] = {}
    source: str = ""
    version: str = ""  # the column that holds the tool's version


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    tools: list[Tool]


@cache
def tools() -> tuple[Tool, ...]:
    """All tools; the last one is the table without a tool."""
    return tuple(msgspec.convert(yaml.safe_load(_FILE.read_text()), described(_File)).tools)


def tool_named(name: str, known: Sequence[Tool] = ()) -> Tool | None:
    """The tool with this name."""
    return next((tool for tool in known or tools() if tool.name == name), None)


def recognise(columns: Sequence[str], known: Sequence[Tool] = ()) -> Tool:
    """The tool all of whose characteristic columns are there; the one with the most of them. Else the plain table."""
    there = set(columns)
    fitting = [tool for tool in known or tools() if tool.recognise and there.issuperset(tool.recognise)]
    return max(fitting, key=lambda tool: len(tool.recognise), default=(known or tools())[-1])
