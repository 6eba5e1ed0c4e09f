"""What measuring costs the run when the exporter hangs, has gone or comes back."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gramwatt
import pytest
from gramwatt import at_exit
from gramwatt.api import Api
from gramwatt.breaker import Breaker
from gramwatt.errors import Refused, Unavailable
from gramwatt.transport import Transport


class Clock:
    """A clock that only moves when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Hung:
    """A socket that takes connections and never answers. ``met`` counts them."""

    def __init__(self, path: Path) -> None:
        self.path, self.met = path, 0
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen(64)
        self._held: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                self._held.append(self._server.accept()[0])
            except OSError:
                return
            self.met += 1

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def hung(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hung]:
    server = Hung(tmp_path / "hung.sock")
    monkeypatch.setenv("GRAMWATT_SOCKET_PATH", str(server.path))
    yield server
    server.close()


def test_pauses_grow_from_one_second_to_sixty() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    pauses = []
    for _ in range(9):
        breaker.failed("hangs", took=5.0)
        pauses.append(breaker.seconds_left)
        clock.now += breaker.seconds_left
        assert breaker.seconds_left == 0
        assert breaker.is_tripped
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    breaker.answered()
    assert not breaker.is_tripped
    breaker.failed("hangs", took=5.0)
    assert breaker.seconds_left == 1


def test_an_exporter_that_is_not_there_is_asked_every_second() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(5):
        breaker.failed("nobody listens", took=0.0001)
        assert breaker.seconds_left == 1
        clock.now += 1


def test_during_the_pause_nothing_is_asked_and_the_reason_is_given(hung: Any) -> None:
    clock = Clock()
    api = Api(Transport([str(hung.path)], timeout=0.05), Breaker(clock))
    with pytest.raises(Unavailable, match="did not answer"):
        api.status()
    met = hung.met
    for _ in range(100):
        with pytest.raises(Unavailable, match=r"did not answer within 0\.05 s \(next try in 1 s\)"):
            api.open({"name": "n", "phase": "training"})
    assert hung.met == met
    clock.now += 1
    with pytest.raises(Unavailable):
        api.open({"name": "n", "phase": "training"})
    assert hung.met == met + 1


def test_an_answer_ends_the_pause_and_a_refusal_is_an_answer(exporter: Any) -> None:
    clock = Clock()
    breaker = Breaker(clock)
    api = Api(Transport([str(exporter.path)]), breaker)
    breaker.failed("hangs", took=5.0)
    clock.now += 1
    with pytest.raises(Refused):
        api.window("none")
    assert not breaker.is_tripped


def test_both_tries_together_take_the_time_limit(hung: Any) -> None:
    api = Api(Transport([str(hung.path)], timeout=0.3), Breaker())
    began = time.monotonic()
    with pytest.raises(Unavailable):
        api.stop("w1")
    assert (
        time.monotonic() - began < 0.3 + 2
    )  # and not twice the limit and a pause; generous for a busy machine
    assert hung.met == 1


