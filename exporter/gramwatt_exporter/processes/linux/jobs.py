"""The owner of a SLURM job, where its control group does not show it.

With cgroup v1 the path holds the owner's uid. With cgroup v2 it holds the job's number alone, and all its groups
belong to root (src/plugins/cgroup/v2/cgroup_v2.c, cgroup_p_step_create): slurmstepd runs there as root, tasks as the
owner, and what tasks start through sudo or in a container as anybody. So the owner is learned from the processes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from msgspec import Struct

_ROOT = 0
_MOST = 8192  # jobs remembered: those seen last
# A number not seen for so long means another job: numbers start again at MaxJobId, or when SLURM lost its state. Every
# live process is read again far sooner.
_FORGOTTEN_S = 7 * 86400.0
_SEEN_JUST_NOW_S = 60.0  # not noted again within this


class _Job(Struct):
    owner: int
    seen: float


class JobOwners:
    """The uid each job belongs to, by its number.

    ``from_slurm`` says of a process's parent (its pid as text, the job) whether it is the job's slurmstepd;
    ``clock`` gives seconds that never go back.
    """

    def __init__(
        self, from_slurm: Callable[[bytes, str], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._from_slurm = from_slurm
        self._clock = clock
        self._jobs: dict[str, _Job] = {}  # seen longest ago first

    def owner(self, job: str, uid: int, parent: bytes) -> int:
        """The owner of the job, now that a process of ``uid`` has been seen in it.

        The first process that is not root's decides, and later only one that slurmstepd started itself: that is
        always the owner's. Until then, and in a job of root's, it is root.
        """
        now = self._clock()
        known = self._jobs.get(job)
        if known is not None and (
            now - known.seen > _FORGOTTEN_S
            or (uid not in (known.owner, _ROOT) and self._from_slurm(parent, job))
        ):
            known = None
        if known is not None and now - known.seen < _SEEN_JUST_NOW_S:
            return known.owner
        owner = uid if known is None else known.owner
        self._jobs.pop(job, None)
        if owner != _ROOT:
            self._remember(job, owner, now)
        return owner

    def _remember(self, job: str, owner: int, now: float) -> None:
        if len(self._jobs) >= _MOST:
            del self._jobs[next(iter(self._jobs))]
        self._jobs[job] = _Job(owner, now)
