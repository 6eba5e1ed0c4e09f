"""The loop: keeps its rhythm, survives a broken sample, runs calls on its own thread, saves at the end."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from typing import Any

import pytest
from gramwatt_exporter.loop import Busy, Loop


class Work:
    """Counts what the loop asks for."""

    def __init__(self) -> None:
        self.ticks = 0
        self.saved: list[bool] = []
        self.fail = 0
        self.thread: int | None = None
        self.seen = threading.Event()

    def tick(self) -> None:
        self.ticks += 1
        self.thread = threading.get_ident()
        self.seen.set()
        if self.fail:
            self.fail -= 1
            raise OSError("the hardware sulks")

    def save(self, last: bool) -> None:
        self.saved.append(last)


def run(work: Work, interval: float = 0.01) -> tuple[Loop, threading.Thread]:
    loop = Loop(work, interval)
    thread = threading.Thread(target=loop.run)
    thread.start()
    return loop, thread


def wait(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_broken_sample_does_not_end_it_and_it_saves_at_the_end() -> None:
    work = Work()
    work.fail = 3
    loop, thread = run(work)
    wait(lambda: work.ticks > 6)
    loop.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert work.saved == [True]


def test_calls_run_on_the_loops_thread_and_bring_back_answers_and_errors() -> None:
    work = Work()
    loop, thread = run(work)
    work.seen.wait(10)
    assert loop.call(threading.get_ident) == work.thread
    with pytest.raises(ZeroDivisionError):
        loop.call(lambda: 1 // 0)
    assert loop.call(lambda: "still there") == "still there"
    loop.stop()
    thread.join(10)
    with pytest.raises(Busy):
        loop.call(lambda: None)


def test_what_was_missed_is_skipped_not_made_up_for() -> None:
    """A machine that slept an hour must not wake to 720 samples at once."""
    now = [0.0]
    work = Work()
    stamps: list[float] = []

    class Slow(Work):
        def tick(self) -> None:
            stamps.append(now[0])
            now[0] += 3600 if len(stamps) == 3 else 0.001
            if len(stamps) == 6:
                loop.stop()

    work = Slow()
    loop = Loop(work, 5.0, clock=lambda: now[0])
    # Every wait of the loop passes at once on the virtual clock.
    over = threading.Event()
    waits = threading.Thread(target=_pass_time, args=(loop, now, over))
    waits.start()
    loop.run()
    over.set()
    waits.join()
    gaps = [later - earlier for earlier, later in pairwise(stamps)]
    assert len(stamps) == 6
    assert all(gap >= 0.2 for gap in gaps)


def _pass_time(loop: Loop, now: list[float], over: threading.Event) -> None:
    while not over.is_set():
        now[0] += 0.05
        loop.post(lambda: None)  # wakes the loop so that it looks at the clock
        time.sleep(0.0005)
