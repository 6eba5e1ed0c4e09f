"""What the cgroup file of a process says about what it belongs to. Pure text; names come from elsewhere.

Every layout here is one seen in the field: cgroup v1, v2 and hybrid; systemd and cgroupfs drivers; Docker,
containerd, CRI-O, Podman, LXC, systemd-nspawn; Kubernetes; SLURM and other schedulers; sessions and user services.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Protocol

from msgspec import Struct

from ...model import WorkloadKind
from . import schedulers

SHORT_ID = 12  # as `docker ps` prints it

_CONTAINER = re.compile(r"(?:^|-)(?P<id>[0-9a-f]{64})(?:\.scope)?$")
_ECS_TASK = re.compile(r"^[0-9a-f]{32}-\d+$")
_POD = re.compile(
    r"(?:^|-)pod(?P<uid>[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?$"
)
_SLURM_JOB = re.compile(r"^job_(?P<job>\d+)$")
_UID = re.compile(r"^uid_(?P<uid>\d+)$")
_LXC = re.compile(r"^lxc(?:\.payload|\.monitor)?\.(?P<name>.+)$")
_LXC_PARENTS = ("lxc", "lxc.payload", "lxc.monitor")
_MACHINE = re.compile(r"^machine-(?P<name>.+)\.scope$")
_NSPAWN = re.compile(r"^systemd-nspawn@(?P<name>.+)\.service$")
_SESSION = re.compile(r"^(?P<name>session-\w+)\.scope$")
_USER_SLICE = re.compile(r"^user-(?P<uid>\d+)\.slice$")
_USER_MANAGER = re.compile(r"^user@(?P<uid>\d+)\.service$")
_UNIT = re.compile(r".\.(?:service|scope|socket|mount|swap)$")
_SLICE = re.compile(r".\.slice$")
_NUMBER_OR_ID = re.compile(r"^[0-9a-f._-]+$")

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# Parts of a unit's name that differ at every start: with them every start would be a new workload for ever.
_PER_START = (
    (re.compile(rf"[-_@](?:{_UUID}|[0-9a-f]{{32}})(?=\.\w+$)"), ""),  # tmux-spawn-UUID.scope
    (re.compile(rf"^(?:{_UUID}|[0-9a-f]{{32}})[-_.](?=.*\.\w+$)"), ""),  # UUID.redis.scope
    (re.compile(r"^run-(?:u\d+|r[0-9a-f]{32}|p\d+-i\d+|\d+)(?=\.\w+$)"), "run"),  # systemd-run without --unit
    (re.compile(r"^dbus-:\d+\.\d+-"), "dbus-"),  # D-Bus activation carries the caller's bus number
    (re.compile(r"(?<=@)\d+(?:[-_:.]\d+)+(?=\.\w+$)"), ""),  # Accept=yes, systemd-coredump@12-4711-0
    (re.compile(r"-\d+(?=\.scope$)"), ""),  # app-gnome-firefox-4711.scope: the pid of the launcher
    (re.compile(r"@(?=\.\w+$)"), ""),
)


class Membership(Struct, frozen=True):
    """What a process belongs to. ``owner`` is the uid it belongs to where the path shows it, else None.

    A SLURM job's path shows it with cgroup v1 only; see :class:`gramwatt_exporter.processes.linux.jobs.JobOwners`.
    """

    name: str
    kind: WorkloadKind
    owner: int | None = None


class Names(Protocol):
    """Turns ids into names for people; None for an unknown id."""

    def container(self, container_id: str) -> str | None: ...

    def pod(self, pod_uid: str, container_id: str | None) -> str | None: ...


class CgroupParser:
    """Parses a whole /proc/PID/cgroup text. None: nothing but the command describes this process."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def __call__(self, text: str) -> Membership | None:
        """The most telling membership of all hierarchies: SLURM job, other job, pod, container, session, unit."""
        paths = [_segments(path) for path in _paths(text)]
        owner = next((uid for path in paths if (uid := _owner(path)) is not None), None)
        for find in (self._slurm, self._job, self._pod, self._container):
            for path in paths:
                found = find(path, owner)
                if found is not None:
                    return found
        for path in paths:
            found = _unit(path, owner)
            if found is not None:
                return found
        service = _OPENRC.search(text)
        return Membership(service["name"], "unit") if service else None

    def _slurm(self, path: list[str], owner: int | None) -> Membership | None:
        if not any("slurm" in segment for segment in path):
            return None
        job = _first(_SLURM_JOB.match, path)
        if job is None:
            return None
        uid = _first(_UID.match, path)
        return Membership(job["job"], "slurm", int(uid["uid"]) if uid else owner)

    def _job(self, path: list[str], owner: int | None) -> Membership | None:
        name = schedulers.job(path)
        return None if name is None else Membership(name, "job", owner)

    def _pod(self, path: list[str], owner: int | None) -> Membership | None:
        if not any("kubepods" in segment for segment in path):
            return None
        pod = _first(_POD.search, path)
        if pod is None:
            return None
        container = _first(_CONTAINER.search, path)
        uid = pod["uid"].replace("_", "-")
        return Membership(self._names.pod(uid, container["id"] if container else None) or uid, "pod", owner)

    def _container(self, path: list[str], owner: int | None) -> Membership | None:
        # The outermost one: it is what the machine's own runtime knows by name.
        for position, segment in enumerate(path):
            match = _CONTAINER.search(segment)
            if match is not None:
                found = match["id"]
                return Membership(self._names.container(found) or found[:SHORT_ID], "container", owner)
            if _ECS_TASK.match(segment) and "ecs" in path[:position]:
                return Membership(segment[:SHORT_ID], "container", owner)
            name = _LXC.match(segment) or _MACHINE.match(segment) or _NSPAWN.match(segment)
            if name is not None and not segment.startswith("machine-qemu"):
                return Membership(_unescape(name["name"]), "container", owner)
            if segment in _LXC_PARENTS and position + 1 < len(path):
                return Membership(path[position + 1], "container", owner)
        return None


