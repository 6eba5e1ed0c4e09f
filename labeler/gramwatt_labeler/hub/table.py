"""The table of the ESEM 2023 study (HFCO2.csv) -> cards, so that its models are known without a network."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from ..errors import InputError
from ..render.text import clean
from ..store.nouns import Card

MOST_BYTES = 64 * 1024 * 1024
_NEEDED = ("modelId", "co2_eq_emissions")
_SCORES = ("accuracy", "f1", "rouge1", "rougeL")
_BESIDE = {"source": "source", "training_type": "training_type", "geographical_location": "geographical_location",
           "environment": "hardware_used"}  # fmt: skip


class Table:
    """A source of cards, as the hub is one."""

    def __init__(self, text: str, name: str) -> None:
        """Raises InputError naming the line; nothing of a wrong table is kept."""
        self._cards, self.repeated = cards_of(text, name)

    def cards(self) -> Iterable[Card]:
        return self._cards

    def file_bytes(self, hub_id: str) -> float | None:  # noqa: ARG002 - the table says all it knows in a card
        return None

    def dataset_bytes(self, name: str) -> float | None:  # noqa: ARG002
        return None

    def card_text(self, hub_id: str) -> str:  # noqa: ARG002
        return ""


def cards_of(text: str, name: str) -> tuple[list[Card], int]:
    """One for each model, and how many lines are of a model that stands above: its first line counts.

    "Not Specified" is not known.
    """
    reader = csv.DictReader(io.StringIO(text))
    found: dict[str, Card] = {}
    lines = 0
    try:
        missing = [column for column in _NEEDED if column not in (reader.fieldnames or ())]
        if missing:
            raise InputError(f"{name}: line 1: no column {missing[0]!r}")
        for line in reader:
            card = _card(line, f"{name}: line {reader.line_num}")
            found.setdefault(card.hub_id, card)
            lines += 1
    except csv.Error as error:
        raise InputError(f"{name}: line {reader.line_num}: {error}") from None
    return list(found.values()), lines - len(found)


def _card(line: Mapping[str | None, str | None], where: str) -> Card:
    def number(column: str) -> float | None:
        text = (line.get(column) or "").strip()
        if text.lower() in ("", "nan", "none"):
            return None
        try:
            value = float(text)
        except ValueError:
            raise InputError(f"{where}: column {column!r}: {text[:40]!r} is no number") from None
        return value if math.isfinite(value) else None

    def words(column: str) -> str:
        text = clean(line.get(column) or "")
        return "" if text == "Not Specified" else text[:256]

    model = clean(line.get("modelId") or "")[:256]
    if not model:
        raise InputError(f"{where}: column 'modelId' is empty")
    emissions = {name: words(column) for column, name in _BESIDE.items() if words(column)}
    grams = number("co2_eq_emissions")
    tree: dict[str, object] = dict(emissions)
    if grams is not None:
        tree["emissions"] = grams
    metrics = [
        {"type": name, "value": value} for name, value in _scores(line.get("performance_metrics") or "")
    ]
    likes, downloads = number("likes"), number("downloads")
    size, datasets = number("size"), number("datasets_size")
    whole = "\n".join(f"{name}={value}" for name, value in line.items())
    return Card(
        model,
        hashlib.sha256(whole.encode("utf-8", "replace")).hexdigest(),
        None,
        _day(line.get("created_at") or ""),
        {
            "co2_eq_emissions": tree, "datasets": _listed(line.get("datasets") or ""), "domain": words("domain"),
            "model-index": [{"results": [{"metrics": metrics}]}],
        },
        (),
        "",
        next(iter(_listed(line.get("library_name") or "")), "")[:256],
        None if downloads is None or downloads < 0 else int(downloads),
        None if likes is None or likes < 0 else int(likes),
        size if size and size > 0 else None,
        None,
        datasets if datasets and datasets > 0 else None,
    )  # fmt: skip


def _scores(text: str) -> list[tuple[str, float]]:
    """Of a text such as {'accuracy': 0.9, 'f1': nan}."""
    found = []
    for name in _SCORES:
        match = re.search(rf"'{name}':\s*(\d[\d.eE+-]*)", text[:2000])
        if match:
            try:
                found.append((name, float(match[1])))
            except ValueError:
                continue
    return found


def _listed(text: str) -> list[str]:
    """Of a text such as ['a', 'b']."""
    return re.findall(r"'([^']{1,256})'", text[:10_000])


def _day(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() if text else None
    except ValueError:
        return None
