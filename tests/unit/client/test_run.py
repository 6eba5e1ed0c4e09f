"""``gramwatt run``: the command behaves as without it, and its window is right."""

from __future__ import annotations

import csv
import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from known import known

pytestmark = pytest.mark.slow

CLIENT = Path(__file__).parents[3] / "client"
PREFIX = ("run", "--name", "t", "--phase", "training", "--")


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("exit 0", 0),
        ("exit 7", 7),
        ("exit 255", 255),
        ("kill -KILL $$", 137),
        ("kill -TERM $$", 143),
        ("kill -INT $$", 130),
    ],
)
@pytest.mark.parametrize("with_exporter", [True, False])
def test_exit_code_is_the_commands(
    gramwatt: Any, exporter: Any, script: Any, code: Any, with_exporter: Any
) -> None:
    if not with_exporter:
        exporter.stop()
    assert gramwatt(*PREFIX, "sh", "-c", script).returncode == code


def test_command_that_cannot_start(gramwatt: Any, exporter: Any, tmp_path: Path) -> None:
    missing = gramwatt(*PREFIX, "no-such-command-here")
    assert missing.returncode == 127
    assert "no-such-command-here: command not found" in missing.stderr
    plain = tmp_path / "plain"
    plain.write_text("not a program")
    refused = gramwatt(*PREFIX, str(plain))
    assert refused.returncode == 126
    assert "Permission denied" in refused.stderr
    assert {window["state"] for window in exporter.windows.values()} == {"finished"}