_OPENRC = re.compile(r"^\d+:(?:name=openrc:/|:/openrc\.)(?P<name>[^/\n]+)", re.MULTILINE)


def _paths(text: str) -> Iterator[str]:
    """Paths of all hierarchies, the most telling first: systemd's own (v2 or name=systemd), then others."""
    first: list[str] = []
    second: list[str] = []
    for line in text.splitlines():
        hierarchy, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        path = path.removesuffix(" (deleted)")
        if path in ("", "/"):
            continue
        if hierarchy == "0" or controllers == "name=systemd":
            first.append(path)
        else:
            second.append(path)
    return iter(dict.fromkeys(first + second))  # v1 repeats the same path for every controller


def _segments(path: str) -> list[str]:
    # ".." leads out of our own cgroup namespace. A runtime given a systemd path under the cgroupfs driver
    # makes one segment of "slice:prefix:id".
    parts = (part for piece in path.split("/") for part in _split_runtime(piece))
    return [part for part in parts if part and part != ".."]


def _split_runtime(piece: str) -> list[str]:
    return piece.split(":") if piece.count(":") == 2 and ".slice:" in piece else [piece]


def _owner(path: list[str]) -> int | None:
    match = _first(_USER_SLICE.match, path) or _first(_USER_MANAGER.match, path)
    return int(match["uid"]) if match else None


def _unit(path: list[str], owner: int | None) -> Membership | None:
    session = _first(_SESSION.match, path)
    if session is not None:
        return Membership(session["name"], "session", owner)
    # Below a user's manager the user's units count, above it the system's. The outermost one is taken: a service may
    # arrange its own subtree freely.
    for position, segment in enumerate(path):
        if _USER_MANAGER.match(segment):
            inner = next((name for name in path[position + 1 :] if _UNIT.search(name)), "init.scope")
            return Membership(segment if inner == "init.scope" else stable_unit(inner), "unit", owner)
    unit = next((segment for segment in path if _UNIT.search(segment)), None)
    if unit is None:
        unit = _group_of_slice(path)
    return None if unit is None else Membership(stable_unit(unit), "unit", owner)


def _group_of_slice(path: list[str]) -> str | None:
    """A group that no unit made: the one below the innermost slice, because a slice alone merges unrelated processes.

    A number or an id differs at every start, so the slice is named instead.
    """
    position = max((i for i, segment in enumerate(path) if _SLICE.search(segment)), default=None)
    if position is None:
        return None
    below = path[position + 1 : position + 2]
    return path[position] if not below or _NUMBER_OR_ID.match(below[0]) else below[0]


def is_slurmstepd(text: str, job: str) -> bool:
    """Whether the process of this /proc/PID/cgroup text is the daemon of a step of a job, with cgroup v2.

    It lives in a group of its own beside the user's: .../job_42/step_0/slurm and .../job_42/step_0/user/task_0.
    """
    return re.search(rf"/job_{re.escape(job)}/step_[^/\n]+/slurm$", text, re.MULTILINE) is not None


def stable_unit(name: str) -> str:
    """A unit's name without what differs at every start (UUIDs, launcher pids, connection numbers)."""
    for pattern, replacement in _PER_START:
        name = pattern.sub(replacement, name)
    return name


def _unescape(name: str) -> str:
    """Undo systemd's \\x2d style escapes, as `machinectl` shows names."""
    return re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), name)


def _first(match: Callable[[str], re.Match[str] | None], path: list[str]) -> re.Match[str] | None:
    return next((found for segment in path if (found := match(segment)) is not None), None)
