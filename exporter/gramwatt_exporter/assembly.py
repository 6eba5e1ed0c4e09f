"""Put the parts together from a checked configuration. The only place that knows every part; used by command.py."""

from __future__ import annotations

import logging
import os
import platform
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from .budgets import BudgetBook
from .config import Config
from .errors import ConfigError, Denied, Fatal, GramwattError, NotHere
from .hardware import hardware
from .idle import IdleBook, Learner, MachineClasses
from .intensity.refresher import Refresher
from .intensity.registry import build as build_providers
from .ledger import persistence
from .ledger.accounts import Accounts
from .ledger.extras import Extras
from .ledger.storage import StateFile
from .log import FieldLogger
from .loop import Loop
from .machine import machine_info
from .metrics.exposition import Exposition
from .model import Identity
from .node import Node
from .processes.births import Births
from .processes.linux import clocks
from .processes.linux.identity import IdentityReader
from .processes.linux.kernel import Kernel
from .processes.linux.names import ContainerNames
from .processes.linux.proc_connector import ForkListener
from .processes.linux.procfiles import (
    ReapedTime,
    hides_processes,
    ignores_children_of,
    list_procfs,
    pages_of_threads_of,
    resident_pages_of,
)
from .processes.linux.taskstats import ExitListener
from .processes.linux.users import UserNames
from .processes.row import Row
from .processes.table import ProcessTable
from .sampler import Sampler
from .sampler_parts import About, Books, Clocks, Readers
from .sensors.packages import packages
from .sensors.registry import build as build_sensors
from .sensors.sensor_set import SensorSet
from .sensors.supervisor import Logger
from .socket_api import SocketApi, default_paths
from .web import WebServer
from .webconfig import WebConfig
from .windows import WindowBook
from .windows.catch_up import CatchUp
from .windows.ended import EndedWindows
from .windows.journal import Journal

if TYPE_CHECKING:
    from .socket_api.tcp import TcpApi

_LOG = logging.getLogger(__name__)


class Exporter(Struct):
    """The wired exporter. ``run`` blocks until ``loop.stop()``."""

    config: Config
    sensor_set: SensorSet
    refresher: Refresher
    node: Node
    loop: Loop
    web: WebServer
    socket_api: SocketApi | None
    tcp_api: TcpApi | None

    def run(self) -> None:
        """Start every thread, sample until stopped, end them all."""
        self.web.start()  # first, so that health checks and scrapes are answered while a driver hangs
        self.sensor_set.open()
        self.refresher.start()
        if self.socket_api is not None:
            self.socket_api.start()
        if self.tcp_api is not None:
            self.tcp_api.start()
        try:
            self.loop.run()
        finally:
            if self.tcp_api is not None:
                self.tcp_api.stop()
            if self.socket_api is not None:
                self.socket_api.stop()
            self.web.stop()
            self.refresher.stop()
            self.sensor_set.close()


