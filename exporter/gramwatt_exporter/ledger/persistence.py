"""The ledger on disk: what a sample booked is there before it is published.

Once a minute it is written whole and swapped in; the samples between go into files that are overwritten (recent.py).
A published counter is never ahead of the saved one, so a crash or kill -9 cannot make a series go back; and the
raw hardware counters are saved with the totals, so what the hardware counted meanwhile is booked after the
restart (as unattributed: nobody was looking).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from ..errors import ConfigError
from ..model import COMPONENTS, PARTS, Device, Meter, Workload
from ..processes.row import UNBORN, WorkloadAccount
from .accounts import Accounts, MeterAccount
from .recent import Recent

if sys.platform != "win32":
    import fcntl

FILE = "ledger.json"
LOCK = "lock"
VERSION = 1
# The ledger is written whole and flushed to the disk this often (and at the end): what a power cut may cost, the kernel
# keeps otherwise.
FLUSH_SECONDS = 60.0


class StateFile:
    """The state directory, held by one exporter at a time. Raises ConfigError when it cannot be used."""

    def __init__(self, directory: str) -> None:
        self.directory = Path(directory)
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._hold()
            probe = self.directory / f".probe-{os.getpid()}"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise ConfigError(
                "$.state.dir",
                f"cannot write to {directory}: {error.strerror}; make it writable for this user or set another",
            ) from None
        self.path = self.directory / FILE
        self._path = str(self.path)
        self._temporary = self.directory / f".{FILE}.new"
        self._recent = Recent(self.directory)
        self._written: tuple[int, int] | None = None  # device and inode of the ledger that we wrote whole
        self._flushed = 0.0

    def _hold(self) -> None:
        """Two exporters on one ledger would overwrite each other's totals: the second is refused. The kernel
        gives the lock back however a process ends."""
        self._lock = os.open(self.directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if sys.platform == "win32":  # nothing keeps a second exporter away there
            return
        try:
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            holder = ""
            with suppress(OSError):
                holder = os.pread(self._lock, 32, 0).decode("ascii", "replace").strip()
            os.close(self._lock)
            raise ConfigError(
                "$.state.dir",
                f"another exporter{f' (pid {holder})' if holder else ''} keeps its ledger in {self.directory};"
                " stop it or give this one a directory of its own",
            ) from None
        except OSError:
            return  # a file system without locks
        with suppress(OSError):  # a full disk: only the hint who holds it is missing
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    def load(self) -> tuple[dict[str, Any] | None, str]:
        """What was saved, None for nothing; and a line for the log when a damaged file was set aside."""
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return None, ""
        except OSError as error:
            raise ConfigError("$.state.dir", f"cannot read {self.path}: {error.strerror}") from None
        try:
            saved = _decoded(text)
            newest = self._recent.newest(str(saved.get("id", "")))
            return (saved if newest is None else _decoded(newest)), ""
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            return None, self.set_aside(str(error))

    def set_aside(self, reason: str) -> str:
        """Move a damaged file away and say so; totals then begin again at zero."""
        aside = self.path.with_name(f"{FILE}.damaged-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}")
        self.path.replace(aside)
        return f"{self.path} is damaged ({reason}); it is kept as {aside.name} and a fresh ledger begins"

    def save(self, state: Mapping[str, Any], last: bool = False) -> None:
        """Have ``state`` on the disk, or in the kernel's hands, before this returns. Raises OSError."""
        flush = last or time.monotonic() - self._flushed >= FLUSH_SECONDS
        if flush or not self._is_ours() or not self._recent.write(msgspec.json.encode(state)):
            self._replace(state, flush)

    def _is_ours(self) -> bool:
        """Whether the ledger is the one that we wrote: somebody may have removed it, or put another one there."""
        try:
            status = os.stat(self._path)  # noqa: PTH116 - at every sample, and Path takes three times as long
        except OSError:
            return False
        return self._written == (status.st_dev, status.st_ino)

    def _replace(self, state: Mapping[str, Any], flush: bool) -> None:
        """Atomically replace the file."""
        self._written = None
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0)
        try:
            descriptor = os.open(self._temporary, flags, 0o600)
        except FileNotFoundError:  # somebody removed the directory: totals are worth a new one
            self.directory.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._temporary, flags, 0o600)
        ledger = os.urandom(8).hex()
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode({**state, "id": ledger}))
                if flush:
                    file.flush()
                    os.fsync(file.fileno())
                    self._flushed = time.monotonic()
            self._temporary.replace(self.path)
        except OSError:
            self._temporary.unlink(missing_ok=True)
            raise
        if sys.platform != "win32":  # which has no pwrite: there every sample replaces the file
            self._recent.begin(ledger)
            status = self.path.stat()
            self._written = (status.st_dev, status.st_ino)


def _decoded(text: bytes) -> dict[str, Any]:
    saved = msgspec.json.decode(text)
    if not isinstance(saved, dict) or saved.get("version") != VERSION:
        raise ValueError(f"not a version {VERSION} ledger")
    return saved


