"""What `budgets add` and `remove` say about the exporter that runs beside them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from gramwatt_exporter.budget_command.running import reload
from gramwatt_exporter.config import load

# Listens at a socket, and ends with status 7 when it gets SIGHUP.
LISTENER = """
import os, signal, socket, sys
signal.signal(signal.SIGHUP, lambda *_: os._exit(7))
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print("ready", flush=True)
signal.pause()
"""


@pytest.fixture
def socket_path(tmp_path: Path) -> str:
    return str(tmp_path / "gw.sock")


@pytest.fixture
def listener(socket_path: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", LISTENER, socket_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def behind_a_password(_: str) -> str:
    raise ConnectionResetError("TLS")


def test_an_exporter_behind_tls_is_asked_and_its_answer_is_not_made_up(
    socket_path: str, listener: subprocess.Popen[str]
) -> None:
    config = load(flags={"socket.path": socket_path}).config
    said = reload(config, "lab", True, get=behind_a_password)
    assert listener.wait(20) == 7
    assert "was asked to read the file again" in said
    assert "certificate or a password" in said


def test_without_an_exporter_it_takes_over_at_its_start(socket_path: str) -> None:
    config = load(flags={"socket.path": socket_path}).config
    assert "no exporter answers here" in reload(config, "lab", True, get=behind_a_password)