def boottime_ns() -> int:
    """Nanoseconds since boot, suspended time included where the system counts it."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def assemble(config: Config, environ: Mapping[str, str], wanted: Collection[str] = ()) -> Exporter:
    """Wire everything; ``wanted`` are the sensors that the user switched on.

    Raises GramwattError naming the setting and the fix.
    """
    boot_id = _boot_id(config.path.procfs)
    state_dir = Path(config.state.dir) if config.state.dir else None
    state_file = StateFile(config.state.dir) if config.state.dir else None
    journal = Journal(state_dir, boot_id) if state_dir else None
    if state_file is None:
        _LOG.info("no state.dir is set: totals and windows begin again at a restart")
    machine = MachineClasses(config.path.procfs, config.path.sysfs)
    accounts, baseline = Accounts(), IdleBook(machine)
    extras = Extras(config, accounts)
    windows, catch_up = WindowBook(config.windows, own_uid=getattr(os, "getuid", lambda: None)()), CatchUp()
    budgets = BudgetBook(config.budgets, time.time)
    exposition = Exposition()
    parts = hardware(config.path.procfs, config.path.sysfs)
    ended = EndedWindows(parts)
    sensor_set = build_sensor_set(config, FieldLogger("gramwatt_exporter.sensors"), wanted)
    if state_file is not None and journal is not None:
        restored = restore(
            state_file, boot_id, sensor_set, baseline, extras, windows, budgets, catch_up, exposition
        )
        accounts = extras.accounts = restored or accounts
        for line in _answered(journal, windows, catch_up):
            _LOG.warning(line)
    providers = build_providers(config.intensity, environ, state_dir)
    refresher = Refresher(config.intensity, providers, state_dir, time.time, steady=time.monotonic)
    identities, table, kernel, exits, clock_method = _processes(config, machine)
    sampler = Sampler(
        config,
        Readers(
            sensor_set,
            kernel,
            table,
            exits.mode if exits else ("cutime" if clock_method != "psutil" else "residual"),
            clock_method,
            lambda: exits.lost if exits else 0,
        ),
        Books(
            accounts,
            baseline,
            windows,
            budgets,
            extras,
            catch_up,
            Learner(baseline, kernel.cpus, machine.packages),
        ),
        refresher.current,
        Clocks(boottime_ns=boottime_ns),
        About(
            boot_id,
            machine_info(config.path.procfs, config.path.sysfs, config.machine.id, config.machine.node),
            parts,
        ),
    )
    node = Node(
        sampler,
        exposition,
        state_file,
        float(config.state.save_interval),
        sensor_set.state,
        boot_id,
        float(config.sampling.interval),
        journal,
        ended,
    )
    loop = Loop(node, float(config.sampling.interval))
    node.loop = loop
    web = _web(config, exposition, ended)
    socket_api = _socket(config, environ, node, identities.user_name)
    return Exporter(
        config, sensor_set, refresher, node, loop, web, socket_api, _tcp(config, node, socket_api)
    )


def build_sensor_set(config: Config, log: Logger, wanted: Collection[str] = ()) -> SensorSet:
    """Every sensor of the configuration; nothing is opened yet."""
    return SensorSet(
        build_sensors(config, boottime_ns, time.monotonic_ns),
        boottime_ns,
        log,
        time.monotonic_ns,
        wanted,
        lambda: packages(config.path.procfs),
    )


def restore(
    state_file: StateFile,
    boot_id: str,
    sensor_set: SensorSet,
    baseline: IdleBook,
    extras: Extras,
    windows: WindowBook,
    budgets: BudgetBook,
    catch_up: CatchUp | None = None,
    exposition: Exposition | None = None,
) -> Accounts | None:
    """Restore the saved state; None when nothing is usable (a damaged ledger is moved away and logged)."""
    saved, damage = state_file.load(_accounts_of)
    if damage:
        _LOG.error(damage)
    if saved is None:
        return None
    accounts: Accounts = state_file.taken
    same_boot = saved["boot_id"] == boot_id
    sensor_set.go_on_counting_resets(accounts.resets)
    parts: dict[str, Callable[[Any], Any]] = {
        "baseline": baseline.restore,
        "extras": extras.restore,
        "budgets": budgets.restore,
        "windows": lambda part: windows.restore(part, same_boot),
    }
    if exposition is not None and "scraped_at" in saved:
        parts["scraped_at"] = exposition.resume
    if same_boot:  # after a reboot the hardware counters have begun again
        parts["sensors"] = sensor_set.restore
        if catch_up is not None and "clocks" in saved:
            parts["clocks"] = catch_up.restore
    for name, take in parts.items():
        try:
            problems = take(saved[name])
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            problems = [f"the saved {name} cannot be read and begin again: {error!r}"]
        for line in problems or ():
            _LOG.warning(line)
    _LOG.info("totals of %s go on", state_file.directory)
    return accounts


def _accounts_of(saved: Mapping[str, Any]) -> Accounts:
    accounts = Accounts()
    persistence.load(accounts, saved["accounts"])
    str(saved["boot_id"])
    return accounts


def _answered(journal: Journal, windows: WindowBook, catch_up: CatchUp) -> Sequence[str]:
    """Restore windows that changed after the last save of the ledger. Returns lines for the log."""
    problems = windows.replay(journal.read())
    before = windows.sampled_before_ns
    if windows.open_ids and not catch_up.is_due and before is not None:
        # Opened since the last sample: the clocks of their processes are not saved, so the time counts as missed.
        problems += catch_up.restore({"at_ns": before, "busy_ns": None, "clocks": []})
    return problems


def _boot_id(procfs: str) -> str:
    try:
        return Path(procfs, "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        import uuid

        # No boot id (not Linux): the hardware counters of another run cannot be trusted to be of this boot.
        return f"{platform.system()}-{uuid.uuid4()}"


MakeTable = Callable[[Callable[[Identity], Row]], ProcessTable]


def _processes(
    config: Config, machine: MachineClasses
) -> tuple[Any, MakeTable, Any, ExitListener | None, str]:
    """Readers of this machine's processes: identities, table factory, kernel counters, exits, clock method."""
    procfs = config.path.procfs
    source = clocks.choose(procfs)
    if source.method == "psutil":
        from .processes import portable

        identities: Any = portable.PsutilIdentities()
        kernel: Any = portable.PsutilKernel()

        def make_portable(new_row: Callable[[Identity], Row]) -> ProcessTable:
            births = Births(kernel.pid_max)
            return ProcessTable(source, identities, births, portable.pids, new_row, portable.resident_pages)

        _LOG.info(
            "processes are read through psutil on %s; those that end between two samples are not seen",
            sys.platform,
        )
        return identities, make_portable, kernel, None, source.method
    if source.method == "stat":
        _LOG.warning(
            "%s belongs to another PID namespace: CPU time is read from stat files, which costs more;"
            " run in the host's PID namespace (compose: pid: host)",
            procfs,
        )
    try:
        kernel = Kernel(procfs, machine.packages)
        kernel.read()
    except OSError as error:
        raise ConfigError("$.path.procfs", f"{procfs} is not a proc file system: {error.strerror}") from None
    except (ValueError, IndexError):
        raise ConfigError(
            "$.path.procfs",
            f"{procfs} is not a proc file system: its loadavg, stat or meminfo is not the kernel's",
        ) from None
    if hides_processes(procfs):
        _LOG.warning(
            "%s does not show the processes of other users (hidepid): they are charged only when they end. Grant"
            " CAP_SYS_PTRACE, or mount it with gid= of a group of the exporter",
            procfs,
        )
    identities = IdentityReader(procfs, UserNames.of(procfs), ContainerNames.of(procfs))
    exits = _exits(config) if source.method == "clock" else None
    forks = _forks() if source.method == "clock" else None

    def make(new_row: Callable[[Identity], Row]) -> ProcessTable:
        return ProcessTable(
            source,
            identities,
            Births(kernel.pid_max),
            list_procfs(procfs),
            new_row,
            resident_pages_of(procfs),
            exits,
            ReapedTime(procfs),
            ignores_children_of(procfs),
            forks,
            pages_of_threads_of(procfs),
        )

    return identities, make, kernel, exits, source.method


