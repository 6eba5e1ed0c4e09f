"""The windows of a run: one around all of it, one for each epoch and phase, and what they sum up to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import gramwatt

COMPONENTS = ("cpu", "gpu", "dram", "other")
_KINDS = {"train": "training", "eval": "inference", "generate": "inference"}


@dataclass
class Part:
    """One phase of one epoch: ``phase`` is ``train``, ``eval`` or ``generate``, ``values`` are loss and accuracy."""

    phase: str
    epoch: int
    samples: int
    values: dict[str, float] = field(default_factory=dict)
    result: gramwatt.Result | None = None


class Recorder:
    """Opens the windows of a run, nested where one is open, and keeps what each of them used."""

    def __init__(self, model: str, task: str, dataset: str = "") -> None:
        self._facts: dict[str, Any] = {"model": model, "task": task, "dataset": dataset}
        self.parts: list[Part] = []
        self.whole: gramwatt.Result | None = None

    @contextmanager
    def all(self, name: str, phase: str) -> Iterator[gramwatt.Window]:
        """The window around everything; ``phase`` is ``training`` or ``inference``."""
        with gramwatt.window(name, phase=phase, **self._facts) as window:
            yield window
        self.whole = window.result

    @contextmanager
    def part(self, phase: str, epoch: int, samples: int, name: str = "") -> Iterator[Part]:
        """A window of one phase of one epoch, called ``train epoch 3`` unless it has a name."""
        part = Part(phase, epoch, samples)
        with gramwatt.window(name or f"{phase} epoch {epoch}", phase=_KINDS[phase], **self._facts) as window:
            yield part
            window.record(samples=samples, **part.values)
        part.result = window.result
        self.parts.append(part)

    def of(self, epoch: int) -> dict[str, Part]:
        """The parts of an epoch, by phase."""
        return {part.phase: part for part in self.parts if part.epoch == epoch}

    def phases(self) -> dict[str, dict[str, Any]]:
        """What each phase used in all epochs; ``whole`` is the window around them."""
        found = {
            phase: summed([part.result for part in self.parts if part.phase == phase])
            for phase in dict.fromkeys(part.phase for part in self.parts)
        }
        if self.whole is None:
            return found
        whole = summed([self.whole])
        most = whole["floor_joules"] if whole["below_floor"] else whole["joules"]
        for phase in ("train", "eval"):  # these are inside of it: they used no more than it did
            if phase in found and found[phase]["below_floor"] and most is not None:
                found[phase]["floor_joules"] = min(found[phase]["floor_joules"], most)
        return {"whole": whole} | found

    @property
    def measured(self) -> bool:
        """Whether the energy of every window is known."""
        results = [part.result for part in self.parts] + ([] if self.whole is None else [self.whole])
        return all(result is not None and result.measured for result in results)

    @property
    def sources(self) -> dict[str, str]:
        """What measured each component."""
        found: dict[str, str] = {}
        for part in self.parts:
            found |= dict(part.result.sources) if part.result else {}
        return found


def summed(results: Sequence[gramwatt.Result | None]) -> dict[str, Any]:
    """Windows that follow each other, as one. None for what is not known of one of them.

    The floor is the sum of their floors: each window may be wrong by its own. ``uncertainty`` is one sigma as a share
    of the energy, their mean weighted by energy: the error of a meter or a model is the same in all of them.
    """
    known = [result for result in results if result is not None]
    joules, floor = _sum([one.joules for one in known]), _sum([one.floor_joules for one in known])
    seconds = _sum([one.seconds for one in known])
    weighted = [(one.joules or 0.0, one.uncertainty) for one in known if one.uncertainty is not None]
    weight = sum(share for share, _ in weighted)
    return {
        "joules": joules,
        "floor_joules": floor,
        "below_floor": joules is not None and floor is not None and joules < floor,
        "seconds": seconds,
        "watts": joules / seconds if joules is not None and seconds else None,
        "grams": _sum([one.grams for one in known]),
        "components": _by_component([one.components for one in known]),
        "component_grams": _by_component([one.component_grams for one in known]),
        "missed_seconds": _sum([one.missed_seconds for one in known]),
        "uncertainty": sum(j * u for j, u in weighted) / weight if weight else None,
        "windows": [one.window for one in known if one.window],
    }


def _by_component(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The sums of the components that any window has."""
    present = [name for name in COMPONENTS if any(name in one for one in found)]
    return {name: sum(one.get(name, 0.0) for one in found) for name in present}


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def rows(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """A row for epochs.csv of each part."""
    return [_row(part) for part in parts]


def _row(part: Part) -> dict[str, Any]:
    one: Mapping[str, Any] = summed([part.result])
    return {
        "epoch": part.epoch,
        "phase": part.phase,
        "samples": part.samples,
        "loss": part.values.get("loss"),
        "accuracy": part.values.get("accuracy"),
        **{key: one[key] for key in ("seconds", "joules", "below_floor", "floor_joules", "watts", "grams")},
        **{f"{name}_joules": one["components"].get(name) for name in COMPONENTS},
        **{f"{name}_grams": one["component_grams"].get(name) for name in COMPONENTS},
        "uncertainty": one["uncertainty"],
        "window": next(iter(one["windows"]), None),
    }
