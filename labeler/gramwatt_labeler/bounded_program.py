"""A library that reads a stranger's file runs in a program of its own: it may crash, hang or want memory.

What such a program takes is bounded, and what ends is the program and not the server. It answers on standard output.
"""

from __future__ import annotations

import contextlib
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence

from .errors import TryAgain

_TURNS = threading.BoundedSemaphore(2)  # each may take gigabytes
_TURN_SECONDS = 10.0  # how long a file waits for its turn: others may be read for a minute


class NoAnswer(Exception):
    """The program crashed, took too long, or wanted more memory than it may have."""


def answer_of(
    module: str,
    arguments: Sequence[str] = (),
    *,
    content: bytes = b"",
    file: int | None = None,
    seconds: float,
) -> bytes:
    """What a module of this package prints. Its standard input is ``content``, or the open file of this number.

    ``seconds`` bounds its run time. Raises NoAnswer; TryAgain when others are being read and do not end soon.
    """
    line = [sys.executable, "-P", "-m", module, *arguments]
    source = subprocess.PIPE if file is None else file
    with (
        _turn(),
        subprocess.Popen(line, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program,
    ):
        try:
            found, _ = program.communicate(content if file is None else None, timeout=seconds)
        except subprocess.TimeoutExpired:
            program.kill()
            raise NoAnswer(module) from None
    if program.returncode != 0:
        raise NoAnswer(module)
    return bytes(found)


@contextlib.contextmanager
def _turn() -> Iterator[None]:
    if not _TURNS.acquire(timeout=_TURN_SECONDS):
        raise TryAgain("two other files are being read, which may take a minute; try again then")
    try:
        yield
    finally:
        _TURNS.release()


def bound(memory_bytes: int, cpu_seconds: int) -> None:
    """Called by such a program first. A lower bound stays; a sandbox that forbids this has its own."""
    for what, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(what, (least, hard))