def _exits(config: Config) -> ExitListener | None:
    try:
        return ExitListener(config.path.sysfs)
    except Denied as error:
        _LOG.warning("%s: %s. Until then parents' waited-for time is used", error, error.fix)
    except NotHere as error:
        _LOG.warning("%s; parents' waited-for time is used instead", error)
    return None


def _forks() -> ForkListener | None:
    try:
        return ForkListener()
    except (Denied, NotHere) as error:
        _LOG.info(
            "%s; a process whose parent ends before the next sample is not known to be its child", error
        )
    return None


def _web(config: Config, exposition: Exposition, ended: EndedWindows) -> WebServer:
    host, _, port = config.web.listen_address.rpartition(":")
    guard = WebConfig(config.web.config_file)
    names = [name for part in config.web.hosts.split(",") if (name := part.strip())]
    return WebServer((host.strip("[]"), int(port)), exposition, guard, names, ended)


def _socket(
    config: Config, environ: Mapping[str, str], node: Node, users: Callable[[int], str]
) -> SocketApi | None:
    try:
        paths = default_paths(config.socket.path, environ.get("XDG_RUNTIME_DIR", ""))
        return SocketApi(paths, node, users, procfs=config.path.procfs)
    except (Denied, Fatal) as error:
        if config.socket.path:
            raise
        _LOG.warning("windows cannot be recorded: %s. %s", error, error.fix)
    except NotHere as error:
        _LOG.info("%s", error)
    return None


def _tcp(config: Config, node: Node, socket_api: SocketApi | None) -> TcpApi | None:
    tcp, procfs = config.windows.tcp, config.path.procfs
    if not tcp.listen_address:
        return None
    from .socket_api.tcp import TcpApi

    rate = socket_api.rate if socket_api is not None else None
    return TcpApi(tcp, node, UserNames.of(procfs), rate, procfs=procfs)


def check(config: Config) -> None:
    """Check the files that settings name, for ``--config.check``. Raises ConfigError for an unusable token file."""
    from .socket_api.tcp import check_files

    check_files(config.windows.tcp, UserNames.of(config.path.procfs))


def running_as() -> str:
    """Process id and version of Python, for the first log line."""
    return f"pid {os.getpid()}, Python {platform.python_version()}"


__all__ = ["Exporter", "GramwattError", "assemble", "boottime_ns", "running_as"]
