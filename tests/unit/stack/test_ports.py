"""A taken port is refused with the way out."""

import os
import socket
from pathlib import Path

import pytest

from stack import ports
from stack.settings import StackError, load


def test_a_taken_port_names_service_holder_and_setting(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        settings = load({"STACK_PROMETHEUS_PORT": str(port)}, tmp_path)
        with pytest.raises(StackError) as refused:
            ports.check(settings, ["prometheus"])
    text = str(refused.value)
    assert f"port {port} for prometheus" in text
    assert f"pid {os.getpid()}" in text
    assert "STACK_PROMETHEUS_PORT=" in text


def test_the_port_it_proposes_is_free(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        settings = load({"STACK_EXPORTER_PORT": str(holder.getsockname()[1])}, tmp_path)
        with pytest.raises(StackError) as refused:
            ports.check(settings, ["exporter"])
        proposed = str(refused.value).rpartition("STACK_EXPORTER_PORT=")[2]
        ports.check(load({"STACK_EXPORTER_PORT": proposed}, tmp_path), ["exporter"])


def test_services_that_do_not_run_are_not_asked_for(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        settings = load({"STACK_GRAFANA_PORT": str(holder.getsockname()[1])}, tmp_path)
        ports.check(settings, [])


def test_a_socket_at_which_another_exporter_answers_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "gramwatt.sock")
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen()
        with pytest.raises(StackError, match=r"answers at .*gramwatt\.sock.*GRAMWATT_SOCKET_PATH=.*-2\.sock"):
            ports.check_socket(path)
    ports.check_socket(path)  # a socket file that nobody listens at is the exporter's to replace
    ports.check_socket(str(tmp_path / "none.sock"))
