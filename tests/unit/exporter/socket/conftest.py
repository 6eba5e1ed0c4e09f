"""A served socket with a real book of windows behind it, and a client that speaks HTTP over it."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.config.schema import Windows
from gramwatt_exporter.socket_api import Answer, ApiError, SocketApi
from gramwatt_exporter.windows import OpenRequest, Peer, WindowBook, window_answer

INTENSITY = {
    "average": {
        "grams_per_kilowatt_hour": 56.0, "zone": "FR", "provider": "annual", "basis": "average",
        "method": "annual", "factor": "lifecycle", "at": 1.0, "age_seconds": 2.0,
        "renewable_ratio": None, "fossil_ratio": 0.1,
    },
    "marginal": None, "forecast": [{"at": 3.0, "grams_per_kilowatt_hour": 60.0}], "history": [], "message": "",
}  # fmt: skip


class Machine:
    """The state behind the socket, touched by one thread only: a book of windows and constant figures."""

    def __init__(self) -> None:
        self.book = WindowBook(Windows())
        self.peers: list[Peer] = []
        self.samples = 0
        self.broken = False
        self._thread = ThreadPoolExecutor(1)

    def call(self, work: Callable[[], Answer]) -> Answer:
        return self._thread.submit(work).result()

    def status(self, peer: Peer) -> Answer:
        self.peers.append(peer)
        if self.broken:
            raise RuntimeError("secret detail")
        return {
            "version": "0", "boot_id": "b", "sampling_interval_seconds": 5.0, "snapshot_at": 1.0,
            "sensors": [{"sensor": "rapl", "up": False, "reason": "absent"}], "exit_mode": "taskstats",
            "intensity": None, "user": peer.user, "uid": peer.uid,
        }  # fmt: skip

    def intensity(self, peer: Peer) -> Answer:
        return INTENSITY

    def top(self, peer: Peer, processes: int, workloads: int) -> Answer:
        process = {
            "pid": 1, "command": "a", "workload": "a.service", "kind": "unit", "user": "root", "power_watts": 1.0,
            "power_by_component": {"cpu": 1.0}, "energy_joules": 1.0, "emissions_grams": None, "cpu_seconds": 1.0,
        }  # fmt: skip
        workload = {
            "workload": "a", "kind": "unit", "user": "root", "power_watts": None, "energy_joules": 1.0,
            "emissions_grams": 0.1,
        }  # fmt: skip
        return {
            "at": 1.0, "devices": [], "budgets": [],
            "processes": [process] * min(processes, 3), "workloads": [workload] * min(workloads, 3),
            "windows_open": len(self.book.open_ids), "intensity": INTENSITY,
        }  # fmt: skip

    def _show(self, window_id: str) -> Answer:
        return window_answer(self.book.view(self.book.get(window_id)))

    def open_window(self, peer: Peer, request: OpenRequest) -> Answer:
        self.samples += 1
        return self._show(self.book.open(request, peer).id)

    def windows(self, peer: Peer, state: str) -> Answer:
        return {"windows": [self._show(window.id) for window in self.book.find(peer, state)]}

    def window(self, peer: Peer, window_id: str, sample: bool) -> Answer:
        self.book.get(window_id, peer)
        self.samples += sample
        return self._show(window_id)

    def record(self, peer: Peer, window_id: str, values: Mapping[str, float]) -> Answer:
        self.book.get(window_id, peer)
        self.book.record(window_id, values)
        return self._show(window_id)

    def add_process(self, peer: Peer, window_id: str, pid: int) -> Answer:
        self.book.get(window_id, peer)
        if pid == 999:
            raise ApiError(404, "pid", "no process 999", "give the pid of a running process of yours")
        self.book.add_process(window_id, (pid, 1))
        return self._show(window_id)

    def leave_window(self, peer: Peer, window_id: str, pid: int) -> Answer:
        self.book.get(window_id, peer)
        self.book.remove_process(window_id, (pid, 1))
        return self._show(window_id)

    def stop_window(
        self,
        peer: Peer,
        window_id: str,
        values: Mapping[str, float],
        outcome: Mapping[str, int | str] | None = None,
    ) -> Answer:
        self.book.get(window_id, peer)
        self.book.stop(window_id, self.book.get(window_id).start + 1, "stop", values, outcome)
        return self._show(window_id)


class UnixConnection(http.client.HTTPConnection):
    """The standard library's client over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass
class Reply:
    status: int
    headers: Mapping[str, str]
    body: Any


class Client:
    """One connection, kept open between calls."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.connection = UnixConnection(path)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        self.connection.request(
            method, path, data, {name.replace("_", "-"): text for name, text in headers.items()}
        )
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.headers["Content-Type"] == "application/json"
        return Reply(answer.status, dict(answer.headers), json.loads(text) if text else None)

    def raw(self, request: bytes) -> bytes:
        """What comes back until the other side closes."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(10)
            connection.connect(self.path)
            connection.sendall(request)
            answer = b""
            while part := connection.recv(65536):
                answer += part
            return answer


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def directory() -> Iterator[Path]:
    """Short enough for a socket, and other users may enter it."""
    path = Path(tempfile.mkdtemp(prefix="gw-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def api(directory: Path, machine: Machine, clock: Clock) -> Iterator[SocketApi]:
    served = SocketApi([str(directory / "gramwatt.sock")], machine, lambda uid: f"user-{uid}", clock)
    served.start()
    yield served
    served.stop()


@pytest.fixture
def client(api: SocketApi, clock: Clock) -> Client:
    return Client(api.path)


@pytest.fixture
def client_of() -> Callable[[str], Client]:
    return Client
