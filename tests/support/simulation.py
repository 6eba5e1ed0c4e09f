"""A machine that exists only in memory, with its own clock: processes are born, fork, exec, work and die on command.

It speaks the same narrow interfaces as the kernel does to the exporter (CPU clocks, identities, exit messages,
global counters, sensors), so that the exporter's real bookkeeping runs on it, at any speed and with any fault.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from gramwatt_exporter.budgets import BudgetBook
from gramwatt_exporter.config import Config
from gramwatt_exporter.config.schema import Workloads
from gramwatt_exporter.idle import IdleBook, Learner
from gramwatt_exporter.ledger.accounts import Accounts
from gramwatt_exporter.ledger.extras import Extras
from gramwatt_exporter.model import (
    Device,
    DeviceUse,
    EnergyStep,
    Identity,
    IntensityState,
    MergedSample,
    Workload,
)
from gramwatt_exporter.processes.births import Births
from gramwatt_exporter.processes.linux.clocks import GONE
from gramwatt_exporter.processes.linux.kernel import KernelCounters
from gramwatt_exporter.processes.linux.taskstats import Exit
from gramwatt_exporter.processes.row import Row
from gramwatt_exporter.processes.table import ProcessTable
from gramwatt_exporter.sampler import Sampler
from gramwatt_exporter.sampler_parts import About, Books, Clocks, Readers
from gramwatt_exporter.windows import WindowBook

SECOND = 1_000_000_000


@dataclass
class Process:
    """One simulated process. A zombie has ended but still has its id and clock."""

    pid: int
    start: int
    parent: int
    uid: int = 1000
    command: str = "work"
    unit: str = ""
    owner: int | None = None  # of the unit, where it has one
    cpu_nanoseconds: int = 0
    reaped_ns: int = 0
    pages: int = 100
    zombie: bool = False
    ignores_children: bool = False
    stolen_ns: int = 0


@dataclass
class Machine:
    """The simulated kernel. Single-threaded; time passes by :meth:`advance`."""

    pid_max: int = 300
    cpus: int = 4
    listener: bool = True
    now_ns: int = SECOND
    wall: float = 1_700_000_000.0
    processes: dict[int, Process] = field(default_factory=dict)
    last_pid: int = 1
    forks: int = 0
    busy_ns: int = 0
    exits: list[Exit] = field(default_factory=list)
    fork_events: list[tuple[int, int]] = field(default_factory=list)
    lost: int = 0
    drop_exits: bool = False
    mode: str = "taskstats"
    stale_ns: int = 0  # what exit messages lack, because run time is brought up to date at timer ticks only
    stolen_ns: int = 0  # by the hypervisor, all of it from who ends
    by_age: bool = False  # exit messages tell the rest by age less waiting
    coarse_ns: int = 0  # waited-for time is told in steps of this
    package_busy_ns: Sequence[int] = ()

    def __post_init__(self) -> None:
        self.processes[1] = Process(1, 0, 0, uid=0, command="init")

    # --- what happens

    def advance(self, nanoseconds: int) -> None:
        """Time passes."""
        self.now_ns += nanoseconds
        self.wall += nanoseconds / SECOND

    def fork(self, parent: int = 1, **details: object) -> Process | None:
        """A new process with the next free id, as the kernel hands them out; None when the table is full."""
        for _ in range(self.pid_max):
            self.last_pid += 1
            if self.last_pid >= self.pid_max:
                self.last_pid = 2
            if self.last_pid not in self.processes:
                break
        else:
            return None
        self.forks += 1
        inherited = self.processes.get(parent)
        process = Process(self.last_pid, self.now_ns // 10_000_000, parent)
        if inherited is not None:
            process.uid, process.command = inherited.uid, inherited.command
            process.unit, process.owner = inherited.unit, inherited.owner
        for name, value in details.items():
            setattr(process, name, value)
        self.processes[process.pid] = process
        if self.listener:
            self.fork_events.append((process.pid, parent))
        return process

    def work(self, pid: int, nanoseconds: int) -> None:
        """A process uses the CPU."""
        self.processes[pid].cpu_nanoseconds += nanoseconds
        self.busy_ns += nanoseconds

    def steal(self, pid: int, nanoseconds: int) -> None:
        """The hypervisor runs somebody else while the process holds a CPU."""
        self.processes[pid].stolen_ns += nanoseconds
        self.stolen_ns += nanoseconds

    def exit(self, pid: int, zombie: bool = False) -> None:
        """A process ends; its children go to init. Without ``zombie`` its parent waits for it at once."""
        process = self.processes[pid]
        for child in self.processes.values():
            if child.parent == pid:
                child.parent = 1
        if self.listener:
            if self.drop_exits:
                self.lost += 1
            else:
                run = max(0, process.cpu_nanoseconds - self.stale_ns)
                by_age = process.cpu_nanoseconds + process.stolen_ns - run if self.by_age else 0
                doubt = 0 if self.by_age else process.cpu_nanoseconds - run
                self.exits.append(
                    Exit(pid, process.parent, process.uid, process.command, run + by_age, doubt, by_age)
                )
        process.zombie = True
        if not zombie:
            self.reap(pid)

    def reap(self, pid: int) -> None:
        """The parent waits for a zombie, or the kernel does where it ignores SIGCHLD: id and clock are gone."""
        process = self.processes.pop(pid)
        parent = self.processes.get(process.parent)
        if parent is not None and not parent.ignores_children:
            parent.reaped_ns += process.cpu_nanoseconds + process.reaped_ns

    # --- the interfaces of the kernel

    method = "clock"

    def key(self, pid: int) -> int:
        return pid

    def read_clocks(self, keys: Sequence[object]) -> tuple[list[int], list[int]]:
        values, dead = [], []
        for index, pid in enumerate(keys):
            process = self.processes.get(pid)  # type: ignore[call-overload]
            values.append(GONE if process is None else process.cpu_nanoseconds)
            if process is None:
                dead.append(index)
        return values, dead

    def read_one(self, pid: int) -> int | None:
        process = self.processes.get(pid)
        return None if process is None else process.cpu_nanoseconds

    def identity(self, pid: int) -> Identity | None:
        process = self.processes.get(pid)
        if process is None:
            return None
        user = self.user_name(process.uid if process.owner is None else process.owner)
        workload = (
            Workload(process.unit, "unit", user)
            if process.unit
            else Workload(process.command, "command", user)
        )
        return Identity(
            pid, process.start, process.parent, process.uid, process.command, workload, process.owner
        )

    def resident_pages(self, pid: int) -> int | None:
        process = self.processes.get(pid)
        if process is None:
            return None
        return 0 if process.zombie else process.pages

    def start_time(self, pid: int) -> int | None:
        process = self.processes.get(pid)
        return None if process is None else process.start

    def user_name(self, uid: int) -> str:
        return {0: "root", 1000: "alice", 1001: "bob"}.get(uid, str(uid))

    def job_owner(self, job: str, uid: int, parent: int) -> int:
        return uid

    def drain(self) -> Iterable[Exit]:
        exits, self.exits = self.exits, []
        return exits

    def counters(self) -> KernelCounters:
        return KernelCounters(
            self.last_pid, self.forks, self.busy_ns, 50_000, 100_000, self.stolen_ns, self.package_busy_ns
        )


class _Clocks:
    method = "clock"

    def __init__(self, machine: Machine) -> None:
        self.key = machine.key
        self.read = machine.read_clocks
        self.read_one = machine.read_one


class _Identities:
    def __init__(self, machine: Machine) -> None:
        self.read = machine.identity
        self.read_again = lambda before: machine.identity(before.pid)
        self._waited = _Reaped(machine)
        self.start_time = machine.start_time
        self.user_name = machine.user_name
        self.job_owner = machine.job_owner

    def read_with_waited(self, pid: int) -> tuple[Identity, int | None] | None:
        identity = self.read(pid)
        return None if identity is None else (identity, self._waited(pid))


class _Kernel:
    def __init__(self, machine: Machine) -> None:
        self.cpus = machine.cpus
        self.read = machine.counters


class _Forks:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def drain(self) -> list[tuple[int, int]]:
        events, self._machine.fork_events = self._machine.fork_events, []
        return events


class _Reaped:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.coarse_ns = machine.coarse_ns

    def __call__(self, pid: int) -> int | None:
        process = self._machine.processes.get(pid)
        if process is None:
            return None
        return process.reaped_ns - process.reaped_ns % (self.coarse_ns or 1)


def process_table(machine: Machine, new_row: Callable[[Identity], Row]) -> ProcessTable:
    """The exporter's real table on the simulated kernel."""
    return ProcessTable(
        _Clocks(machine),  # type: ignore[arg-type]
        _Identities(machine),
        Births(machine.pid_max),
        lambda: sorted(machine.processes),
        new_row,
        machine.resident_pages,
        machine if machine.listener else None,
        _Reaped(machine),
        forks=_Forks(machine) if machine.listener else None,
        boottime_ns=lambda: machine.now_ns,
    )


