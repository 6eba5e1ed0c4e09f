"""Jobs of batch schedulers and orchestrators, by the control groups they make. Pure text.

SLURM is not here: its jobs have owners, see ``cgroups``. Layouts as seen in the field:

- HTCondor: ``system.slice/htcondor/condor_<execute directory>_<slot>@<host>``. The slot is named, because the group
  does not say which job runs in it.
- Nomad: ``nomad.slice/share.slice/<allocation>.<task>.scope``; with version 1 ``nomad/<allocation>.<task>``. The
  allocation differs at every start, so the task is named.
- PBS Pro and OpenPBS: ``pbs_jobs.service/jobid/<job>``, Torque: ``torque/<job>``.
- LSF: ``lsf/<cluster>/job.<job>.<pid>.<time>``.
- YARN: ``hadoop-yarn/container_e<epoch>_<cluster>_<application>_<attempt>_<container>``. The application is named.
- Grid Engine: ``UGE/<job>.<task>`` or ``SGE/<job>.<task>``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_CONDOR = re.compile(r"^condor_\S*?_(?P<slot>slot\d+(?:_\d+)?)(?:@.*)?$")
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NOMAD = re.compile(rf"^{_UUID}[.-](?P<task>.+?)(?:\.scope)?$")
_YARN = re.compile(r"^container_(?:e\d+_)?(?P<cluster>\d+)_(?P<number>\d+)_\d+_\d+$")
_PBS = re.compile(r"^(?P<job>\d+(?:\[\d*\])?(?:\.[\w.-]+)?)$")
_LSF = re.compile(r"^job\.(?P<job>\d+(?:\[\d+\])?)\.\d+\.\d+$")
_GRID_ENGINE = re.compile(r"^(?P<job>\d+)\.\d+$")


def job(path: Sequence[str]) -> str | None:
    """The job that a path of group names (outermost first) belongs to; None when no scheduler made it."""
    for position, segment in enumerate(path):
        for parents, find in _SCHEDULERS:
            if parents and not any(_below(parent, path[:position]) for parent in parents):
                continue
            name = find(segment)
            if name is not None:
                return name
    return None


def _below(parent: str, groups: Sequence[str]) -> bool:
    return any(group.removesuffix(".slice").removesuffix(".service") == parent for group in groups)


def _named(pattern: re.Pattern[str], group: str) -> Callable[[str], str | None]:
    def find(segment: str) -> str | None:
        match = pattern.match(segment)
        return match[group] if match else None

    return find


def _application(segment: str) -> str | None:
    match = _YARN.match(segment)
    return f"application_{match['cluster']}_{match['number']}" if match else None


# Groups that must stand above (any of them; none: anywhere), and how the group below names the job.
_SCHEDULERS: tuple[tuple[tuple[str, ...], Callable[[str], str | None]], ...] = (
    ((), _named(_CONDOR, "slot")),
    (("nomad",), _named(_NOMAD, "task")),
    (("pbs_jobs", "pbspro", "torque"), _named(_PBS, "job")),
    (("lsf",), _named(_LSF, "job")),
    ((), _application),
    (("UGE", "SGE"), _named(_GRID_ENGINE, "job")),
)