def test_script_without_interpreter_line_runs_in_sh(gramwatt: Any, exporter: Any, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("exit 9\n")
    script.chmod(0o755)
    assert gramwatt(*PREFIX, str(script)).returncode == 9


def test_standard_streams_are_the_commands_own(gramwatt: Any, exporter: Any) -> None:
    done = gramwatt(*PREFIX, "sh", "-c", "cat; echo err >&2", input="through\n")
    assert done.stdout == "through\n"
    assert done.stderr.startswith("err\n")


def test_window_carries_what_was_said_and_our_own_pid(gramwatt: Any, exporter: Any, tmp_path: Path) -> None:
    done = gramwatt(
        "run", "--name", "mnist", "--phase", "inference", "--model", "mlp", "--task", "classify", "--dataset", "digits",
        "--value", "samples=60000", "--value", "accuracy=0.98", "--tag", "team=vision", "--", "sh", "-c", "echo $PPID",
    )  # fmt: skip
    window = exporter.only()
    assert {key: window[key] for key in ("name", "phase", "model", "task", "dataset", "values", "tags")} == {
        "name": "mnist", "phase": "inference", "model": "mlp", "task": "classify", "dataset": "digits",
        "values": {"samples": 60000.0, "accuracy": 0.98}, "tags": {"team": "vision"},
    }  # fmt: skip
    assert window["pid"] == int(done.stdout)
    assert (window["state"], window["ended_by"]) == ("finished", "stop")


def test_window_is_opened_before_the_command_starts(gramwatt: Any, exporter: Any) -> None:
    done = gramwatt(*PREFIX, sys.executable, "-c", "import time; print(time.time())")
    assert exporter.only()["start"] < float(done.stdout)


def test_summary_names_energy_co2_components_and_sources(gramwatt: Any, exporter: Any) -> None:
    text = gramwatt(*PREFIX, "sleep", "0.1").stderr
    for part in (
        "t (training)",
        "window w1",
        "energy",
        "± 5 %",
        "CO2e",
        "mean power  10.0 W",
        "cpu",
        "90 % (rapl)",
    ):
        assert part in text


def test_what_ran_and_what_was_counted_are_said(gramwatt: Any, exporter: Any, tmp_path: Path) -> None:
    words = (
        "run",
        "--phase",
        "inference",
        "--software",
        "vLLM 0.9",
        "--emissions-csv",
        "e.csv",
        "--summary-json",
        "s.json",
    )
    done = gramwatt(*words, "--whole-machine", "--", "true")
    window = exporter.only()
    assert (window["tags"], window["whole_machine"]) == ({"software": "vLLM 0.9"}, True)
    assert "boundary    the whole machine, idle draw included" in done.stderr
    assert json.loads((tmp_path / "s.json").read_text())["boundary"] == "machine"
    assert "boundary" not in gramwatt(*words, "--", "true").stderr
    with (tmp_path / "e.csv").open(newline="") as rows:
        assert [row["tracking_mode"] for row in csv.DictReader(rows)] == ["machine", "process"]
    assert json.loads((tmp_path / "s.json").read_text())["boundary"] == "process"


def test_summary_json_has_the_contracts_keys(gramwatt: Any, exporter: Any, tmp_path: Path) -> None:
    gramwatt("run", "--phase", "training", "--summary-json", "s.json", "--value", "n=1", "--", "true")
    summary = json.loads((tmp_path / "s.json").read_text())
    assert {"window", "name", "phase", "energy_joules", "emissions_grams", "duration_seconds", "mean_power_watts",
            "components", "cpu_seconds", "sources", "uncertainty_ratio", "values"} <= set(summary)  # fmt: skip
    assert summary["name"] == "true"
    assert summary["values"] == {"n": 1.0}
    assert summary["energy_joules"] == pytest.approx(sum(summary["components"].values()))


def test_without_exporter_one_warning_and_nulls(gramwatt: Any, tmp_path: Path) -> None:
    done = gramwatt("run", "--phase", "training", "--summary-json", "s.json", "--", "true")
    assert done.stderr.count("warning") == 1
    assert "no exporter at /nonexistent/gramwatt.sock" in done.stderr
    summary = json.loads((tmp_path / "s.json").read_text())
    assert summary["energy_joules"] is None
    assert summary["window"] is None
    assert summary["duration_seconds"] > 0


@pytest.mark.parametrize(
    "raw",
    [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<htm>", b"HTTP/1.1 200 OK\r\n",
     b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"win", b"HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\n{}",
     b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"],
)  # fmt: skip
def test_misbehaving_exporter_costs_one_warning(gramwatt: Any, exporter: Any, raw: Any) -> None:
    exporter.fault = lambda method, path: raw
    done = gramwatt(*PREFIX, "sh", "-c", "exit 5")
    assert done.returncode == 5
    assert done.stderr.count("warning") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "window",
    ["5", "null", '""', '"\\ud800"', '"a\\u0000b"', '"../w1"', '["w1"]', '"' + "w" * 200_000 + '"'],
    ids=range(8),
)
def test_what_is_no_id_of_a_window_neither_stops_the_command_nor_is_silent(
    gramwatt: Any, exporter: Any, window: str
) -> None:
    """The id goes into the command's environment, which holds neither every text nor a long one."""
    body = f'{{"window": {window}}}'.encode()
    exporter.fault = lambda method, path: (
        b"HTTP/1.1 201 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    done = gramwatt(*PREFIX, "sh", "-c", "exit 5")
    assert done.returncode == 5
    assert done.stderr.count("warning: not measured") == 1
    assert "Traceback" not in done.stderr


def test_exporter_that_dies_in_the_middle(gramwatt: Any, exporter: Any) -> None:
    exporter.fault = lambda method, path: b"" if path.endswith("/stop") else None
    done = gramwatt(*PREFIX, "sh", "-c", "exit 4")
    assert done.returncode == 4
    assert "the window w1 could not be read at its end" in done.stderr


def test_stop_is_tried_again_after_a_restart(gramwatt: Any, exporter: Any) -> None:
    tries = []

    def once(method: str, path: str) -> bytes | None:
        if path.endswith("/stop"):
            tries.append(path)
            return b"" if len(tries) == 1 else None
        return None

    exporter.fault = once
    done = gramwatt(*PREFIX, "true")
    assert "warning" not in done.stderr
    assert tries == ["/v1/windows/w1/stop"] * 2


def test_an_opening_that_may_have_arrived_is_not_repeated(gramwatt: Any, exporter: Any) -> None:
    exporter.fault = lambda method, path: (exporter.calls.append((method, path, None)), b"")[1]
    gramwatt(*PREFIX, "true")
    assert [call[:2] for call in exporter.calls] == [("POST", "/v1/windows")]


def test_refusal_names_field_and_fix(gramwatt: Any, exporter: Any) -> None:
    exporter.refuse["/windows"] = (409, {"field": "", "message": "500 windows are open", "fix": "stop some"})
    done = gramwatt(*PREFIX, "sh", "-c", "exit 3")
    assert done.returncode == 3
    assert "500 windows are open; stop some" in done.stderr


def test_silent_exporter_is_left_after_the_time_limit(exporter: Any) -> None:
    from gramwatt.api import connect
    from gramwatt.errors import Unavailable

    def drip(method: str, path: str) -> bytes:
        time.sleep(0.5)
        return b""

    exporter.fault = drip
    with pytest.raises(Unavailable, match=r"did not answer within 0\.1 s"):
        connect(str(exporter.path), timeout=0.1).open({"name": "n", "phase": "training"})


def _start(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "gramwatt", *PREFIX, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(CLIENT)}, **options,
    )  # fmt: skip


TRAP = """
import signal, sys, time
def told(number, frame):
    print(number, flush=True); sys.exit(40)
signal.signal(int(sys.argv[1]), told)
print("ready", flush=True)
time.sleep(30)
"""


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1]
)
def test_signals_sent_to_us_reach_the_command(exporter: Any, number: Any) -> None:
    process = _start(sys.executable, "-c", TRAP, str(int(number)))
    assert known(process.stdout).readline() == "ready\n"
    process.send_signal(number)
    out, _ = process.communicate(timeout=20)
    assert out == f"{int(number)}\n"
    assert process.returncode == 40
    assert exporter.only()["state"] == "finished"


