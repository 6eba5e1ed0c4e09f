"""Callers in containers number their processes themselves; the exporter must find the right ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.socket_api.namespaces import pid_from_here
from gramwatt_exporter.windows import ApiError

BOX, OTHER = "0::/docker/aaa\n", "0::/docker/bbb\n"


@pytest.fixture
def procfs(tmp_path: Path) -> str:
    def add(pid: int, numbers: str, cgroup: str) -> None:
        directory = tmp_path / str(pid)
        directory.mkdir()
        (directory / "status").write_text(f"Name:\tx\nNSpid:\t{numbers}\nNSpgid:\t{numbers}\n")
        (directory / "cgroup").write_text(cgroup)

    (tmp_path / "self").mkdir()
    add(100, "100", "0::/\n")
    add(5, "5", "0::/\n")
    add(200, "200\t1", BOX)
    add(201, "201\t5", BOX)
    add(300, "300\t1", OTHER)
    add(301, "301\t5", OTHER)
    add(302, "302\t6", OTHER)
    add(400, "400\t5\t1", BOX)  # a container in the container
    return str(tmp_path)


@pytest.mark.parametrize(
    ("caller", "pid", "expected"),
    [
        (100, 5, 5),  # on the machine itself: numbers are what they are
        (100, 100, 100),
        (100, 31337, 31337),
        (0, 5, 5),  # a caller that cannot be seen
        (999, 5, 5),  # and one that has gone
        (200, 1, 200),
        (200, 5, 201),
        (201, 5, 201),
        (201, 1, 200),
        (300, 5, 301),
        (300, 6, 302),
        (400, 1, 400),
    ],
)
def test_a_callers_number_is_that_of_its_own_container(
    procfs: Any, caller: Any, pid: Any, expected: Any
) -> None:
    assert pid_from_here(procfs, caller, pid) == expected


@pytest.mark.parametrize("start_ticks", [None, 1020])
def test_the_id_of_a_thread_is_answered_with_its_process(procfs: Any, start_ticks: Any) -> None:
    thread = Path(procfs, "102")  # which the kernel does not list
    thread.mkdir()
    (thread / "status").write_text("Name:\tx\nTgid:\t100\nPid:\t102\nNSpid:\t102\n")
    (thread / "stat").write_text("102 (x) S " + "0 " * 18 + "1020 0\n")
    with pytest.raises(ApiError) as raised:
        pid_from_here(procfs, 100 if start_ticks is None else 0, 102, start_ticks)
    assert (raised.value.status, raised.value.field, raised.value.fix) == (404, "pid", "give 100")


@pytest.mark.parametrize(("caller", "pid"), [(200, 6), (200, 200), (400, 5)])
def test_processes_outside_of_the_container_cannot_be_named(procfs: Any, caller: Any, pid: Any) -> None:
    with pytest.raises(ApiError) as raised:
        pid_from_here(procfs, caller, pid)
    assert (raised.value.status, raised.value.field) == (404, "pid")


@pytest.mark.parametrize(
    ("caller", "pid", "ticks", "expected"),
    [
        (0, 5, 50, 5),  # numbered as here
        (0, 5, 2010, 201),  # not the machine's 5, which began at another time
        (0, 5, 3010, 301),
        (0, 1, 4000, 400),
        (200, 5, 3010, 201),  # the kernel's word about the caller counts, not what the caller says
    ],
)
def test_when_it_began_tells_processes_of_one_number_apart(
    procfs: Any, caller: Any, pid: Any, ticks: Any, expected: Any
) -> None:
    for process, began in ((5, 50), (200, 7), (201, 2010), (300, 7), (301, 3010), (400, 4000)):
        stat = f"{process} (a) b) S " + " ".join(["0"] * 18 + [str(began)] + ["0"] * 30)
        Path(procfs, str(process), "stat").write_text(stat)
    assert pid_from_here(procfs, caller, pid, ticks) == expected
    for number, time, said in ((5, 51, "no processes"), (6, 7, "no processes"), (1, 7, "2 processes")):
        with pytest.raises(ApiError, match=said) as raised:
            pid_from_here(procfs, 0, number, time)
        assert (raised.value.status, raised.value.field) == (404, "pid")


INSIDE = """
import http.client, json, os, socket, subprocess, sys
open("/proc/self/comm", "w").write("sh")
child = subprocess.Popen(["sleep", "60"])
answers = [os.getpid(), child.pid]
for pid in (os.getpid(), child.pid):
    connection = http.client.HTTPConnection("x")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(sys.argv[1])
    connection.request("POST", "/v1/windows", json.dumps({"name": "n", "phase": "training", "pid": pid}))
    numbered = json.loads(connection.getresponse().read())["pid"]
    answers.append(open(f"/proc/{numbered}/comm").read().strip())
child.kill()
print(json.dumps(answers))
"""


def may_unshare() -> bool:
    try:
        return (
            subprocess.run(["unshare", "--pid", "--fork", "true"], capture_output=True, timeout=20).returncode
            == 0
        )
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not may_unshare(), reason="making a PID namespace is not permitted here")
def test_a_client_in_a_real_pid_namespace(api: Any) -> None:
    command = ["unshare", "--pid", "--fork", sys.executable, "-I", "-S", "-c", INSIDE, api.path]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(run.stdout) == [1, 2, "sh", "sleep"]
