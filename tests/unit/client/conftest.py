"""A small server that speaks docs/socket-api.md over a Unix socket, and can misbehave."""

from __future__ import annotations

import json
import os
import socket
import socketserver
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

CLIENT = Path(__file__).parents[3] / "client"
LAUNCHERS = (
    "GRAMWATT_",
    "OMPI_",
    "SLURM_",
    "HOROVOD_",
    "MV2_",
    "MVP_",
    "MPI_",
    "PMI_",
    "PALS_",
    "JSM_",
    "FLUX_",
)
WATTS = 10.0  # what every window of this server draws


class FakeExporter:
    """Windows in memory. ``fault`` is called with (method, path) and may answer raw bytes instead ("" hangs up)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.windows: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str, Any]] = []
        self.fault: Callable[[str, str], bytes | None] | None = None
        self.bad_key = ""  # a value that is refused
        self.refuse: dict[str, tuple[int, dict[str, str]]] = {}  # path ending -> answer
        self.intensity: dict[str, Any] = {
            "average": None, "marginal": None, "forecast": [], "history": [], "message": "no grid zone is configured",
        }  # fmt: skip
        self.top: dict[str, Any] = {"at": time.time(), "devices": [], "processes": [], "workloads": [],
                                    "budgets": [], "windows_open": 0, "intensity": None}  # fmt: skip
        self._server: socketserver.BaseServer | None = None

    def start(self) -> None:
        """Listen."""
        self._server = _Server(str(self.path), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening and take the socket away, as an exporter that ends does."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
            self.path.unlink(missing_ok=True)

    def names(self) -> list[str]:
        """Names of windows in the order they were opened."""
        return [window["name"] for window in self.windows.values()]

    def only(self) -> dict[str, Any]:
        """The one window there is."""
        (window,) = self.windows.values()
        return window

    # --- the API

    def answer(self, method: str, target: str, body: Any, peer: int) -> tuple[int, dict[str, Any]]:
        url = urlsplit(target)
        self.calls.append((method, target, body))
        for ending, refusal in self.refuse.items():
            if url.path.endswith(ending):
                return refusal[0], {"error": refusal[1]}
        parts = [part for part in url.path.split("/") if part][1:]
        if parts == ["status"]:
            return 200, {"version": "test", "sampling_interval_seconds": 1.0}
        if parts == ["top"]:
            return 200, self.top
        if parts == ["intensity"]:
            return 200, self.intensity
        if parts == ["windows"] and method == "POST":
            return self._open(body, peer)
        if parts == ["windows"]:
            state = parse_qs(url.query).get("state", [""])[0]
            found = [self._view(w) for w in reversed(self.windows.values()) if state in ("", w["state"])]
            return 200, {"windows": found}
        window = self.windows.get(parts[1]) if len(parts) > 1 else None
        if window is None:
            return 404, {"error": {"field": "", "message": "no such window", "fix": "see gramwatt windows"}}
        return self._on_window(window, parts[2:], body)

    def _open(self, body: dict[str, Any], peer: int) -> tuple[int, dict[str, Any]]:
        known = {
            "name",
            "phase",
            "pid",
            "model",
            "task",
            "dataset",
            "parent",
            "values",
            "tags",
            "whole_machine",
        }
        assert set(body) <= known, body
        if body["phase"] not in ("training", "inference"):
            return 400, {
                "error": {"field": "phase", "message": "not a phase", "fix": "use training or inference"}
            }
        if body.get("parent") and body["parent"] not in self.windows:
            return 404, {"error": {"field": "parent", "message": "no such window", "fix": ""}}
        window = {**body, "window": f"w{len(self.windows) + 1}", "pid": body.get("pid", peer), "state": "open",
                  "ended_by": None, "start": time.time(), "end": None, "joined": [], "left": []}  # fmt: skip
        self.windows[window["window"]] = window
        return 201, self._view(window)

    def _on_window(self, window: dict[str, Any], rest: list[str], body: Any) -> tuple[int, dict[str, Any]]:
        if self.bad_key and self.bad_key in (body or {}).get("values", {}):
            return 400, {"error": {"field": "values", "message": self.bad_key, "fix": ""}}
        if rest == ["stop"]:
            if window["state"] == "open":
                window["values"].update((body or {}).get("values", {}))
                outcome = (body or {}).get("outcome")
                window.update(state="finished", ended_by="stop", end=time.time(), outcome=outcome)
        elif rest == ["leave"]:
            window["left"].append(body["pid"])
        elif rest and window["state"] == "finished":
            return 409, {
                "error": {"field": "", "message": "the window has finished", "fix": "open a new one"}
            }
        elif rest == ["values"]:
            window["values"].update(body["values"])
        elif rest == ["processes"]:
            window["joined"].append(body["pid"])
        return 200, self._view(window)

    @staticmethod
    def _view(window: dict[str, Any]) -> dict[str, Any]:
        seconds = (window["end"] or time.time()) - window["start"]
        joules = WATTS * seconds
        return {
            **{key: window.get(key, "") for key in ("window", "name", "phase", "model", "task", "dataset", "parent")},
            "user": "u", "uid": os.getuid(), "pid": window["pid"], "state": window["state"],
            "ended_by": window["ended_by"], "outcome": window.get("outcome"), "start": window["start"],
            "end": window["end"], "duration_seconds": seconds,
            "energy_joules": joules, "emissions_grams": joules * 1e-5,
            "mean_power_watts": WATTS, "components": {"cpu": joules * 0.9, "dram": joules * 0.1},
            "component_emissions_grams": {"cpu": joules * 0.9e-5, "dram": joules * 0.1e-5}, "cpu_seconds": seconds,
            "processes": 1, "sources": {"cpu": "rapl", "dram": "rapl"}, "uncertainty_ratio": 0.05,
            "floor_joules": 0.001, "below_floor": False, "values": dict(window["values"]),
            "tags": dict(window.get("tags", {})),
            "boundary": "machine" if window.get("whole_machine") else "process",
        }  # fmt: skip


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what these tests are about."""


