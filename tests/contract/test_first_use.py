"""Many threads that are the first to read a message of one type: msgspec ends the process where nothing prevents it."""

from __future__ import annotations

import subprocess
import sys

import pytest

_THREADS = """
import sys, threading
sys.setswitchinterval(1e-6)
gate = threading.Barrier(32)
def work():
    gate.wait()
    read()
threads = [threading.Thread(target=work) for _ in range(32)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
_STOPS = """
from gramwatt_exporter.socket_api import bodies
def read():
    bodies.decode(b'{"values": {"samples": 1}, "outcome": {"exit_code": 1}}', bodies.Stop)
"""
_OPENS = """
from gramwatt_exporter.socket_api import bodies
from gramwatt_exporter.windows.model import OpenRequest
def read():
    bodies.decode(b'{"name": "a", "phase": "training", "values": {"samples": 1}, "tags": {"a": "b"}}', OpenRequest)
"""
_ROWS = """
from gramwatt_labeler.store.rows import graded_of
window = {"id": "a", "name": "b", "phase": "training", "start": 1, "end": 2}
grade = {"scale": {"name": "a", "version": "1", "date": "", "sha256": "x"}, "letter": "A"}
def read():
    graded_of({"window": window}, {"grade": grade}, 1.0)
"""
_REPORTS = """
from gramwatt_labeler.ended_window import read_report
report = {"window": "a", "name": "b", "phase": "training", "start": 1, "end": 2, "components": {"cpu": 1},
          "hardware": [{"component": "cpu", "model": "x", "devices": 1}]}
def read():
    read_report(report, "node")
"""
_SCALES = """
from gramwatt_labeler.scale_files import load_scales
def read():
    load_scales()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("of", "times"),
    [(_STOPS, 5), (_OPENS, 1), (_ROWS, 1), (_REPORTS, 1), (_SCALES, 1)],
    ids=["ends of windows", "openings", "stored rows", "reports", "scales"],
)
def test_the_first_readers_of_a_type_may_be_many(of: str, times: int) -> None:
    for _ in range(times):  # not every time two threads meet
        done = subprocess.run(
            [sys.executable, "-c", of + _THREADS], capture_output=True, text=True, timeout=120
        )
        assert (done.returncode, done.stderr) == (0, "")
