"""Several processes, one window: who leads, and how the others find the window.

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

from .api import Api
from .errors import GramwattError

TAG = "ranks"
"""Tag of a window that several ranks share."""

WAIT_SECONDS = 5.0
_POLL_SECONDS = 0.3
_OLDEST_SECONDS = 300.0  # ranks start together: an older window with the same tag is of an earlier job
_CLOCK_SECONDS = 0.05  # the exporter and we read one clock
_IMPORTED_AT = time.time()

# Names of: rank on this machine, number of ranks, what tells one job from another.
_LAUNCHERS = (
    ("LOCAL_RANK", "LOCAL_WORLD_SIZE", ("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", "MASTER_PORT")),
    ("OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE", ("OMPI_MCA_ess_base_jobid",)),
    ("SLURM_LOCALID", "SLURM_STEP_NUM_TASKS", ("SLURM_JOB_ID", "SLURM_STEP_ID")),
)


@dataclass(frozen=True)
class Rank:
    """One of several processes a launcher started together on this machine."""

    local: int
    job: str
    since: Optional[float] = None  # Unix seconds: windows of this launch are not older

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
        # Ranks have one launcher process as their parent; job ids alone are not unique ("none", port 29500).
        job = [str(os.getppid()), *(environ.get(name, "") for name in job_names)]
        return Rank(local, "/".join(job))
    return None


def leads_joined(environ: Optional[Mapping[str, str]] = None) -> bool:
    """Whether this process should stop a window it joined by GRAMWATT_WINDOW: only an explicit rank 0 does."""
    environ = os.environ if environ is None else environ
    return environ.get("LOCAL_RANK", environ.get("RANK", "")) == "0"


def find(api: Api, tag: str, wait: float = WAIT_SECONDS, since: Optional[float] = None) -> Optional[str]:
    """The id of the window that carries ``tag``, waiting for the leader to open it; None when it does not come.

    ``since`` (Unix seconds) leaves out older windows with the same tag; without it, those of an earlier job.
    """
    deadline = time.monotonic() + wait
    oldest = _IMPORTED_AT - _OLDEST_SECONDS if since is None else since - _CLOCK_SECONDS
    while True:
        try:
            for window in api.windows():
                tags, started = window.get("tags"), window.get("start")
                if (
                    not isinstance(tags, dict)
                    or tags.get(TAG) != tag
                    or not isinstance(started, (int, float))
                ):
                    continue
                if started > oldest and isinstance(window.get("window"), str):
                    return str(window["window"])
        except GramwattError:
            return None
        if time.monotonic() >= deadline:
            return None
        time.sleep(_POLL_SECONDS)


def _whole(text: Optional[str]) -> Optional[int]:
    return int(text) if text is not None and text.isdecimal() else None
