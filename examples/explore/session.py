"""What all commands do alike: look for a kept run first, say so, and keep a new one where it was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import runs
from .runs import Runs, Summary
from .words import Live, energy, short

NOBODY_MEASURED = "not measured, not kept: no exporter answered. `make up` starts one; then run this again"


@dataclass(frozen=True)
class Settings:
    """How models are trained. ``threads`` are those of matrix products on the CPU.

    One thread is the default: the matrices are too small for several. On a busy machine threads wait for each other
    in loops, and the same training takes five times the CPU time.
    """

    epochs: int = 20
    seed: int = 1
    batch: int = 64
    learning_rate: float = 1e-3
    threads: int = 1


@dataclass
class Session:
    """``again`` trains what is kept, too, and replaces it. ``missed`` counts runs that were not measured."""

    runs: Runs = field(default_factory=lambda: Runs(runs.folder()))
    again: bool = False
    live: Live = field(default_factory=Live)
    missed: int = 0

    def find(self, key: str, title: str) -> Summary | None:
        """The kept run, after saying that it is one. None where it is to be done."""
        found = None if self.again else self.runs.find(key)
        if found is not None:
            then = energy(found["phases"].get("whole") or next(iter(found["phases"].values()), {}))
            date = str(found.get("when", "?"))[:16]
            self.live.line(
                f"{short(title, 24):<16} cached run of {date}, energy NOT spent again ({then} then)"
            )
        return found

    def keep(
        self,
        key: str,
        summary: Summary,
        measured: bool,
        epochs: Sequence[Mapping[str, Any]] = (),
        files: Mapping[str, bytes] | None = None,
    ) -> Summary:
        """The summary with its key and time, kept where all of it was measured."""
        summary = {"key": key, "when": runs.now(), **summary}
        if measured:
            self.runs.keep(key, summary, epochs, files)
        else:
            self.missed += 1
        return summary

    def folder(self, summary: Summary) -> Path | None:
        """Where a run is kept; None for one that is not."""
        path = self.runs.path(str(summary["key"]))
        return path if path.exists() else None

    def begin(self, work: object, software: str, device: str, hardware: str) -> None:
        """What is worked on, and what does the work."""
        self.live.line(f"{work}\n{software} on {device} ({short(hardware, 60)})")


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """At most so many threads in NumPy's matrix products."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:  # it comes with scikit-learn; without it all cores are used
        yield
        return
    with threadpool_limits(limits=threads):
        yield