CPU = Device("cpu", "package-0", "rapl", 0.05)
CPU_IDLE = Device("cpu", "package-1", "rapl", 0.05, idle_watts=10.0)
DRAM = Device("dram", "dram-0", "rapl", 0.05)
GPU = Device("gpu", "GPU-aaaa", "nvml", 0.05, idle_watts=50.0)


@dataclass
class Meters:
    """Sensors of the simulated machine: what :meth:`draw` adds is read once."""

    pending: dict[Device, list[int]] = field(default_factory=dict)
    uses: list[DeviceUse] = field(default_factory=list)

    def draw(self, device: Device, microjoules: int, nanoseconds: int) -> None:
        """The device draws energy over a time."""
        entry = self.pending.setdefault(device, [0, 0])
        entry[0] += microjoules
        entry[1] += nanoseconds

    def read(self) -> MergedSample:
        steps = tuple(
            EnergyStep(device, microjoules, ns) for device, (microjoules, ns) in self.pending.items()
        )
        uses = tuple(self.uses)
        self.pending, self.uses = {}, []
        return MergedSample(steps, (), uses, ())


@dataclass
class Rig:
    """A whole exporter core on a simulated machine."""

    machine: Machine
    meters: Meters
    sampler: Sampler
    intensity: list[IntensityState]


