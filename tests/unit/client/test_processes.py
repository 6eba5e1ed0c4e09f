"""Windows across fork, spawn, multiprocessing, interrupts and ranks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from known import known
from thorough import spread

pytestmark = pytest.mark.slow

CLIENT = Path(__file__).parents[3] / "client"


def test_a_forked_child_does_not_close_its_parents_window(python: Any, exporter: Any) -> None:
    done = python("""
import os, gramwatt
with gramwatt.window("fit", phase="training") as w:
    pid = os.fork()
    if pid == 0:
        w.record(child=1)
        try:
            with gramwatt.window("inside", phase="training"):
                pass
        finally:
            w.stop()
            os._exit(0)
    os.waitpid(pid, 0)
    print(w.live().state)
""")
    assert done.stderr == ""
    assert done.stdout == "open\n"
    fit, inside = exporter.windows.values()
    assert fit["values"] == {"child": 1.0}
    assert fit["ended_by"] == "stop"
    assert inside["parent"] == fit["window"]
    assert inside["pid"] != fit["pid"]


def test_child_leaving_the_with_block_after_fork(python: Any, exporter: Any) -> None:
    python("""
import os, gramwatt
with gramwatt.window("fit", phase="training") as w:
    pid = os.fork()
if pid:
    os.waitpid(pid, 0)
else:
    assert w.result.joules is None
""")
    stops = [call for call in exporter.calls if call[1].endswith("/stop")]
    assert len(stops) == 1


def test_multiprocessing_by_every_start_method(python: Any, exporter: Any) -> None:
    done = python("""
import gramwatt, multiprocessing, sys

def work(x):
    with gramwatt.window("part", phase="training"):
        return x * x

if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        with gramwatt.window(method, phase="training") as w:
            with multiprocessing.get_context(method).Pool(2) as pool:
                assert pool.map(work, range(4)) == [0, 1, 4, 9]
        assert w.result.measured
""")
    assert done.returncode == 0, done.stderr
    names = exporter.names()
    assert [name for name in names if name != "part"] == ["fork", "spawn", "forkserver"]
    assert names.count("part") == 12
    assert {w["state"] for w in exporter.windows.values()} == {"finished"}


def test_interrupt_closes_the_window(exporter: Any, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", """
import gramwatt, time
with gramwatt.window("x", phase="training"):
    print("ready", flush=True)
    time.sleep(60)
"""],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(CLIENT)},
    )  # fmt: skip
    known(process.stdout).readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in err
    assert exporter.only()["ended_by"] == "stop"


MEET = """
import os, pathlib, time
def meet(ranks, name="meeting"):
    "Return once so many ranks are in the window: a busy machine starts the last one late."
    place = pathlib.Path(os.environ["MEETING"])
    (place / f"{name}-{os.getpid()}").touch()
    deadline = time.monotonic() + 50
    while len(list(place.glob(f"{name}-*"))) < ranks and time.monotonic() < deadline:
        time.sleep(0.02)
"""
RANK = (
    MEET
    + """
import gramwatt, sys
time.sleep(float(sys.argv[1]))
for epoch in range(2):
    with gramwatt.window("epoch", phase="training") as w:
        if os.environ["RANK"] == "0":
            w.record(samples=10)
        meet(int(os.environ["WORLD_SIZE"]), f"epoch{epoch}")
