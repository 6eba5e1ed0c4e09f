"""Machines whose workloads are windows by themselves, and what to ask of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from gramwatt_exporter.config import Config
from gramwatt_exporter.config.schema import AutomaticWindow, Windows
from gramwatt_exporter.model import Identity, Workload
from gramwatt_exporter.processes.linux.identity import IdentityReader
from gramwatt_exporter.processes.linux.taskstats import Exit
from simulation import CPU, SECOND, Machine, Process, Rig, rig

RULES = Windows(automatic=[AutomaticWindow(kind="unit", match="train-.*", phase="training")])
Kind = Literal["unit", "container", "pod", "slurm"]


@dataclass
class Host(Machine):
    """Its groups are of any kind, and may belong to somebody: ``groups`` says which, by name and uid."""

    groups: dict[tuple[str, int], tuple[Kind, int | None]] = field(default_factory=dict)

    def identity(self, pid: int) -> Identity | None:
        process = self.processes.get(pid)
        if process is None or (process.unit, process.uid) not in self.groups:
            return super().identity(pid)
        kind, owner = self.groups[process.unit, process.uid]
        user = self.user_name(process.uid if owner is None else owner)
        workload = Workload(process.unit, kind, user)
        return Identity(pid, process.start, process.parent, process.uid, process.command, workload, owner)

    def begin(self, unit: str, uid: int) -> Process:
        process = self.fork(1, unit=unit, uid=uid)
        assert process is not None
        return process


def step(setup: Rig, microjoules: int = 1_000_000) -> None:
    setup.machine.advance(5 * SECOND)
    setup.meters.draw(CPU, microjoules, 5 * SECOND)
    setup.sampler.sample()


def windows(setup: Rig) -> list[tuple[str, str, int, str]]:
    return [(view.name, view.user, view.uid, view.state) for view in setup.sampler.windows.frozen()]


def restarted(setup: Rig, config: Config) -> Rig:
    """The exporter starts anew on the same machine."""
    saved = setup.sampler.windows.state()
    again = rig(setup.machine, config)
    assert again.sampler.windows.restore(saved, same_boot=True) == []
    return again


@dataclass
class ClusterNode(Machine):
    """With cgroup v2, where a process's ``unit`` is the path of its group; identities are read from files."""

    procfs: Path = Path()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.reads = IdentityReader(str(self.procfs), self.user_name)

    def identity(self, pid: int) -> Identity | None:
        process = self.processes.get(pid)
        if process is None:
            return None
        directory = self.procfs / str(pid)
        directory.mkdir(exist_ok=True)
        (directory / "stat").write_text(
            f"{pid} ({process.command}) S {process.parent} 1 1 0 -1 4194304 98 0 0 0 7 3 0 0 20 0 1 0 "
            f"{process.start} 1 1 1\n"
        )
        (directory / "cgroup").write_text(f"0::{process.unit or '/'}\n")
        os.chown(directory, process.uid, process.uid)
        return self.reads.read(pid)


def workloads(setup: Rig) -> Mapping[tuple[str, str], int]:
    """CPU time in nanoseconds of each job's user."""
    return {
        (view.name, view.user): view.cpu_nanoseconds
        for view in setup.sampler.freeze().workloads
        if view.kind == "slurm"
    }


needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root may give files to others")
JOB = "/system.slice/slurmstepd.scope/job_42"
ANY_UNIT = Config(windows=Windows(automatic=[AutomaticWindow(kind="unit")]))
JOBS = Config(windows=Windows(slurm=True))


def host_with_job() -> Host:
    return Host(groups={("42", 1000): ("slurm", 1000)})


def cpu(setup: Rig) -> dict[str, int]:
    """CPU time in nanoseconds by the name of each window; names are unique."""
    views = setup.sampler.windows.frozen()
    assert len({view.name for view in views}) == len(views)
    return {view.name: view.cpu_nanoseconds for view in views}


def counts(setup: Rig) -> list[int]:
    return [view.processes for view in setup.sampler.windows.frozen()]


def forked(machine: Machine, parent: int, **details: object) -> Process:
    process = machine.fork(parent, **details)
    assert process is not None
    return process


def stop_by_hand(setup: Rig) -> None:
    view = setup.sampler.windows.frozen()[-1]
    setup.sampler.windows.stop(view.id, setup.machine.wall)
    setup.sampler.membership.detach(view.id)


def record(setup: Rig, root: Process) -> str:
    """A client records the tree of ``root``."""
    from gramwatt_exporter.windows import Peer
    from gramwatt_exporter.windows.model import OpenRequest

    request = OpenRequest(name="by hand", phase="training", pid=root.pid)
    window = setup.sampler.windows.open(request, Peer(root.uid, root.pid, "alice"))
    add_tree(setup, window.id, root)
    return window.id


def add_tree(setup: Rig, window_id: str, root: Process) -> None:
    row = setup.sampler.table.find(root.pid)
    assert row is not None
    assert setup.sampler.windows.add_process(window_id, (root.pid, root.start))
    setup.sampler.membership.attach(window_id, row)


@dataclass
class Failing(Host):
    """Its exit messages cannot be read for a while."""

    failing: bool = False

    def drain(self) -> Iterable[Exit]:
        if self.failing:
            raise OSError("no buffer space")
        return super().drain()


def add_up(setup: Rig, have: dict[str, list[int]]) -> None:
    """Add CPU time and energy of each workload; after a restart of these rigs they begin at 0."""
    for view in setup.sampler.freeze().workloads:
        entry = have.setdefault(view.name, [0, 0])
        entry[0] += view.cpu_nanoseconds
        entry[1] += view.microjoules[0]
