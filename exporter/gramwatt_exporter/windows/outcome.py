"""How the run of a window ended: as its owner reported, else how the window itself ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct

from .errors import ApiError
from .model import EndedBy

OutcomeKind = Literal["exit_code", "signal", "exception", "stop", "exit", "limit", "ended"]
OutcomeFields = Mapping[str, int | str]
"""One of ``exit_code``, ``signal``, ``exception`` with its value, as JSON has it."""


class Outcome(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The outcome that the owner sends when it stops a window: one of the three fields."""

    exit_code: Annotated[int, Meta(ge=0, le=255)] | None = None
    signal: Annotated[str, Meta(pattern=r"^SIG[A-Z0-9+-]{1,16}$")] | None = None
    exception: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


def outcome_fields(outcome: Outcome | None) -> dict[str, int | str] | None:
    """The one field that is set. Raises ApiError 400 for none or several."""
    if outcome is None:
        return None
    said = {name: getattr(outcome, name) for name in outcome.__struct_fields__}
    found = {name: value for name, value in said.items() if value is not None}
    if len(found) != 1:
        raise ApiError(
            400, "outcome", f"says {len(found)} things", "give one of exit_code, signal and exception"
        )
    text = found.get("exception", "")
    if not text.isprintable():
        raise ApiError(400, "outcome.exception", "holds control characters", "send the name of the exception")
    return found


def outcome_labels(
    outcome: OutcomeFields | None, ended_by: EndedBy, is_automatic: bool
) -> tuple[OutcomeKind, str]:
    """Kind and detail for the metric.

    ``exit``: the process ended without stopping its window (killed, crashed, or no stop in the code). No program stops
    the automatic window of a workload: its outcome is ``ended``.
    """
    for kind in ("exit_code", "signal", "exception"):
        if outcome and kind in outcome:
            return kind, str(outcome[kind])
    if ended_by == "exit" and is_automatic:
        return "ended", ""
    return ended_by, ""
