"""The allowed values of a window's fields. Every refusal names the field and what to send instead."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from .errors import ApiError
from .model import PHASES, OpenRequest, Peer, Phase
from .window import Window

NAME_CHARACTERS = 128
TEXT_CHARACTERS = 256  # model, task, dataset: names of models on hubs are long
VALUES = 64
TAGS = 32
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/-]{0,63}")
_KEY_RULE = "1 to 64 of letters, digits and _ . : / -, beginning with a letter or _"


def check_request(request: OpenRequest) -> Phase:
    """Raises ApiError 400 for the first wrong field; returns the phase."""
    if not request.name:
        raise ApiError(400, "name", "is empty", f"give 1 to {NAME_CHARACTERS} characters")
    _check_text("name", request.name, NAME_CHARACTERS)
    if request.phase not in PHASES:
        raise ApiError(400, "phase", f"{request.phase[:64]!r} is not a phase", "use training or inference")
    if request.pid is not None and not 0 < request.pid < 2**31:
        raise ApiError(400, "pid", f"{request.pid} is not a process id", "give a positive integer")
    for field in ("model", "task", "dataset", "parent"):
        _check_text(field, getattr(request, field), TEXT_CHARACTERS)
    check_values({}, request.values)
    if len(request.tags) > TAGS:
        raise ApiError(400, "tags", f"{len(request.tags)} tags are too many", f"send at most {TAGS}")
    for key, text in request.tags.items():
        _check_key("tags", key)
        _check_text(f"tags.{key}", text, TEXT_CHARACTERS)
    return request.phase


def check_values(present: Mapping[str, float], new: Mapping[str, float]) -> None:
    """Raises ApiError 400 unless ``new`` may be merged into ``present``."""
    for key, value in new.items():
        _check_key("values", key)
        if not math.isfinite(value):
            raise ApiError(400, f"values.{key}", f"{value} is not a finite number", "send a finite number")
    count = len(present.keys() | new.keys())
    if count > VALUES:
        raise ApiError(400, "values", f"{count} values are too many", f"record at most {VALUES} keys")


def _check_key(field: str, key: str) -> None:
    if not _KEY.fullmatch(key):
        raise ApiError(400, field, f"{key[:64]!r} is not a usable key", f"use {_KEY_RULE}")


def _check_text(field: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise ApiError(400, field, f"{len(text)} characters are too many", f"give at most {longest}")
    if not text.isprintable():
        raise ApiError(400, field, "holds control characters", "send printable text")


def check_parent(parent_id: str, parent: Window | None, owner: Peer) -> None:
    """Raise ApiError unless ``parent``, the window with that id, is open and the owner's."""
    if parent is None or not parent.is_open:
        raise ApiError(
            404 if parent is None else 409,
            "parent",
            f"{parent_id[:64]!r} is not an open window",
            "give the id of an open window of yours, or leave it out",
        )
    if not owner.is_root and parent.uid != owner.uid:
        raise ApiError(
            403, "parent", f"window {parent_id} belongs to {parent.user}", "use a window of your own"
        )
