"""The hidden part of workloads that have not been scraped yet: rows of their own among the departed ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..model import COMPONENTS, CPU
from ..snapshot import WorkloadView

KIND = "entering"
MOST_USERS = 4  # with rows of their own


def entering_workloads(workloads: Iterable[WorkloadView]) -> Sequence[WorkloadView]:
    """One row for each user, or one for all where they are many. With what is shown of the workloads they sum to all
    live and exited energy."""
    sums: dict[str, tuple[list[int], list[int], list[int]]] = {}
    new = [view for view in workloads if view.new]
    many = len({view.user for view in new}) > MOST_USERS
    for view in new:
        microjoules, amounts, cpu_nanoseconds = sums.setdefault(
            "" if many else view.user, ([0] * len(COMPONENTS), [0] * len(COMPONENTS), [0])
        )
        for index in view.new:
            microjoules[index] += view.microjoules[index]
            amounts[index] += view.emission_units[index]
        if CPU in view.new:
            cpu_nanoseconds[0] += view.cpu_nanoseconds
    return [
        WorkloadView(
            "", KIND, user, tuple(microjoules), tuple(amounts), cpu_nanoseconds[0], (0,) * len(COMPONENTS)
        )
        for user, (microjoules, amounts, cpu_nanoseconds) in sums.items()
    ]
