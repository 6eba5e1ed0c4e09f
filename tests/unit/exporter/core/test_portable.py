"""Where there is no Linux procfs, psutil serves: the same table, the same sums, on whatever runs this test."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from gramwatt_exporter.model import Identity
from gramwatt_exporter.processes import portable
from gramwatt_exporter.processes.births import Births
from gramwatt_exporter.processes.row import Row, WorkloadAccount
from gramwatt_exporter.processes.table import ProcessTable


def make_table(kernel: portable.PsutilKernel) -> ProcessTable:
    return ProcessTable(
        portable.PsutilClock(),
        portable.PsutilIdentities(),
        Births(kernel.pid_max),
        portable.pids,
        lambda identity: Row(identity, WorkloadAccount(identity.workload)),
        portable.resident_pages,
    )


def identity_of(row: Row) -> Identity:
    return row.identity


@pytest.mark.slow
def test_cpu_time_births_and_deaths_are_seen() -> None:
    kernel = portable.PsutilKernel()
    table = make_table(kernel)
    table.update(kernel.read())
    me = table.find(os.getpid())
    assert me is not None
    assert identity_of(me).parent == os.getppid()
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass
    activity = table.update(kernel.read())
    used = {row.identity.pid: ns for row, ns in activity.live}
    assert 0.25e9 < used[os.getpid()] < 1.5e9
    assert me.pages > 0
    born = table.find(child.pid)
    assert born is not None
    assert born.identity.parent == os.getpid()
    child.kill()
    child.wait()
    activity = table.update(kernel.read())
    assert [row.identity.pid for row in activity.departed if row is born] == [child.pid]
    assert table.find(child.pid) is None


def test_busy_time_and_memory_are_plausible() -> None:
    counters = portable.PsutilKernel().read()
    assert 0 < counters.used_pages < counters.capacity_pages
    assert counters.busy_ns > 0
