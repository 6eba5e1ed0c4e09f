"""The exporter that runs on this machine: its metrics, and a reload of its configuration."""

from __future__ import annotations

import os
import signal
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress

from ..config import Config
from ..config.address import split
from ..socket_api.listener import default_paths
from .outlook import Fetch, fetch, metric

_WAIT_SECONDS = 20.0  # a sample comes every 10 s at most


def scrape(config: Config, get: Fetch = fetch) -> str | None:
    """What it shows to Prometheus; None when nothing answers (or only with a certificate or a password)."""
    host, port = split(config.web.listen_address)
    if host in ("", "0.0.0.0", "::"):  # noqa: S104 - it listens there; asked is loopback
        host = "127.0.0.1"
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    with suppress(OSError):
        return get(f"http://{where}/metrics")
    return None


def reload(config: Config, name: str, wanted: bool, runtime_dir: str = "", get: Fetch = fetch) -> str:
    """Ask it to read its configuration again and wait until the budget is there (or gone). Returns a line."""
    process = _process(config, runtime_dir)
    seen = scrape(config, get) is not None
    if process is None and not seen:
        return "no exporter answers here: it takes the budget over when it starts or reloads"
    asked = False
    if process is not None:
        with suppress(OSError):
            os.kill(process, signal.SIGHUP)
            asked = True
    if asked and not seen:
        return (
            "the running exporter was asked to read the file again; its answer is not seen here, as its metrics need"
            " a certificate or a password"
        )
    if asked and _until(lambda: _has(config, name, get) == wanted):
        return "the running exporter has taken it over"
    return (
        "the running exporter has not taken it over; does it read this file? Reload it:"
        " systemctl reload gramwatt-exporter, or send SIGHUP to it"
    )


def _has(config: Config, name: str, get: Fetch) -> bool:
    return metric(scrape(config, get) or "", "gramwatt_budget_limit_grams", budget=name) is not None


def _until(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.2)
    return False


def _process(config: Config, runtime_dir: str) -> int | None:
    """The process id of the exporter: the kernel reports which process listens on its socket."""
    for path in default_paths(config.socket.path, runtime_dir):
        with suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(2)
            client.connect(path)
            raw = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            process: int = struct.unpack("3i", raw)[0]
            return process or None  # 0: in a process-id namespace that is not ours
    return None
