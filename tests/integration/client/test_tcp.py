"""The client reaches the real exporter over TCP: with a token its user's processes, without one nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import trustme

OURS, NOBODYS, WRONG = "o" * 32, "n" * 32, "w" * 32
RUN = ("run", "--name", "tcp", "--phase", "training", "--summary-json", "s.json", "--")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's process table")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def serve(tmp_path: Path, running: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Start an exporter with these settings of windows.tcp; GRAMWATT_URL points at it."""
    for name in [name for name in os.environ if name.startswith("GRAMWATT_")]:
        monkeypatch.delenv(name)
    started: list[Any] = []

    def go(**more: str) -> Any:
        file = tmp_path / "tokens"
        file.write_text(f"{os.geteuid()} {OURS}\n65534 {NOBODYS}\n")
        file.chmod(0o600)
        environ = {
            "GRAMWATT_WINDOWS_TCP_LISTEN_ADDRESS": "127.0.0.1:0",
            "GRAMWATT_WINDOWS_TCP_TOKEN_FILE": str(file),
            **more,
        }
        exporter = running.Exporter(tmp_path, {"sampling.interval": "200ms"}, environ)
        started.append(exporter)
        exporter.wait_samples(1)
        (url,) = re.findall(r"windows over TCP: (https?://[^,]+),", exporter.stderr)
        monkeypatch.setenv("GRAMWATT_URL", url)
        monkeypatch.setenv("GRAMWATT_TOKEN", OURS)
        return exporter

    yield go
    for exporter in started:
        exporter.stop()


def summary(directory: Path) -> Any:
    return json.loads((directory / "s.json").read_text())


def python(code: str) -> tuple[str, ...]:
    return sys.executable, "-c", code


def test_without_the_setting_nothing_listens(exporter: Any) -> None:
    listening = {
        socket.laddr.port
        for socket in psutil.Process(exporter.process.pid).net_connections("inet")
        if socket.status == psutil.CONN_LISTEN
    }
    assert listening == {int(exporter.address.rpartition(":")[2])}  # /metrics alone
    assert "TCP" not in exporter.stderr


def test_a_worker_leaves_over_tcp(serve: Any) -> None:
    exporter = serve()
    _, window = exporter.call(
        "POST", "/v1/windows", {"name": "driver", "phase": "training", "pid": os.getpid()}
    )
    code = """
import gramwatt, sys, time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
with gramwatt.window("task", phase="training"): burn(0.3)
print("left", flush=True)
sys.stdin.readline()
burn(0.8)
print("burned", flush=True)
sys.stdin.readline()
"""
    worker = subprocess.Popen(
        python(code), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "GRAMWATT_WINDOW": window["window"]},
    )  # fmt: skip

    def cpu_seconds() -> float:
        return float(exporter.call("GET", f"/v1/windows/{window['window']}?sample=true")[1]["cpu_seconds"])

    assert worker.stdout is not None
    assert worker.stdin is not None
    assert worker.stdout.readline() == "left\n"
    before, own = cpu_seconds(), time.process_time()
    assert before >= 0.3
    worker.stdin.write("go\n")
    worker.stdin.flush()
    assert worker.stdout.readline() == "burned\n"
    after, own = cpu_seconds(), time.process_time() - own
    worker.communicate("end\n")
    assert after - before < 0.4 + own