def dump(accounts: Accounts, exported: tuple[list[int], list[int], int]) -> dict[str, Any]:
    """The accounts as JSON types. ``exported`` is what all series of processes have shown so far: after a
    restart none of them is left, so it becomes the departed."""
    energy, amounts, cpu_ns = exported
    return {
        "devices": [
            {
                "component": account.device.component,
                "name": account.device.name,
                "source": account.device.source,
                "uncertainty_ratio": account.device.uncertainty_ratio,
                "energy": account.energy,
                "partition": account.partition,
                "context": account.context,
                "units": str(account.units),
            }
            for account in accounts.devices.values()
        ],
        "meters": [
            {
                "name": account.meter.name,
                "source": account.meter.source,
                "part_of": account.meter.part_of,
                "covers": list(account.meter.covers),
                "energy": account.energy,
            }
            for account in accounts.meters.values()
        ],
        "workloads": _dump_workloads(accounts.workloads),
        "departed_workloads": _dump_workloads(accounts.departed_workloads),
        "users": accounts.users.state(),
        "used": accounts.used,
        "used_units": [str(amount) for amount in accounts.used_units],
        "used_cpu_ns": accounts.used_cpu_ns,
        "exported": energy,
        "exported_units": [str(amount) for amount in amounts],
        "exported_cpu_ns": cpu_ns,
        "priced": [[*key, entry[0], str(entry[1])] for key, entry in accounts.priced.items()],
        "marginal": [[*key, str(amount)] for key, amount in accounts.marginal.items()],
        "priced_ever": accounts.priced_ever,
        "exits_observed": accounts.exits_observed,
        "exits_lost": accounts.exits_lost,
        "resets": [[*key, count] for key, count in accounts.resets.items()],
    }


def load(accounts: Accounts, saved: Mapping[str, Any]) -> None:
    """Fill fresh accounts. Raises KeyError, TypeError or ValueError on a damaged state; then use fresh ones."""
    for entry in saved["devices"]:
        account = accounts.device(
            Device(entry["component"], entry["name"], entry["source"], float(entry["uncertainty_ratio"]))
        )
        account.energy = {str(source): int(energy) for source, energy in entry["energy"].items()}
        account.partition = [int(part) for part in entry["partition"]]
        account.context = int(entry.get("context", 0))
        account.units = int(entry["units"])
        if len(account.partition) != len(PARTS) or sum(account.partition) != sum(account.energy.values()):
            raise ValueError(f"the parts of {entry['component']} {entry['name']} do not sum to its energy")
    for entry in saved["meters"]:
        meter = Meter(entry["name"], entry["source"], entry["part_of"], tuple(entry["covers"]))
        accounts.meters[(meter.name, meter.source)] = MeterAccount(meter)
        accounts.meters[(meter.name, meter.source)].energy = int(entry["energy"])
    accounts.workloads = _load_workloads(saved["workloads"])
    # A ledger from before any could leave has none.
    accounts.departed_workloads = _load_workloads(saved.get("departed_workloads", ()))
    present, departed = accounts.workloads.values(), accounts.departed_workloads.values()
    accounts.users.restore(saved.get("users"), {"present": present, "departed": departed})
    accounts.used, accounts.used_units = _four(saved["used"]), _four(saved["used_units"])
    accounts.used_cpu_ns = int(saved["used_cpu_ns"])
    accounts.exported, accounts.exported_units = _four(saved["exported"]), _four(saved["exported_units"])
    accounts.exported_cpu_ns = int(saved["exported_cpu_ns"])
    accounts.priced = {(p, m): [int(energy), int(amount)] for p, m, energy, amount in saved["priced"]}
    accounts.marginal = {(zone, provider): int(amount) for zone, provider, amount in saved["marginal"]}
    accounts.priced_ever = bool(saved["priced_ever"])
    accounts.exits_observed = {str(mode): int(count) for mode, count in saved["exits_observed"].items()}
    accounts.exits_lost = int(saved["exits_lost"])
    accounts.resets = {(c, d): int(count) for c, d, count in saved["resets"]}


def _dump_workloads(workloads: Mapping[Workload, WorkloadAccount]) -> list[list[Any]]:
    return [
        [
            workload.name,
            workload.kind,
            workload.user,
            account.energy,
            [str(amount) for amount in account.units],
            account.cpu_ns,
        ]
        for workload, account in workloads.items()
        if account.cpu_ns or any(account.energy)
    ]


def _load_workloads(saved: Iterable[Any]) -> dict[Workload, WorkloadAccount]:
    loaded = {}
    for name, kind, user, energy, amounts, cpu_ns in saved:
        account = WorkloadAccount(Workload(name, kind, user))
        account.energy, account.units = _four(energy), _four(amounts)
        account.cpu_ns = int(cpu_ns)
        account.born = [0 if used else UNBORN for used in account.energy]
        account.born[0] = 0  # it has been published: nothing of it begins anew
        loaded[account.workload] = account
    return loaded


def _four(values: Any) -> list[int]:
    if len(values) != len(COMPONENTS):
        raise ValueError(f"expected {len(COMPONENTS)} values, got {len(values)}")
    return [int(value) for value in values]
