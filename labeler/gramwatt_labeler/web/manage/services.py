"""What the manage pages and the API work with beside the desk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...scale_book.rows import ScaleRows
from ...store.jobs import Jobs


@dataclass(frozen=True, slots=True)
class Services:
    """``wake`` starts the thread that does the jobs; ``forget`` makes a new scale count at once."""

    scales: ScaleRows
    jobs: Jobs
    wake: Callable[[], None]
    forget: Callable[[], None]
    hardware: str = ""
    probe_hosts: Sequence[str] = ()
