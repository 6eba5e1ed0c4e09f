"""The client against the real exporter: what the contract promises, measured on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import gramwatt as client
import pytest
from known import known

BURN = "import time\nwhile time.process_time() < 0.5: pass"


def test_run_measures_the_commands_tree(gramwatt: Any, exporter: Any, tmp_path: Path) -> None:
    # Two short-lived children below a shell, one after the other: none of them is alive at the end.
    done = gramwatt(
        "run", "--name", "tree", "--phase", "training", "--value", "samples=2", "--summary-json", "s.json", "--",
        "sh", "-c", f'"{sys.executable}" -c "{BURN}"; "{sys.executable}" -c "{BURN}"; exit 3',
    )  # fmt: skip
    assert done.returncode == 3
    assert "tree (training)" in done.stderr
    summary = json.loads((tmp_path / "s.json").read_text())
    assert summary["cpu_seconds"] >= 1.0
    assert summary["energy_joules"] > 0
    assert summary["energy_joules"] == pytest.approx(sum(summary["components"].values()))
    assert summary["emissions_grams"] > 0
    assert summary["values"] == {"samples": 2.0}
    assert set(summary["sources"]) == set(summary["components"])
    assert summary["uncertainty_ratio"] > 0


def test_cpu_seconds_agree_with_the_kernels(exporter: Any) -> None:
    code = f"""
import gramwatt, os, resource, subprocess, sys
def used():
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
with gramwatt.window("x", phase="training") as w:
    before = used()
    for _ in range(4):
        subprocess.run([sys.executable, "-c", {BURN!r}])
    after = used()
