"""Exporters that hear exit messages, and exporters that may not."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from running import Exporter, exporter, select

CAP_NET_ADMIN = 12
PR_CAPBSET_DROP = 24


def without_net_admin(start: Callable[[], Exporter]) -> Exporter:
    """``start()`` in a thread that gave the capability up: a process it starts cannot get it back, root or not."""
    started: Future[Exporter] = Future()

    def run() -> None:
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_NET_ADMIN, 0, 0, 0)
        try:
            started.set_result(start())
        except BaseException as error:
            started.set_exception(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return started.result()


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Exporter]:
    """One that hears of every exit."""
    with exporter(tmp_path, {"sampling.interval": "200ms", "state.dir": str(tmp_path / "state")}) as running:
        (labels,) = select(running.wait_samples(), "gramwatt_exit_mode_info")
        if dict(labels)["mode"] != "taskstats":
            pytest.skip(
                "the kernel tells process exits only with CAP_NET_ADMIN and in the first PID namespace"
            )
        yield running


@pytest.fixture
def falling_back(tmp_path: Path) -> Iterator[Exporter]:
    """One that knows exits by what parents waited for."""
    flags = {"web.listen-address": "127.0.0.1:0", "sampling.interval": "200ms"}
    running = without_net_admin(lambda: Exporter(tmp_path, flags, {}))
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()
