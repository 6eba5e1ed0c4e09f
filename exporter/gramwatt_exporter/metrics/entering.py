"""What workloads that have not been scraped yet do not show: rows of their own among those of the departed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..model import COMPONENTS
from ..snapshot import WorkloadView

KIND = "entering"
_CPU = COMPONENTS.index("cpu")


def entering_workloads(workloads: Iterable[WorkloadView]) -> Sequence[WorkloadView]:
    """One row for each user. With what is shown of the workloads they sum to all live and exited energy."""
    sums: dict[str, tuple[list[int], list[int], list[int]]] = {}
    for view in workloads:
        if not view.new:
            continue
        energy, amounts, cpu_ns = sums.setdefault(
            view.user, ([0] * len(COMPONENTS), [0] * len(COMPONENTS), [0])
        )
        for index in view.new:
            energy[index] += view.energy[index]
            amounts[index] += view.units[index]
        if _CPU in view.new:
            cpu_ns[0] += view.cpu_ns
    return [
        WorkloadView("", KIND, user, tuple(energy), tuple(amounts), cpu_ns[0], (0,) * len(COMPONENTS))
        for user, (energy, amounts, cpu_ns) in sums.items()
    ]