@pytest.mark.parametrize(("status", "times", "longest"), [(429, 3, 0.25), (503, 1, 0.5)])
def test_a_call_too_many_waits_for_the_next_place_only(
    exporter: Any, monkeypatch: pytest.MonkeyPatch, status: Any, times: Any, longest: Any
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("gramwatt.api.time.sleep", slept.append)
    body = b'{"error": {"field": "", "message": "too many calls", "fix": "wait"}}'
    refusals = [b"HTTP/1.1 %d No\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)] * times
    exporter.fault = lambda *_: refusals.pop() if refusals else None
    window = Api(Transport([str(exporter.path)]), Breaker()).open(
        {"name": "n", "phase": "training", "values": {}}
    )
    assert window["state"] == "open"
    assert len(slept) == times
    assert sum(slept) <= longest
    exporter.refuse["/windows"] = (status, {"field": "", "message": "too many calls", "fix": ""})
    with pytest.raises(Refused):
        Api(Transport([str(exporter.path)]), Breaker()).open({"name": "n", "phase": "training"})
    assert sum(slept) < 2


def test_recording_does_not_wait_for_an_exporter_that_hangs(exporter: Any) -> None:
    release = threading.Event()
    w = gramwatt.window("x", phase="training", timeout=30).start()
    exporter.fault = lambda _, path: release.wait(30) and None if path.endswith("/values") else None
    before = time.process_time(), time.monotonic()
    for step in range(200):
        w.record(step=step)
    took = time.monotonic() - before[1]
    release.set()
    assert w.stop().values == {"step": 199.0}
    assert took < 5  # one call alone would have taken 30 s


def test_what_was_recorded_while_the_exporter_was_away_goes_with_the_stop(exporter: Any) -> None:
    w = gramwatt.window("x", phase="training").start()
    exporter.stop()
    w.record(a=1)
    w.record(b=2)
    time.sleep(0.1)
    exporter.start()
    assert w.stop().values == {"a": 1.0, "b": 2.0}


def test_a_loop_of_windows_waits_for_a_hung_exporter_once(hung: Any) -> None:
    began = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(200):
            with gramwatt.window("x", phase="inference", timeout=0.2) as w:
                w.record(tokens=1)
    # Once for the first, then within the pauses nothing; each would cost 0.2 s alone, 40 s together.
    assert time.monotonic() - began < 8
    assert hung.met < 10


@pytest.mark.slow
def test_values_of_a_window_nobody_stopped_are_sent_at_the_end(python: Any, exporter: Any) -> None:
    done = python("""
import gramwatt
w = gramwatt.window("x", phase="training").start()
for step in range(100):
    w.record(step=step)
""")
    assert done.returncode == 0, done.stderr
    assert exporter.only()["values"] == {"step": 99.0}
    assert exporter.only()["state"] == "open"  # the exporter ends it with the process


@pytest.mark.slow
def test_an_exception_that_ends_the_program_is_the_outcome_of_its_windows(python: Any, exporter: Any) -> None:
    done = python("""
import gramwatt
w = gramwatt.window("x", phase="training").start()
w.record(step=1)
raise MemoryError
""")
    assert done.returncode == 1
    assert exporter.only()["outcome"] == {"exception": "MemoryError"}
    assert exporter.only()["values"] == {"step": 1.0}


@pytest.mark.slow
def test_the_end_of_a_program_is_bounded(python: Any, hung: Any) -> None:
    code = """
import gramwatt, time, warnings
warnings.simplefilter("ignore")
w = gramwatt.window("x", phase="training", timeout=60)
w.id, w._outbox.window = "w1", "w1"  # opened before the exporter hung
from gramwatt import at_exit
at_exit.SECONDS = 0.2
at_exit.remember(w)
w.record(step=1)
print(time.monotonic())
"""
    began = time.monotonic()
    assert python(code).returncode == 0
    assert time.monotonic() - began < 20  # its own limit is 60 s


@pytest.mark.slow
def test_a_forked_child_sends_what_it_records(python: Any, exporter: Any) -> None:
    done = python("""
import gramwatt, os
with gramwatt.window("x", phase="training") as w:
    w.record(parent=1)
    for i in range(3):
        pid = os.fork()
        if pid == 0:
            w.record(**{f"child{i}": i})
            os._exit(0)
        os.waitpid(pid, 0)
""")
    assert done.returncode == 0, done.stderr
    assert exporter.only()["values"] == {"parent": 1.0, "child0": 0.0, "child1": 1.0, "child2": 2.0}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="earlier versions do not warn of forking with threads")
def test_recording_does_not_make_a_program_multi_threaded(python: Any, exporter: Any) -> None:
    done = python("""
import gramwatt, os, threading, time
with gramwatt.window("x", phase="training") as w:
    w.record(step=1)
    deadline = time.monotonic() + 30
    while threading.active_count() > 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() == 1
""")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_warnings_as_errors_do_not_end_a_training(python: Any) -> None:
    done = python("""
import warnings
warnings.simplefilter("error")
import gramwatt
with gramwatt.window("x", phase="training") as w:
    w.record(loss=float("nan"))
print("done")
""")
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert "warning: windows are not measured" in done.stderr


@pytest.mark.parametrize("path", ["a\0b", "/" + "x" * 300, "\udcff"])
def test_a_socket_path_that_cannot_be_used_is_a_warning(path: Any) -> None:
    with (
        pytest.warns(gramwatt.GramwattWarning, match="not measured"),
        gramwatt.window("x", phase="training", socket=path) as w,
    ):
        pass
    assert w.result.joules is None


def test_windows_that_were_stopped_are_not_kept(exporter: Any) -> None:
    with gramwatt.window("x", phase="training") as w:
        assert at_exit._open[id(w)] == (os.getpid(), w)
    assert w not in [window for _, window in at_exit._open.values()]