print(w.id)
"""
)


def _ranks(code: str, delays: list[float], **environ: str) -> list[str]:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(delay)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(CLIENT), "RANK": str(i), "LOCAL_RANK": str(i),
                 "LOCAL_WORLD_SIZE": str(len(delays)), "WORLD_SIZE": str(len(delays)), "MASTER_PORT": "29500",
                 "TORCHELASTIC_RUN_ID": "none", **environ},
        )
        for i, delay in enumerate(delays)
    ]  # fmt: skip
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [err for _, err in outputs] == [""] * len(delays)
    return [out.strip() for out, _ in outputs]


def test_ranks_share_one_window_that_rank_zero_opens_and_stops(exporter: Any, tmp_path: Path) -> None:
    ids = _ranks(RANK, [0.3, 0.0, 0.4], MEETING=str(tmp_path))
    assert exporter.names() == ["epoch", "epoch"]
    assert ids == ["w2"] * 3
    for window in exporter.windows.values():
        assert len(window["joined"]) == 2
        assert window["values"] == {"samples": 10.0}
        assert window["ended_by"] == "stop"
    assert sum(path.endswith("/stop") for _, path, _ in exporter.calls) == 2


LAUNCHERS = {
    "deepspeed": {
        "LOCAL_RANK": "{i}",
        "LOCAL_SIZE": "3",
        "RANK": "{i}",
        "WORLD_SIZE": "3",
        "MASTER_PORT": "29500",
    },
    "horovod": {"HOROVOD_LOCAL_RANK": "{i}", "HOROVOD_LOCAL_SIZE": "3"},
    "open mpi": {"OMPI_COMM_WORLD_LOCAL_RANK": "{i}", "OMPI_COMM_WORLD_LOCAL_SIZE": "3"},
    "mvapich": {"MV2_COMM_WORLD_LOCAL_RANK": "{i}", "MV2_COMM_WORLD_LOCAL_SIZE": "3"},
    "mvapich 4": {"MVP_COMM_WORLD_LOCAL_RANK": "{i}", "MVP_COMM_WORLD_LOCAL_SIZE": "3"},
    "hydra": {"MPI_LOCALRANKID": "{i}", "MPI_LOCALNRANKS": "3", "PMI_RANK": "{i}", "PMI_SIZE": "3"},
    "pals": {"PALS_LOCAL_RANKID": "{i}", "PALS_LOCAL_SIZE": "3"},
    "cray pmi": {"PMI_LOCAL_RANK": "{i}", "PMI_LOCAL_SIZE": "3"},
    "jsrun": {"JSM_NAMESPACE_LOCAL_RANK": "{i}", "JSM_NAMESPACE_LOCAL_SIZE": "3"},
    "flux": {"FLUX_TASK_LOCAL_ID": "{i}", "FLUX_JOB_SIZE": "3"},
    "slurm": {"SLURM_LOCALID": "{i}", "SLURM_STEP_NUM_TASKS": "3"},
    "variables of torch.distributed": {
        "LOCAL_RANK": "{i}",
        "RANK": "{i}",
        "WORLD_SIZE": "3",
        "MASTER_PORT": "29500",
    },
}
ONE_WINDOW = (
    MEET
    + """
import gramwatt
with gramwatt.window("train", phase="training") as w:
    meet(3)
print(w.id)
"""
)


@pytest.mark.parametrize(("launcher", "wrapped"), spread(LAUNCHERS, [False, True]))
def test_ranks_of_every_launcher_share_one_window(
    exporter: Any, tmp_path: Path, launcher: Any, wrapped: Any
) -> None:
    """Also where each rank is started through a shell of its own, as ``mpirun ... sh wrapper.sh`` does."""
    variables = LAUNCHERS[launcher]
    command = [sys.executable, "-c", ONE_WINDOW]
    if wrapped:
        command = ["sh", "-c", '"$@"; exit $?', "sh", *command]
    processes = [
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(CLIENT), "MEETING": str(tmp_path),
                 **{k: v.format(i=i) for k, v in variables.items()}},
        )
        for i in range(3)
    ]  # fmt: skip
    assert [process.communicate(timeout=60) for process in processes] == [("w1\n", "")] * 3
    assert exporter.names() == ["train"]
    assert len(exporter.only()["joined"]) == 2
    assert exporter.only()["ended_by"] == "stop"


def test_a_rank_that_starts_the_others_leads_them(python: Any, exporter: Any) -> None:
    """As Lightning does: rank 0 runs the script again for the others, and its window is older than the variables."""
    done = python("""
import gramwatt, os, subprocess, sys
w = gramwatt.window("train", phase="training").start()
child = None
if "LOCAL_RANK" not in os.environ:
    os.environ.update(LOCAL_RANK="0", WORLD_SIZE="2", MASTER_PORT="1")
    child = subprocess.Popen([sys.executable, *sys.argv], env={**os.environ, "LOCAL_RANK": "1"})
    child.wait(30)
w.stop()
print(w.id, flush=True)
""")
    assert (done.stdout, done.stderr) == ("w1\nw1\n", "")
    assert exporter.names() == ["train"]


def test_one_rank_alone_is_no_rank() -> None:
    from gramwatt import ranks

    assert ranks.current({"LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1", "WORLD_SIZE": "1"}) is None
    assert ranks.current({"LOCAL_RANK": "x", "WORLD_SIZE": "4"}) is None
    assert ranks.current({"WORLD_SIZE": "4"}) is None


def test_ranks_on_their_own_when_asked(exporter: Any, tmp_path: Path) -> None:
    _ranks(RANK.replace('phase="training"', 'phase="training", per_rank=True'), [0, 0], MEETING=str(tmp_path))
    assert exporter.names() == ["epoch"] * 4


def test_gramwatt_window_is_joined_and_only_rank_zero_stops_it(python: Any, exporter: Any) -> None:
    import gramwatt

    w = gramwatt.window("job", phase="training").start()
    assert w.environment() == {"GRAMWATT_WINDOW": "w1"}
    code = """
import gramwatt
with gramwatt.window("job", phase="training", values={"samples": 3}) as w:
    with gramwatt.window("part", phase="training"):
        pass
