"""The real exporter on the real kernel: processes of several threads, however they end.

The last thread of a process is often not its first: after pthread_exit in main, after exit_group with busy threads,
after SIGKILL. Taken for a process of its own, it was charged with all that the process used, a second time.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from bystanders import Share, charged_by_used
from running import Exporter
from thorough import first, spread

TOLERANCE = 0.03
BOUND = 0.2  # CPU seconds, of everything on this machine; one process charged twice is far beyond


@pytest.fixture(scope="session")
def threads(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The compiled program."""
    program = tmp_path_factory.mktemp("threads") / "threads"
    source = Path(__file__).with_name("threads.c")
    subprocess.run(["gcc", "-O2", "-pthread", "-o", program, source], check=True)
    return str(program)


EXITS = ("listening", "falling_back")


@pytest.fixture
def running(request: pytest.FixtureRequest, exits: str) -> Exporter:
    """With exit messages, or with what parents waited for alone."""
    found = request.getfixturevalue(exits)
    assert isinstance(found, Exporter)
    return found


def check(share: Share) -> None:
    assert share.programs == pytest.approx(1, abs=TOLERANCE)
    assert share.bystander == pytest.approx(1, abs=TOLERANCE)
    assert share.overbooked < BOUND


@pytest.mark.parametrize(
    ("scene", "code", "exits"),
    spread([("outlived", 0), ("exits", 0), ("killed", -9), ("brief", 0), ("tiny", 0), ("exec", 0)], EXITS),
)
def test_a_process_of_several_threads_is_charged_once_however_it_ends(
    running: Exporter, threads: str, scene: str, code: int
) -> None:
    # Some live over several samples, others between two.
    # Often enough that the 20 ms to which waited-for time is told are little beside it.
    times = 3 if scene in ("brief", "tiny", "exec") else 2
    programs = [[threads, scene, str(milliseconds)] for milliseconds in (300, 25, 120, 120, 40) * times]
    share = charged_by_used(running, programs)
    assert share.codes == [code] * len(programs)
    check(share)
    assert share.workloads.isdisjoint({"worker", "endless", "tiny", "pool-1-thread-7"})


# What PyTorch's DataLoader does with workers: processes started anew, each with threads that are busy at its end.
LOADER = """
import multiprocessing, os, threading, time

def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(1000))

def load(number):
    for _ in range(2):
        threading.Thread(target=burn, args=(60,), daemon=True).start()
    burn(0.25)
    os._exit(0)

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    for _ in range(2):
        workers = [context.Process(target=load, args=(number,)) for number in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
"""

# NumPy's matrix products run in threads of OpenBLAS, which are there until the process ends.
PRODUCTS = """
import ctypes, os, sys, threading, time
import numpy
a = numpy.random.default_rng(0).random((700, 700))
end = time.process_time() + float(sys.argv[1])
def multiply():
    while time.process_time() < end:
        a @ a
threads = [threading.Thread(target=multiply) for _ in range(2)]
for thread in threads:
    thread.start()
if len(sys.argv) > 2:  # the first thread ends, the interpreter's others go on
    ctypes.CDLL(None).pthread_exit(None)
for thread in threads:
    thread.join()
os._exit(0)
"""


@pytest.mark.parametrize("exits", first(EXITS))
def test_workers_of_a_data_loader_are_charged_once(running: Exporter, tmp_path: Path) -> None:
    program = tmp_path / "loader.py"
    program.write_text(LOADER)
    share = charged_by_used(running, [[sys.executable, str(program)]])
    assert share.codes == [0]
    check(share)


@pytest.mark.parametrize("exits", first(reversed(EXITS)))
def test_threads_of_openblas_are_charged_once(running: Exporter, tmp_path: Path) -> None:
    pytest.importorskip(
        "numpy", reason="NumPy is not installed; scikit-learn brings it in the development set"
    )
    program = tmp_path / "products.py"
    program.write_text(PRODUCTS)
    share = charged_by_used(
        running, [[sys.executable, str(program), "1.5"], [sys.executable, str(program), "0.5"]]
    )
    assert share.codes == [0, 0]
    check(share)
