"""When and on which thread each GPU is looked at: those that are fast on one, one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from ...threads import Attempt, Worker
from .gpu import Gpu
from .probe import Look


class Looks:
    """One thread serves all GPUs whose looks are fast: a thread for each would cost more than the looks.

    While one look takes longer than ``patience_seconds``, the GPUs that wait behind it are looked at on threads of
    their own, and so is a GPU whose last look took so long.
    """

    def __init__(self, now_ns: Callable[[], int], patience_seconds: Callable[[], float]) -> None:
        self._now = now_ns
        self._patience = patience_seconds
        self._worker = Worker("nvml-looks")

    def begin(self, gpus: Sequence[Gpu], pids_usable: bool) -> None:
        """Begin a look at each GPU that is not being looked at, and wait a moment for those that are fast."""
        due = [gpu for gpu in gpus if gpu.looking is None]
        begun = [(gpu.begin_look(pids_usable, self._now()), gpu) for gpu in due]
        fast = {attempt: gpu for attempt, gpu in begun if not gpu.slow}
        if not fast:
            return
        waiting = deque(fast)
        if self._worker.submit(partial(_make, waiting)).done(self._patience()):
            return
        # The look under way may never end: its thread is left to it.
        self._worker.retire()
        self._worker = Worker("nvml-looks")
        for attempt in _drain(waiting):
            fast[attempt].worker.put(attempt)
        for attempt, gpu in fast.items():
            gpu.note_pace(is_slow=not attempt.done())


def _drain(waiting: deque[Attempt[Look]]) -> Sequence[Attempt[Look]]:
    taken = []
    while waiting:
        try:
            taken.append(waiting.popleft())
        except IndexError:  # the other thread took the last one
            break
    return taken


def _make(waiting: deque[Attempt[Look]]) -> None:
    while waiting:
        try:
            attempt = waiting.popleft()
        except IndexError:  # the rest was taken back
            return
        attempt.run()
