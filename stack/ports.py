"""Whether a port and the clients' socket are free, and if not, which process has the port."""

from __future__ import annotations

import socket
from contextlib import suppress

import psutil

from .settings import PORTS, Settings, StackError


def check(settings: Settings, services: list[str]) -> None:
    """Raise StackError naming the first taken port, its holder and the setting that moves it."""
    for service in services:
        port = settings.ports[service]
        error = _refusal(settings.bind, port)
        if error:
            setting = PORTS[service][0]
            raise StackError(
                f"port {port} for {service} cannot be used on {settings.bind}: {error}{_holder(port)}.\n"
                f"Free it, or choose another in .env or the environment: {setting}={_free_above(port, settings)}"
            )


def check_socket(path: str) -> None:
    """Raise StackError when another exporter answers at the clients' socket: two cannot share it."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            return
    raise StackError(
        f"another exporter answers at {path}. Stop it, or choose another socket in .env or the environment: "
        f"GRAMWATT_SOCKET_PATH={path.removesuffix('.sock')}-2.sock"
    )


def _refusal(address: str, port: int) -> str:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.strerror or str(error)
    return ""


def _holder(port: int) -> str:
    with suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            address = connection.laddr
            if (
                connection.status == psutil.CONN_LISTEN
                and connection.pid
                and address
                and address.port == port
            ):
                return f" (held by pid {connection.pid}, {psutil.Process(connection.pid).name()})"
    return ""


def _free_above(port: int, settings: Settings) -> int:
    ours = set(settings.ports.values())
    others = (other for other in range(port + 1, 65536) if other not in ours)
    return next((other for other in others if not _refusal(settings.bind, other)), port)