def test_signal_that_kills_the_command_is_128_plus_n(exporter: Any) -> None:
    process = _start("sh", "-c", "echo ready; exec sleep 30")
    known(process.stdout).readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 143


def _without_glibcs(status: str) -> list[int]:
    """The signal masks of /proc/PID/status without signals 32 and 33."""
    return [int(line.split()[1], 16) & ~0x180000000 for line in status.splitlines()]


def test_command_finds_default_signal_dispositions(gramwatt: Any, exporter: Any) -> None:
    code = "import signal; print(*[int(s) for s in signal.Signals if signal.getsignal(s) == signal.SIG_IGN], " \
           "signal.pthread_sigmask(signal.SIG_BLOCK, []))"  # fmt: skip
    without = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert gramwatt(*PREFIX, sys.executable, "-c", code).stdout == without
    # grep shows what it was given. Signals 32 and 33 are glibc's own; its posix_spawn leaves them ignored or not.
    status = ["grep", "-E", "SigIgn|SigBlk", "/proc/self/status"]
    with_us = gramwatt(*PREFIX, *status).stdout
    assert _without_glibcs(with_us) == _without_glibcs(
        subprocess.run(status, capture_output=True, text=True).stdout
    )


def test_stopping_and_continuing_follows_the_command(exporter: Any) -> None:
    # A group of its own below us: in an orphaned one, as of a CI without a shell above it, the kernel drops SIGTSTP.
    process = _start("sh", "-c", "echo ready; exec sleep 30", preexec_fn=os.setpgrp)
    known(process.stdout).readline()
    process.send_signal(signal.SIGTSTP)
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    process.send_signal(signal.SIGCONT)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 143


def test_command_paused_by_its_own_pid_does_not_stop_us(exporter: Any) -> None:
    process = _start("sh", "-c", "echo $$; exec sleep 30")
    child = int(known(process.stdout).readline())
    os.kill(child, signal.SIGSTOP)
    os.kill(child, signal.SIGCONT)
    os.kill(child, signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 143


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="subreapers exist on Linux only")
def test_orphans_stay_in_the_tree_and_are_reaped(exporter: Any) -> None:
    # A double fork: the middle process ends, the grandchild's parent becomes gramwatt run; later it is reaped.
    code = """
import os, sys, time
me = os.getppid()
if os.fork() == 0:
    if os.fork() == 0:
        while os.getppid() != me: time.sleep(0.005)
        print("adopted", os.getpid(), flush=True); os._exit(0)
    os._exit(0)
os.wait()
sys.stdin.readline()
"""
    process = _start(sys.executable, "-c", code, stdin=subprocess.PIPE)
    word, pid = known(process.stdout).readline().split()
    assert word == "adopted"
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not Path(f"/proc/{pid}").exists(), "a zombie is left"
    process.communicate("\n", timeout=20)
    assert process.returncode == 0


def test_background_children_do_not_hold_us(gramwatt: Any, exporter: Any) -> None:
    done = gramwatt(*PREFIX, "sh", "-c", "sleep 20 >/dev/null 2>&1 & echo $!")
    assert done.returncode == 0
    os.kill(int(done.stdout), signal.SIGTERM)


def _read_until(terminal: int, word: bytes) -> bytes:
    seen = b""
    deadline = time.monotonic() + 20
    while word not in seen and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.5)[0]:
            seen += os.read(terminal, 4096)
    assert word in seen, seen
    return seen


def test_keyboard_interrupt_reaches_the_command_once_and_a_script_around_us_ends(exporter: Any) -> None:
    child = (
        "import signal,sys,time\n"
        "hits=[]\n"
        "def told(n,f):\n"
        "    hits.append(n)\n"
        "signal.signal(signal.SIGINT,told)\n"
        "print('ready',flush=True)\n"
        "end=time.monotonic()+0.5\n"
        "while not hits: time.sleep(0.01)\n"
        "end=time.monotonic()+0.3\n"
        "while time.monotonic()<end: time.sleep(0.01)\n"
        "print('hits',len(hits),flush=True)\n"
        "signal.signal(signal.SIGINT,signal.SIG_DFL)\n"
        "import os; os.kill(os.getpid(),signal.SIGINT)\n"
    )
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["PYTHONPATH"] = str(CLIENT)
        script = '"$0" -m gramwatt run --phase training -- "$0" -c "$1"; echo "after the run"'
        os.execvp("bash", ["bash", "-c", script, sys.executable, child])
    try:
        _read_until(terminal, b"ready")
        os.write(terminal, b"\x03")
        _read_until(terminal, b"hits 1\r\n")
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(terminal)
    # bash ends by the interrupt as well, because we died of it as the command did.
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGINT


