"""Several processes share one window: which process leads, and how the others find the window.

A launcher such as torchrun starts one process per GPU, and each runs the same script. The first process of a machine
(local rank 0) opens the window and stops it; the others find it by a tag both can work out, and join it. Windows
belong to the exporter of one machine, so every machine of a larger job has its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from .api import Api, Json
from .errors import GramwattError
from .procfs import parent_of, was_started_with
from .texts import sendable

TAG = "ranks"
"""Tag of a window that several ranks share."""

WAIT_SECONDS = 5.0
_POLL_SECONDS = 0.3
_OLDEST_SECONDS = 300.0  # ranks start together: an older window with the same tag is of an earlier job
_CLOCK_SECONDS = 0.05  # the exporter runs on this machine: both read one clock
_IMPORTED_AT = time.time()

# Names of: rank on this machine, number of ranks, the job's own mark. The first that is set counts.
_LAUNCHERS = (
    # torchrun, accelerate, Ray Train: https://docs.pytorch.org/docs/stable/elastic/run.html#environment-variables
    ("LOCAL_RANK", "LOCAL_WORLD_SIZE", ("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", "MASTER_PORT")),
    # deepspeed/launcher/launch.py
    ("LOCAL_RANK", "LOCAL_SIZE", ("MASTER_PORT",)),
    # horovod/runner/gloo_run.py
    ("HOROVOD_LOCAL_RANK", "HOROVOD_LOCAL_SIZE", ("HOROVOD_GLOO_RENDEZVOUS_PORT",)),
    # Open MPI 4 and 5
    (
        "OMPI_COMM_WORLD_LOCAL_RANK",
        "OMPI_COMM_WORLD_LOCAL_SIZE",
        ("OMPI_MCA_ess_base_jobid", "PMIX_NAMESPACE"),
    ),
    # MVAPICH 2, and from 3 on
    ("MV2_COMM_WORLD_LOCAL_RANK", "MV2_COMM_WORLD_LOCAL_SIZE", ()),
    ("MVP_COMM_WORLD_LOCAL_RANK", "MVP_COMM_WORLD_LOCAL_SIZE", ()),
    # Hydra: MPICH and Intel MPI
    ("MPI_LOCALRANKID", "MPI_LOCALNRANKS", ("PMI_SIZE",)),
    # Cray: PALS, and PMI before it
    ("PALS_LOCAL_RANKID", "PALS_LOCAL_SIZE", ("PALS_APID",)),
    ("PMI_LOCAL_RANK", "PMI_LOCAL_SIZE", ("PMI_JOBID",)),
    # IBM jsrun
    ("JSM_NAMESPACE_LOCAL_RANK", "JSM_NAMESPACE_LOCAL_SIZE", ("LSB_JOBID", "JSM_NAMESPACE_ID")),
    # Flux
    ("FLUX_TASK_LOCAL_ID", "FLUX_JOB_SIZE", ("FLUX_JOB_ID",)),
    ("SLURM_LOCALID", "SLURM_STEP_NUM_TASKS", ("SLURM_JOB_ID", "SLURM_STEP_ID")),
    # Lightning outside its callback, and scripts that set the variables of torch.distributed alone. The number counts
    # the ranks of all machines: a rank 0 that is alone on its machine leads a window that no other rank joins.
    ("LOCAL_RANK", "WORLD_SIZE", ("MASTER_PORT",)),
)
_MOST_WRAPPERS = 8  # most shells between a launcher and a rank


@dataclass(frozen=True)
class Rank:
    """One of several processes a launcher started together on this machine."""

    local: int
    job: str
    since: Optional[float] = None  # Unix seconds: windows of this launch are not older
    launcher: int = (
        0  # pid of the process that started the ranks; some launchers are rank 0 themselves; 0: not known
    )
    guessed: bool = False  # no variable gives the number of ranks on this machine

    @property
    def leads(self) -> bool:
        """Whether this process opens and stops the common windows."""
        return self.local == 0


def current(environ: Optional[Mapping[str, str]] = None) -> Optional[Rank]:
    """This process's rank, None when it was not started as one of several."""
    environ = os.environ if environ is None else environ
    for local_name, size_name, job_names in _LAUNCHERS:
        local, size = _whole(environ.get(local_name)), _whole(environ.get(size_name))
        if local is None or size is None or size < 2:
            continue
        # Ranks have one launcher as their ancestor; job ids alone are not unique ("none", port 29500).
        launcher = launcher_of(os.getppid(), local_name)
        job = [str(launcher), *(environ.get(name, "") for name in job_names)]
        return Rank(local, sendable("/".join(job)), launcher=launcher, guessed=size_name == "WORLD_SIZE")
    return None


def of_process(reported: Optional[Rank]) -> Optional[Rank]:
    """This process's rank, from its environment variables, else from its framework."""
    found = current()
    return reported if found is None or (found.guessed and reported is not None) else found


def launcher_of(pid: int, variable: str) -> int:
    """The first process from ``pid`` upwards that was not itself started as a rank: shells in between were.

    Where the platform does not show it (macOS, a process of another user) it is ``pid``.
    """
    for _ in range(_MOST_WRAPPERS):
        parent = parent_of(pid)
        if not parent or not was_started_with(pid, variable):
            return pid
        pid = parent
    return pid


def leads_joined(environ: Optional[Mapping[str, str]] = None) -> bool:
    """Whether this process stops a window that it joined by GRAMWATT_WINDOW: only an explicit rank 0 does."""
    environ = os.environ if environ is None else environ
    if "LOCAL_RANK" in environ or "RANK" in environ:
        return environ.get("LOCAL_RANK", environ.get("RANK", "")) == "0"
    rank = current(environ)
    return rank is not None and rank.leads


def find(
    api: Api,
    tag: str,
    wait: float = WAIT_SECONDS,
    since: Optional[float] = None,
    launcher: int = 0,
    name: str = "",
) -> Optional[str]:
    """The id of the window that carries ``tag``, waiting for the leader to open it; None when it does not come.

    ``since`` (Unix seconds) leaves out older windows with the same tag; without it, those of an earlier job. An open
    window ``name`` of the process ``launcher`` counts as the leader's: Lightning's rank 0 starts the others itself, and
    may have opened its window before it knew that it is a rank.
    """
    deadline = time.monotonic() + wait
    oldest = _IMPORTED_AT - _OLDEST_SECONDS if since is None else since - _CLOCK_SECONDS
    while True:
        try:
            found = [window for window in api.windows() if isinstance(window.get("window"), str)]
        except GramwattError:
            return None
        for window in found:
            if _is_tagged(window, tag, oldest) or _is_launchers(window, launcher, name):
                return str(window["window"])
        if time.monotonic() >= deadline:
            return None
        time.sleep(_POLL_SECONDS)


def _is_tagged(window: Json, tag: str, oldest: float) -> bool:
    tags, started = window.get("tags"), window.get("start")
    return (
        isinstance(tags, dict)
        and tags.get(TAG) == tag
        and isinstance(started, (int, float))
        and started > oldest
    )


def _is_launchers(window: Json, launcher: int, name: str) -> bool:
    return (
        bool(launcher and name)
        and window.get("pid") == launcher
        and window.get("name") == name
        and window.get("state") == "open"
    )


def _whole(text: Optional[str]) -> Optional[int]:
    return int(text) if text is not None and text.isdecimal() else None
