"""What a probe is to do, read from a request or a form, with every limit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, field

from ..errors import FactsError
from ..render.text import clean
from ..type_descriptions import described

MOST_REQUESTS = 10_000
MOST_CONCURRENCY = 32
MOST_SAMPLES = 100_000
MOST_INPUTS = 100
MOST_INPUT_BYTES = 64 * 1024
LONGEST = 256
Served = Literal["", "pid", "workload", "user", "machine"]
SERVED: Mapping[Served, str] = {
    "": "another machine: time alone",
    "pid": "a process of this id",
    "workload": "a workload, such as vllm.service",
    "user": "processes of this user",
    "machine": "the whole machine",
}
"""What serves the model, so that its energy is known; the words are for the form."""
_LABEL = {"pid": "pid", "workload": "workload", "user": "user", "machine": "instance"}
_METRIC = {
    "pid": "gramwatt_process_energy_joules_total",
    "workload": "gramwatt_workload_energy_joules_total",
    "user": "gramwatt_user_energy_joules_total",
    "machine": "gramwatt_device_energy_joules_total",
}


class Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One probe. ``served`` names a kind of series and ``which`` its label's value; "" of a machine is all of them."""

    url: str
    model: str
    inputs: list[str] = field(default_factory=list)
    method: Literal["POST", "GET"] = "POST"
    content_type: str = "application/json"
    requests: int = 100
    concurrency: int = 1
    warm_up: int = 3
    samples: int = 1  # in one request
    served: Served = ""
    which: str = ""
    task: str = ""
    dataset: str = ""
    user: str = ""

    @property
    def selector(self) -> str:
        """The counter of what serves it; "" where that is not known."""
        if not self.served:
            return ""
        quoted = self.which.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return _METRIC[self.served] + (f'{{{_LABEL[self.served]}="{quoted}"}}' if quoted else "")


def read_asked(tree: Mapping[str, Any]) -> Asked:
    """Raises FactsError with the path of the first field that is wrong."""
    found = shaped(tree)
    mistake = next(mistakes(found), None)
    if mistake is not None:
        raise mistake
    return found


def shaped(tree: Mapping[str, Any]) -> Asked:
    """Its fields, each of its kind, whatever their values. Raises FactsError with the path of a field."""
    tree = dict(tree)
    inputs = tree.get("inputs", [])
    if isinstance(inputs, Sequence) and not isinstance(inputs, str):
        tree["inputs"] = [
            one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in inputs
        ]
    for name in ("model", "task", "dataset", "user", "which"):
        if isinstance(tree.get(name), str):
            tree[name] = clean(tree[name])
    known = {one.name for one in msgspec.structs.fields(Asked)}
    odd = next((name for name in tree if name not in known), "")
    if odd:
        raise FactsError("$", f"{odd[:64]!r} is no field here", sorted(known))
    try:
        return msgspec.convert(tree, described(Asked))
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `")
        raise FactsError(path.rstrip("`") or "$", message) from None


def mistakes(one: Asked) -> Iterator[FactsError]:
    """Everything that is wrong with the values of a probe, each with the path of its field."""
    parts = _split(one.url)
    if parts is None or parts[0] not in ("http", "https") or not parts[1]:
        yield FactsError("$.url", "expected an address such as http://127.0.0.1:8000/predict")
    for name, low, high in (
        ("requests", 1, MOST_REQUESTS), ("concurrency", 1, MOST_CONCURRENCY), ("warm_up", 0, 1000),
        ("samples", 1, MOST_SAMPLES),
    ):  # fmt: skip
        if not low <= getattr(one, name) <= high:
            yield FactsError(f"$.{name}", f"expected a number from {low} to {high}")
    if not one.model:
        yield FactsError("$.model", "is needed: the label carries this name")
    for name in ("model", "task", "dataset", "user", "which", "content_type"):
        if len(getattr(one, name)) > LONGEST:
            yield FactsError(f"$.{name}", f"longer than {LONGEST} characters")
    if not (one.content_type.isascii() and one.content_type.isprintable() and "/" in one.content_type):
        yield FactsError("$.content_type", "expected a media type such as application/json")
    if len(one.inputs) > MOST_INPUTS:
        yield FactsError("$.inputs", f"more than {MOST_INPUTS} inputs")
    if sum(len(text.encode("utf-8", "replace")) for text in one.inputs) > MOST_INPUT_BYTES:
        yield FactsError("$.inputs", f"more than {MOST_INPUT_BYTES // 1024} kB together")
    if one.method == "POST" and not one.inputs:
        yield FactsError("$.inputs", "at least one example input is needed")
    if one.served in ("pid", "workload", "user") and not one.which:
        yield FactsError("$.which", f"say which {one.served} serves the model")
    elif one.served == "pid" and not (one.which.isascii() and one.which.isdigit() and len(one.which) < 10):
        yield FactsError("$.which", "expected a process id, such as 4711")


def _split(url: str) -> tuple[str, str] | None:
    if len(url) > 2000 or not url.isprintable() or not url.isascii() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    if parts.username is not None or parts.password is not None:
        return None
    return parts.scheme, parts.hostname or ""