def test_control_z_gives_the_shell_back_and_fg_goes_on(exporter: Any) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["PYTHONPATH"] = str(CLIENT)
        os.environ["PS1"] = "PROMPT"
        os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
    try:
        _read_until(terminal, b"PROMPT")
        code = "import sys; print('rea'+'dy',flush=True); print('got',sys.stdin.readline().strip().upper(),flush=True)"
        os.write(
            terminal,
            f'{sys.executable} -m gramwatt run --phase training -- {sys.executable} -c "{code}"\n'.encode(),
        )
        _read_until(terminal, b"ready")
        os.write(terminal, b"\x1a")
        _read_until(terminal, b"Stopped")
        os.write(terminal, b"fg\n")
        _read_until(terminal, b"gramwatt run")
        os.write(terminal, b"hello\n")
        _read_until(terminal, b"got HELLO")
        os.write(terminal, b"echo code $?\n")
        _read_until(terminal, b"code 0")
        os.write(terminal, b"exit\n")
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("--phase", "train", "--", "true"), "invalid choice: 'train'"),
     (("--phase", "training"), "no command"),
     (("--phase", "training", "--value", "samples", "--", "true"), "'samples' is not KEY=NUMBER"),
     (("--phase", "training", "--value", "samples=60.000", "--", "true"),
      "'samples=60.000' can mean 60000 or 60; write samples=60000 or samples=60"),
     (("--phase", "training", "--value", "a=nan", "--", "true"), "'a=nan' is not KEY=NUMBER"),
     (("--phase", "training", "--name", "", "--", "true"), "1 to 128 characters"),
     (("--phase", "training", "--tag", "x", "--", "true"), "'x' is not KEY=TEXT")],
)  # fmt: skip
def test_wrong_arguments_are_refused_before_anything_runs(
    gramwatt: Any, exporter: Any, arguments: Any, message: Any
) -> None:
    done = gramwatt("run", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert exporter.calls == []


def test_windows_inside_become_parts_of_ours(gramwatt: Any, exporter: Any) -> None:
    gramwatt(
        *PREFIX,
        sys.executable,
        "-m",
        "gramwatt",
        "run",
        "--name",
        "inner",
        "--phase",
        "training",
        "--",
        "true",
    )
    assert [(w["name"], w["parent"]) for w in exporter.windows.values()] == [("t", ""), ("inner", "w1")]


def test_a_window_around_us_that_has_gone_does_not_matter(gramwatt: Any, exporter: Any) -> None:
    done = gramwatt(*PREFIX, "true", environ={"GRAMWATT_PARENT": "gone"})
    assert "warning" not in done.stderr
    assert exporter.only()["parent"] == ""


def test_emissions_csv_gets_a_row(gramwatt: Any, exporter: Any, tmp_path: Path) -> None:
    for _ in range(2):
        gramwatt("run", "--phase", "training", "--emissions-csv", "e.csv", "--", "true")
    header, first, second = (tmp_path / "e.csv").read_text().splitlines()
    assert header.startswith("timestamp,project_name,run_id")
    assert ",w1," in first
    assert ",w2," in second


def test_closed_standard_error_keeps_the_exit_code(exporter: Any) -> None:
    command = f"{sys.executable} -m gramwatt run --phase training -- sh -c 'exit 6' 2>&-"
    assert (
        subprocess.run(["sh", "-c", command], env={**os.environ, "PYTHONPATH": str(CLIENT)}).returncode == 6
    )


def test_a_signal_while_the_window_opens_ends_us_before_the_command_starts(
    exporter: Any, tmp_path: Path
) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def hold(method: str, path: str) -> None:
        if path == "/v1/windows":
            asked.set()
            go_on.wait(10)

    exporter.fault = hold
    process = _start("touch", str(tmp_path / "started"))
    assert asked.wait(10)
    process.send_signal(signal.SIGTERM)
    go_on.set()
    process.communicate(timeout=20)
    assert process.returncode == 143
    assert not (tmp_path / "started").exists()
    assert exporter.only()["state"] == "finished"