print(w.id, w.result.state)
"""
    assert python(code, **w.environment(), RANK="1").stdout == "w1 open\n"
    assert exporter.windows["w1"]["state"] == "open"
    assert exporter.windows["w2"]["parent"] == "w1"
    assert python(code, **w.environment()).stdout == "w1 open\n"
    assert python(code, **w.environment(), RANK="0").stdout == "w1 finished\n"
    assert len(exporter.windows["w1"]["joined"]) == 3
    assert exporter.windows["w1"]["values"] == {"samples": 3.0}


def test_gramwatt_window_that_has_gone_means_a_window_of_ones_own(python: Any, exporter: Any) -> None:
    done = python("""
import gramwatt
with gramwatt.window("x", phase="training") as w:
    pass
print(w.result.measured)
""", GRAMWATT_WINDOW="gone")  # fmt: skip
    assert done.stdout == "True\n"
    assert "GRAMWATT_WINDOW=gone cannot be joined" in done.stderr
    assert exporter.names() == ["x"]


JOINED = """
import gramwatt
with gramwatt.window("job", phase="training", values={"samples": 3}) as w:
    pass
print(w.id, w.result.state, w.result.joules > 0)
"""


def test_a_worker_leaves_the_window_it_joined_with_the_end_of_its_with(python: Any, exporter: Any) -> None:
    import gramwatt

    w = gramwatt.window("job", phase="training").start()
    done = python(JOINED, **w.environment())
    assert (done.stdout, done.stderr) == ("w1 open True\n", "")
    assert exporter.only()["left"] == exporter.only()["joined"] != []
    assert exporter.only()["values"] == {"samples": 3.0}


def test_rank_zero_stops_the_window_and_has_nothing_to_leave(python: Any, exporter: Any) -> None:
    import gramwatt

    w = gramwatt.window("job", phase="training").start()
    assert python(JOINED, **w.environment(), RANK="0").stdout == "w1 finished True\n"
    assert exporter.only()["left"] == []


def test_an_exporter_that_does_not_know_leaving_is_no_trouble(python: Any, exporter: Any) -> None:
    import gramwatt

    w = gramwatt.window("job", phase="training").start()
    exporter.refuse["/leave"] = 404, {"field": "", "message": "no path '/v1/windows/w1/leave'", "fix": ""}
    done = python(JOINED, **w.environment())
    assert (done.stdout, done.stderr) == ("w1 open True\n", "")


def test_leaving_by_hand_once_is_enough(python: Any, exporter: Any) -> None:
    import gramwatt

    w = gramwatt.window("job", phase="training").start()
    done = python("""
import gramwatt
with gramwatt.window("job", phase="training") as w:
    w.leave()
    w.leave()
    with gramwatt.window("own", phase="training") as own:
        own.leave()
print(w.result.state, own.result.state)
""", **w.environment())  # fmt: skip
    assert (done.stdout, done.stderr) == ("open finished\n", "")
    assert len(exporter.windows["w1"]["left"]) == 1
    assert exporter.windows["w2"]["left"] == []


def test_the_last_of_several_tasks_at_once_leaves(python: Any, exporter: Any) -> None:
    import gramwatt

    w = gramwatt.window("job", phase="training").start()
    done = python("""
import gramwatt, threading
both = threading.Barrier(2)
first_is_over = threading.Event()
def task(number):
    with gramwatt.window("job", phase="training"):
        both.wait()
        if number:
            first_is_over.wait()
            assert not left()
    first_is_over.set()
def left():
    return any(call.endswith("/leave") for call in calls)
calls = []
from gramwatt import transport
call = transport.Transport.call
def heard(self, method, path, *more, **named):
    calls.append(path)
    return call(self, method, path, *more, **named)
transport.Transport.call = heard
threads = [threading.Thread(target=task, args=(number,)) for number in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(left())
""", **w.environment())  # fmt: skip
    assert (done.stdout, done.stderr) == ("True\n", "")
    assert len(exporter.only()["left"]) == 1


def test_a_worker_whose_exporter_went_away_goes_on(python: Any, exporter: Any) -> None:
    import gramwatt

    w = gramwatt.window("job", phase="training").start()
    exporter.fault = lambda method, path: b"" if path.endswith(("/leave", "/w1?sample=true")) else None
    done = python(JOINED.replace("> 0", "is None"), **w.environment())
    assert done.returncode == 0
    assert done.stdout == "w1 finished True\n"
    assert done.stderr.count("GramwattWarning") == 1


def test_a_forked_child_of_a_worker_does_not_leave_for_it(python: Any, exporter: Any) -> None:
    import gramwatt

    w = gramwatt.window("job", phase="training").start()
    python("""
import gramwatt, os
with gramwatt.window("job", phase="training") as w:
    if os.fork() == 0:
        w.leave()
        w.stop()
        os._exit(0)
    os.wait()
""", **w.environment())  # fmt: skip
    assert len(exporter.only()["left"]) == 1