def test_a_window_over_tcp(
    serve: Any, gramwatt: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve()
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    done = gramwatt(*RUN, *python(burn))
    assert (done.returncode, "warn" in done.stderr.lower()) == (0, False), done.stderr
    assert summary(tmp_path)["cpu_seconds"] >= 0.3
    assert summary(tmp_path)["energy_joules"] > 0
    window = summary(tmp_path)["window"]
    monkeypatch.delenv("GRAMWATT_TOKEN")
    file = tmp_path / "token"
    file.write_text(OURS + "\n")
    monkeypatch.setenv("GRAMWATT_TOKEN_FILE", str(file))
    assert window in gramwatt("windows").stdout
    url = os.environ["GRAMWATT_URL"]
    monkeypatch.setenv("GRAMWATT_URL", "http://127.0.0.1:1")
    assert window in gramwatt("--socket", url, "windows").stdout  # what is asked for wins


def test_a_token_that_is_wrong_or_missing_is_one_warning_and_the_command_goes_on(
    serve: Any, gramwatt: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve()
    for token, said in ((WRONG, "wrong token; send a token"), ("", "no token; send a token")):
        monkeypatch.setenv("GRAMWATT_TOKEN", token)
        done = gramwatt(*RUN, *python("print('worked'); raise SystemExit(3)"))
        assert (done.returncode, done.stdout) == (3, "worked\n")
        assert done.stderr.count(said) == 1
        assert "GRAMWATT_TOKEN_FILE" in done.stderr
        assert "Traceback" not in done.stderr
        assert WRONG not in done.stderr
        assert summary(tmp_path)["window"] is None
        code = "import gramwatt\nfor _ in range(3):\n    with gramwatt.window('x', phase='training'): print('worked')"
        done = subprocess.run(python(code), capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, "worked\n" * 3)
        assert done.stderr.count(said) == 1


@as_root
def test_another_users_process_is_refused(serve: Any, gramwatt: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    serve()
    mine = subprocess.Popen(["sleep", "60"])
    theirs = subprocess.Popen(["setpriv", "--reuid=65534", "--clear-groups", "sleep", "60"])
    try:
        deadline = time.monotonic() + 20
        while psutil.Process(theirs.pid).uids().effective != 65534:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        monkeypatch.setenv("GRAMWATT_TOKEN", NOBODYS)
        code = (
            "import sys; from gramwatt.api import connect; from gramwatt.errors import Refused\n"
            "for pid in map(int, sys.argv[1:]):\n"
            "    try: print(connect().open({'name': 'n', 'phase': 'training', 'pid': pid})['user'])\n"
            "    except Refused as error: print(error.status, error.field)\n"
        )
        done = subprocess.run([*python(code), str(mine.pid), str(theirs.pid)], capture_output=True, text=True)
        assert done.stdout.splitlines()[0] == "403 pid", done.stderr
        assert done.stdout.splitlines()[1] in ("nobody", "65534")
        assert len(json.loads(gramwatt("windows", "--json").stdout)) == 1
        monkeypatch.setenv("GRAMWATT_TOKEN", OURS)  # root's
        assert len(json.loads(gramwatt("windows", "--json").stdout)) == 1
    finally:
        for process in (mine, theirs):
            process.kill()
            process.wait()


@as_root
def test_a_client_in_a_pid_namespace_of_its_own_is_found(serve: Any, tmp_path: Path) -> None:
    serve()
    code = (
        "import os, gramwatt\n"
        "with gramwatt.window('box', phase='training') as w:\n"
        "    end = os.times().user + 0.3\n"
        "    while os.times().user < end: pass\n"
        "print(os.getpid(), w.result.cpu_seconds)\n"
    )
    done = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", *python(code)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    if "unshare" in done.stderr:
        pytest.skip("no new PID namespace may be made here")
    pid, seconds = done.stdout.split()
    assert int(pid) < 10, done.stderr  # on this machine that is a kernel thread, or the first process
    assert float(seconds) >= 0.3


def test_tokens_are_read_again_and_a_wrong_file_changes_nothing(
    serve: Any, gramwatt: Any, tmp_path: Path
) -> None:
    exporter = serve()
    file = tmp_path / "tokens"

    def reload(said: str) -> None:
        before = exporter.stderr.count(said)
        exporter.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 20
        while exporter.stderr.count(said) == before:
            assert time.monotonic() < deadline, exporter.stderr
            time.sleep(0.02)

    file.write_text("nonsense\n")
    reload("the new settings are refused")
    assert "line 1: expected a user and a token" in exporter.stderr
    assert gramwatt("windows").returncode == 0
    file.write_text(f"0 {WRONG}\n")
    reload("settings are reloaded")
    assert gramwatt("windows").returncode == 1
    assert exporter.call("GET", "/v1/windows")[0] == 200  # the Unix socket asks for none


def test_tls(serve: Any, gramwatt: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1")
    made.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    made.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "web.yml").write_text("tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n")
    serve(GRAMWATT_WINDOWS_TCP_CONFIG_FILE=str(tmp_path / "web.yml"))
    untrusted = gramwatt("windows")
    assert untrusted.returncode == 1
    assert "GRAMWATT_CA_FILE" in untrusted.stderr
    monkeypatch.setenv("GRAMWATT_CA_FILE", str(tmp_path / "key.pem"))
    assert "holds no PEM certificate" in gramwatt("windows").stderr
    monkeypatch.setenv("GRAMWATT_CA_FILE", str(tmp_path / "ca.pem"))
    assert gramwatt("windows").returncode == 0
    done = gramwatt(*RUN, *python("pass"))
    assert summary(tmp_path)["window"], done.stderr
    monkeypatch.setenv("GRAMWATT_URL", os.environ["GRAMWATT_URL"].replace("https", "http"))
    assert "does it want https://" in gramwatt("windows").stderr
