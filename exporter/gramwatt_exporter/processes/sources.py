"""What the process table reads: identities, exits and forks. The kernel's own are in the files beside this one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ..model import Identity
from .linux.exit_message import Exit


class Identities(Protocol):
    """What identifies a process."""

    def read(self, pid: int) -> Identity | None: ...

    def read_again(self, before: Identity) -> Identity | None: ...

    def read_with_waited(self, pid: int) -> tuple[Identity, int | None] | None: ...

    def start_time(self, pid: int) -> int | None: ...

    def user_name(self, uid: int) -> str: ...

    def job_owner(self, job: str, uid: int, parent: int) -> int: ...


class ExitSource(Protocol):
    """Where process exits come from."""

    mode: str
    lost: int

    def drain(self) -> Iterable[Exit]: ...


class ForkSource(Protocol):
    """Where forks come from: (child, parent) of each process since the last drain."""

    def drain(self) -> Iterable[tuple[int, int]]: ...