def rig(
    machine: Machine | None = None,
    config: Config | None = None,
    sensor_set: object = None,
    idle: IdleBook | None = None,
    learner: Learner | None = None,
) -> Rig:
    """Build one. ``intensity[0]`` is what the grid says; replace it to change that."""
    machine = machine or Machine()
    config = config or Config(workloads=Workloads(max=5000, series="all"))
    meters = Meters()
    accounts = Accounts()
    intensity = [IntensityState()]
    sampler = Sampler(
        config,
        Readers(
            sensor_set or meters,  # type: ignore[arg-type]
            _Kernel(machine),
            lambda new_row: process_table(machine, new_row),
            "taskstats" if machine.listener else "cutime",
            "clock",
            lambda: machine.lost,
        ),
        Books(
            accounts,
            idle or IdleBook(),
            WindowBook(config.windows, lambda: machine.wall, lambda: machine.now_ns),
            BudgetBook(config.budgets, lambda: machine.wall),
            Extras(config, accounts),
            learner=learner,
        ),
        lambda: intensity[0],
        Clocks(lambda: machine.wall, lambda: machine.now_ns),
        About("simulated"),
    )
    return Rig(machine, meters, sampler, intensity)


def random_life(machine: Machine, chance: random.Random, steps: int, most: int = 400) -> None:
    """Things that happen between two samples; above ``most`` processes more end than begin."""
    for _ in range(steps):
        alive = [p for p in machine.processes.values() if not p.zombie]
        zombies = [p for p in machine.processes.values() if p.zombie and p.pid != 1]
        someone = chance.choice(alive)
        event = chance.random()
        if event < 0.35 and len(machine.processes) < most:
            machine.fork(someone.pid, uid=chance.choice((1000, 1001)))
        elif event < 0.7:
            machine.work(someone.pid, chance.randrange(1, 50_000_000))
        elif event < 0.9 and someone.pid != 1:
            machine.exit(someone.pid, zombie=chance.random() < 0.2)
        elif event < 0.95:
            someone.command = chance.choice(("python3", "cc1", "make", 'od"d\\na\nme'))
        elif zombies:
            machine.reap(chance.choice(zombies).pid)