print(w.result.cpu_seconds, after - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    ours, kernels = map(float, done.stdout.split())
    assert ours == pytest.approx(kernels, rel=0.03)


def test_nested_windows_values_and_live(exporter: Any) -> None:
    with client.window("fit", phase="training", model="mlp") as outer:
        with client.window("epoch", phase="training") as inner:
            sum(range(3_000_000))
            inner.record(loss=0.25)
        live = outer.live()
        assert live.state == "open"
        assert known(live.joules) >= known(inner.result.joules)
    assert inner.result.parent == outer.id
    assert inner.result.values == {"loss": 0.25}
    assert known(outer.result.joules) >= known(inner.result.joules) > 0
    assert outer.result.ended_by == "stop"


def test_a_window_survives_an_exporter_killed_in_the_middle(exporter: Any, start: Any) -> None:
    with client.window("long", phase="training") as w:
        sum(range(2_000_000))
        exporter.wait_samples(2)
        exporter.stop(signal.SIGTERM)
        start().wait_samples(2)
        w.record(samples=7)
    assert w.result.window == w.id
    assert known(w.result.joules) > 0
    assert w.result.values == {"samples": 7.0}


def test_a_client_that_dies_leaves_a_window_ended_by_exit(gramwatt: Any, exporter: Any) -> None:
    code = "import gramwatt, os, signal; w = gramwatt.window('x', phase='training').start(); print(w.id, flush=True);" \
           "os.kill(os.getpid(), signal.SIGKILL)"  # fmt: skip
    window = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip()
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        found = json.loads(gramwatt("show", window, "--json").stdout)
        if found["state"] == "finished":
            break
        time.sleep(0.1)
    assert (found["state"], found["ended_by"]) == ("finished", "exit")


def test_an_orphan_of_the_command_is_counted(gramwatt: Any, exporter: Any, tmp_path: Path) -> None:
    # The middle process ends at once; the command waits for the orphan through a pipe.
    code = f"""
import os, subprocess, sys
read, write = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        os.close(read)
        subprocess.run([sys.executable, '-c', {BURN!r}])
        os._exit(0)
    os._exit(0)
os.close(write)
os.wait()
os.read(read, 1)
"""
    gramwatt("run", "--phase", "training", "--summary-json", "s.json", "--", sys.executable, "-c", code)
    assert json.loads((tmp_path / "s.json").read_text())["cpu_seconds"] >= 0.5


def test_joined_processes_are_counted_once(exporter: Any) -> None:
    w = client.window("ranks", phase="training").start()
    code = f"import gramwatt\nwith gramwatt.window('ranks', phase='training'):\n    exec({BURN!r})"
    environ = {**os.environ, **w.environment(), "RANK": "1"}
    # In a session of its own it is still our child; joining must not count it twice.
    before = known(w.live().cpu_seconds)
    subprocess.run([sys.executable, "-c", code], env=environ, start_new_session=True, check=True)
    used = known(w.stop().cpu_seconds) - before
    assert 0.5 <= used < 1.0


def test_commands_read_the_real_answers(gramwatt: Any, exporter: Any) -> None:
    with client.window("shown", phase="inference"):
        pass
    assert "shown" in gramwatt("windows").stdout
    assert "shown (inference)" in gramwatt("show", "last").stdout
    top = gramwatt("top", "--once").stdout
    assert "g/kWh (FR annual" in top
    assert "package-0" in top
    assert set(json.loads(gramwatt("top", "--json").stdout)) >= {
        "devices",
        "processes",
        "workloads",
        "budgets",
    }
    when = gramwatt("when", "--duration", "1h")
    assert when.returncode == 1
    assert "no forecast from this provider (annual)" in when.stderr


def test_the_exporters_own_words_reach_the_user(exporter: Any) -> None:
    with pytest.warns(client.GramwattWarning, match="tags"), \
            client.window("x", phase="training", tags={"a b": "c"}) as w:  # fmt: skip
        pass
    assert not w.result.measured


AS_NOBODY = """
import os, sys
from gramwatt.api import connect
from gramwatt.errors import Refused
os.setuid(65534)
api = connect("gramwatt.sock")
print(len(api.windows()))
try:
    api.stop(sys.argv[1])
except Refused as error:
    print(error.status)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_users_window_cannot_be_seen(exporter: Any) -> None:
    directory = Path(exporter.socket).parent
    directory.chmod(0o755)
    Path(exporter.socket).chmod(0o666)
    with client.window("mine", phase="training") as w:
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, str(w.id)], capture_output=True, text=True, cwd=directory
        )
        assert w.live().state == "open"
    seen, status = done.stdout.split()
    assert seen == "0", done.stderr
    assert status in ("403", "404")


WORKER = """
import gramwatt, sys, time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
with gramwatt.window("task", phase="training") as w:
    burn(0.3)
print(w.result.state, flush=True)
sys.stdin.readline()
burn(0.6)
print("burned", flush=True)
sys.stdin.readline()
"""


def test_a_worker_is_charged_until_the_end_of_its_with(exporter: Any) -> None:
    with client.window("driver", phase="training") as w:
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **w.environment()},
        )  # fmt: skip
        assert worker.stdout is not None
        assert worker.stdin is not None
        assert worker.stdout.readline() == "open\n"
        before = known(w.live().cpu_seconds)
        assert before >= 0.3
        worker.stdin.write("go\n")
        worker.stdin.flush()
        assert worker.stdout.readline() == "burned\n"
        own = time.process_time()
        exporter.wait_samples(2)
        after = known(w.live().cpu_seconds)
        own = time.process_time() - own
        worker.communicate("done\n")
    assert after - before < 0.3 + own
    assert w.result.ended_by == "stop"


def test_the_id_of_a_thread_is_no_process(exporter: Any) -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    for path in ("/v1/windows", "/v1/windows/{id}/processes", "/v1/windows/{id}/leave"):
        fields = {"name": "x", "phase": "training"}
        window = exporter.call("POST", "/v1/windows", fields | {"pid": os.getpid()})[1]["window"]
        body = (fields if path == "/v1/windows" else {}) | {"pid": thread.native_id}
        status, answer = exporter.call("POST", path.format(id=window), body)
        assert (status, answer["error"]["field"]) == (404, "pid")
        assert answer["error"]["message"] == f"{thread.native_id} is a thread of process {os.getpid()}"
    end.set()
    thread.join()


def test_how_a_run_ended_is_in_the_window_and_in_the_metrics(
    exporter: Any, running: Any, gramwatt: Any
) -> None:
    """A command that fails, one that is killed, a program that raises, one that vanishes, one that ends well."""
    for name, script in (("failed", "exit 3"), ("killed", "kill -9 $$"), ("fine", "exit 0")):
        gramwatt("run", "--name", name, "--phase", "training", "--", "sh", "-c", script)
    begin = "import gramwatt, os; w = gramwatt.window({!r}, phase='training').start(); "
    for name, end in (
        ("raised", "raise MemoryError"),
        ("vanished", "os.kill(os.getpid(), 9)"),
        ("ended", "w.stop()"),
    ):
        subprocess.run([sys.executable, "-c", begin.format(name) + end], capture_output=True)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        windows = json.loads(gramwatt("windows", "--json").stdout)
        if all(window["state"] == "finished" for window in windows):
            break
        time.sleep(0.1)
    outcomes = {window["name"]: window["outcome"] for window in windows}
    assert outcomes == {
        "failed": {"exit_code": 3}, "killed": {"signal": "SIGKILL"}, "fine": {"exit_code": 0},
        "raised": {"exception": "MemoryError"}, "vanished": None, "ended": None,
    }  # fmt: skip
    names = {window["window"]: window["name"] for window in windows}
    exporter.wait_samples(1)
    published = {}
    for key in running.select(exporter.scrape(), "gramwatt_window_outcome_info"):
        labels = dict(key)
        published[names[labels["window"]]] = (labels["outcome"], labels["detail"])
    assert published == {
        "failed": ("exit_code", "3"), "killed": ("signal", "SIGKILL"), "fine": ("exit_code", "0"),
        "raised": ("exception", "MemoryError"), "vanished": ("exit", ""), "ended": ("stop", ""),
    }  # fmt: skip
