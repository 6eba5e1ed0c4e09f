"""The real exporter behind the real socket: its answers are the documented ones, windows outlive a crash."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

DOCUMENT = json.loads(
    (Path(__file__).parents[4] / "exporter/gramwatt_exporter/socket_api/openapi.json").read_text()
)
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="recorded windows need Linux")


@contextmanager
def exporter(directory: Path, *settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """A running gramwatt-exporter whose socket answers."""
    path = directory / "gramwatt.sock"
    command = [
        sys.executable, "-m", "gramwatt_exporter", "--web.listen-address", "127.0.0.1:0",
        "--socket.path", str(path), "--state.dir", str(directory / "state"), "--log.level", "debug",
    ]  # fmt: skip
    environ = {
        "PATH": os.environ["PATH"],
        "GRAMWATT_STATE_SAVE_INTERVAL": "100ms",
        "GRAMWATT_INTENSITY_ZONE": "FR",
    }
    with (directory / "log").open("ab") as log:
        running = subprocess.Popen([*command, *settings], stderr=log, stdout=log, env=environ, cwd=directory)
    try:
        deadline = time.monotonic() + 20
        while not answers(path):
            assert running.poll() is None, (directory / "log").read_text()
            assert time.monotonic() < deadline, (directory / "log").read_text()
            time.sleep(0.02)
        yield running
    finally:
        running.terminate()
        assert running.wait(timeout=20) in (0, -signal.SIGKILL), (directory / "log").read_text()


def answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5)
        try:
            probe.connect(str(path))
            probe.sendall(b"GET /v1/status HTTP/1.1\r\nConnection: close\r\n\r\n")
            return probe.recv(100).startswith(b"HTTP/1.1 200")
        except OSError:
            return False


@contextmanager
def worker() -> Iterator[subprocess.Popen[bytes]]:
    """A process that burns CPU in children that come and go."""
    program = (
        "import os\n"
        "while True:\n"
        "    if (pid := os.fork()) == 0:\n"
        "        sum(range(200_000)); os._exit(0)\n"
        "    os.waitpid(pid, 0)\n"
    )
    running = subprocess.Popen([sys.executable, "-I", "-S", "-c", program])
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def used_more(client: Any, window: str, **than: float) -> Any:
    """The window once each of these values is larger than given; a busy machine needs its time for that."""
    deadline = time.monotonic() + 30
    while True:
        shown = client("GET", f"/v1/windows/{window}?sample=true").body
        if all(shown[name] > least for name, least in than.items()):
            return shown
        assert time.monotonic() < deadline, shown
        time.sleep(0.05)


def saved_after(state: Path, moment: float) -> None:
    """Wait until the exporter has saved what it knows after this moment, in Unix seconds."""
    deadline = time.monotonic() + 30
    while True:
        with contextlib.suppress(FileNotFoundError):  # a file that is being replaced
            if any(file.stat().st_mtime > moment for file in state.iterdir()):
                return
        assert time.monotonic() < deadline, list(state.iterdir())
        time.sleep(0.02)


def check(name: str, answer: Any) -> Any:
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    Draft202012Validator(schema).validate(answer)
    assert answer.keys() == DOCUMENT["components"]["schemas"][name]["properties"].keys()
    return answer


@pytest.mark.slow
def test_its_answers_are_the_documented_ones(directory: Any, client_of: Any) -> None:
    with exporter(directory, "--sampling.interval", "200ms"), worker() as child:
        client = client_of(str(directory / "gramwatt.sock"))
        check("Status", client("GET", "/v1/status").body)
        assert check("Intensity", client("GET", "/v1/intensity").body)["average"]["zone"] == "FR"
        asked = {"name": "train", "phase": "training", "pid": child.pid, "values": {"samples": 1}}
        opened = client("POST", "/v1/windows", asked)
        assert opened.status == 201
        window = check("Window", opened.body)["window"]
        live = check("Window", used_more(client, window, cpu_seconds=0, processes=1))
        assert live["energy_joules"] == pytest.approx(sum(live["components"].values()))
        deadline = time.monotonic() + 30
        while check("Top", client("GET", "/v1/top").body)["windows_open"] != 1:  # with the next sample
            assert time.monotonic() < deadline
            time.sleep(0.05)
        stopped = check(
            "Window", client("POST", f"/v1/windows/{window}/stop", {"values": {"samples": 5}}).body
        )
        assert stopped["energy_joules"] >= live["energy_joules"]
        assert stopped["emissions_grams"] > 0
        assert stopped["values"] == {"samples": 5}
        assert check("Windows", client("GET", "/v1/windows").body)["windows"] == [stopped]
        assert client("POST", "/v1/windows", asked | {"pid": 2**30}).status == 404


@pytest.mark.slow
def test_a_window_ends_with_its_process(directory: Any, client_of: Any) -> None:
    with exporter(directory, "--sampling.interval", "100ms"):
        client = client_of(str(directory / "gramwatt.sock"))
        with worker() as child:
            asked = {"name": "train", "phase": "training", "pid": child.pid}
            window = client("POST", "/v1/windows", asked).body["window"]
        deadline = time.monotonic() + 20
        while (shown := client("GET", f"/v1/windows/{window}").body)["state"] == "open":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert shown["ended_by"] == "exit"


@pytest.mark.slow
def test_a_window_goes_on_when_the_exporter_is_killed_and_started_again(
    directory: Any, client_of: Any
) -> None:
    with worker() as child:
        with exporter(directory, "--sampling.interval", "100ms") as running:
            client = client_of(str(directory / "gramwatt.sock"))
            asked = {"name": "train", "phase": "training", "pid": child.pid}
            window = client("POST", "/v1/windows", asked).body["window"]
            before = used_more(client, window, cpu_seconds=0, energy_joules=0, processes=1)
            saved_after(directory / "state", time.time())
            running.kill()
            running.wait()
        with exporter(directory, "--sampling.interval", "100ms"):
            client = client_of(str(directory / "gramwatt.sock"))
            names = ("energy_joules", "cpu_seconds", "processes")
            used_more(client, window, **{name: before[name] for name in names})
            after = client("POST", f"/v1/windows/{window}/stop").body
    assert after["ended_by"] == "stop"
    assert after["start"] == before["start"]