def _handler(exporter: FakeExporter) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def address_string(self) -> str:
            return "unix"

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

        def _go(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            raw = exporter.fault(self.command, self.path) if exporter.fault else None
            if raw is not None:
                self.wfile.write(raw)
                self.close_connection = True
                return
            credentials = self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            status, answer = exporter.answer(
                self.command, self.path, body, struct.unpack("3i", credentials)[0]
            )
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _go  # noqa: N815

    return Handler


@pytest.fixture
def exporter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeExporter]:
    """A listening server; GRAMWATT_SOCKET_PATH points at it."""
    fake = FakeExporter(tmp_path / "g.sock")
    fake.start()
    monkeypatch.setenv("GRAMWATT_SOCKET_PATH", str(fake.path))
    yield fake
    fake.stop()


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """No exporter of this machine, no window around the tests, no warning said before."""
    for name in [name for name in os.environ if name.startswith(LAUNCHERS)]:
        monkeypatch.delenv(name)
    for name in ("RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "LOCAL_SIZE", "WORLD_SIZE", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GRAMWATT_SOCKET_PATH", "/nonexistent/gramwatt.sock")
    from gramwatt import breaker, notices

    monkeypatch.setattr(notices, "_said", set())
    monkeypatch.setattr(breaker, "_breakers", {})


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a script in a fresh Python with the client importable."""

    def run(code: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        script = tmp_path / "script.py"
        script.write_text(code)
        return subprocess.run(
            [sys.executable, str(script), *arguments],
            capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONPATH": str(CLIENT), **environ},
        )  # fmt: skip

    return run


@pytest.fixture
def gramwatt(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line in a process of its own."""

    def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "PYTHONPATH": str(CLIENT), **options.pop("environ", {})}
        return subprocess.run(
            [sys.executable, "-m", "gramwatt", *arguments],
            capture_output=True, text=True, timeout=60, env=environ, cwd=tmp_path, **options,
        )  # fmt: skip

    return run
