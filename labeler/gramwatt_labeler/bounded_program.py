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
from contextvars import ContextVar

from .errors import TryAgain

_MOST_TURNS = 2  # each may take gigabytes
_MOST_WAITING = 4  # of one person: each holds a thread of the server
_TURN_SECONDS = 10.0  # how long a file waits for its turn: others may be read for a minute
_READER: ContextVar[str] = ContextVar("reader", default="")


@contextlib.contextmanager
def reading_for(name: str) -> Iterator[None]:
    """What is read inside counts as that person's, who has one turn at a time."""
    token = _READER.set(name)
    try:
        yield
    finally:
        _READER.reset(token)


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
        _TURNS.turn(_READER.get()),
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


class _Turns:
    """A waiting line by person: one turn each at a time, and next is the person whose last turn began the longest ago.

    A person with many files does not stand in the way of one with a single file.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holding: list[str] = []
        self._waiting: list[tuple[str, object]] = []
        self._last: dict[str, int] = {}  # of those who hold a turn or wait: the number of their last one
        self._count = 0

    @contextlib.contextmanager
    def turn(self, person: str) -> Iterator[None]:
        """Raises TryAgain when there is none within seconds."""
        ticket = (person, object())
        with self._changed:
            if sum(other == person for other, _ in self._waiting) >= _MOST_WAITING:
                raise TryAgain("several of your files wait to be read already; try again when they are done")
            self._waiting.append(ticket)
            has_turn = self._changed.wait_for(lambda: self._next() is ticket, _TURN_SECONDS)
            self._waiting.remove(ticket)
            own = person in self._holding
            if has_turn:
                self._count += 1
                self._last[person] = self._count
                self._holding.append(person)
            self._forget()
            self._changed.notify_all()
        if not has_turn:
            which = "another file of yours is" if own else "two other files are"
            raise TryAgain(f"{which} being read, which may take a minute; try again then")
        try:
            yield
        finally:
            with self._changed:
                self._holding.remove(person)
                self._forget()
                self._changed.notify_all()

    def _next(self) -> tuple[str, object] | None:
        if len(self._holding) >= _MOST_TURNS:
            return None
        free = [one for one in self._waiting if one[0] not in self._holding]
        return min(free, key=lambda one: self._last.get(one[0], 0), default=None)

    def _forget(self) -> None:
        there = {*self._holding, *(person for person, _ in self._waiting)}
        self._last = {person: number for person, number in self._last.items() if person in there}


_TURNS = _Turns()


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
