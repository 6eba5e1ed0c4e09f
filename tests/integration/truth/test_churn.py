"""The real exporter on the real kernel, against a program that knows what it used.

churn.c forks in storms, runs threads, leaves zombies and daemons, has parents that ignore SIGCHLD, execs in chains
and works at another priority, and adds up its own CPU clocks. A window over its tree must hold that CPU time, whatever
died when.
"""

import json
import re
import subprocess
import threading
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypervisor import undisturbed
from running import Exporter, Series, assert_conserved, select, total

TOLERANCE = 0.03
# A series of a process, an open window or a value that is not a running total may end or go back.
COUNTERS = re.compile(r"gramwatt_(device|meter|workload|exits|sensor|samples|sample|priced|window)_\w*total")


@pytest.fixture(scope="session")
def churn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled program."""
    program = tmp_path_factory.mktemp("churn") / "churn"
    source = Path(__file__).with_name("churn.c")
    subprocess.run(["gcc", "-O2", "-pthread", "-o", program, source], check=True)
    return program


def mode_of(series: Series) -> str:
    (labels,) = select(series, "gramwatt_exit_mode_info")
    return dict(labels)["mode"]


def assert_no_counter_went_back(before: Series, after: Series) -> None:
    for (name, labels), value in before.items():
        if ("kind", "entering") in labels:  # what new series do not show yet: it goes when they show it
            continue
        if COUNTERS.fullmatch(name) and (name, labels) in after:
            assert after[name, labels] >= value, f"{name} {dict(labels)} went back"
    for command in ("other", "departed"):
        for labels, value in select(
            before, "gramwatt_process_energy_joules_total", pid="", command=command
        ).items():
            now = after["gramwatt_process_energy_joules_total", labels]
            assert now >= value, f"{command} went back"


def assert_cpu_rows_sum(series: Series) -> None:
    """Process rows and workloads are the same CPU time, to the nanosecond."""
    rows = total(series, "gramwatt_process_cpu_seconds_total")
    workloads = "gramwatt_workload_cpu_seconds_total", "gramwatt_workload_departed_cpu_seconds_total"
    assert rows == sum(total(series, name) for name in workloads)


def attributed_share(running: Exporter, program: Path, scenes: str) -> tuple[float, list[Series]]:
    """Attributed by known CPU time of one run of churn; and all scrapes taken meanwhile."""
    measured, stolen = undisturbed(lambda: run_churn(running, program, scenes), most_seconds=0.02)
    print(
        f"{scenes}: {measured[0]:.4f} of the CPU time was attributed; {stolen:.2f} s stolen by the hypervisor"
    )
    return measured


def run_churn(running: Exporter, program: Path, scenes: str) -> tuple[float, list[Series]]:
    """The same of one run, whatever else ran on the machine below this one."""
    words = [str(program), scenes]
    scrapes = [running.wait_samples()]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as work:
        assert work.stdin is not None
        assert work.stdout is not None
        running.wait_samples()  # so that it is known
        body = {"name": "churn", "phase": "inference", "pid": work.pid}
        status, window = running.call("POST", "/v1/windows", body)
        assert status == 201, window
        work.stdin.write("go\n")
        work.stdin.flush()
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.append(work.stdout.readline()))  # type: ignore[union-attr]
        reader.start()
        while reader.is_alive():
            scrapes.append(running.scrape())
            reader.join(0.15)
        scrapes.append(running.wait_samples(6))  # the last dead are settled
        status, window = running.call("POST", f"/v1/windows/{window['window']}/stop")
        assert status == 200, window
        work.stdin.close()
    share = window["cpu_seconds"] / (json.loads(lines[0]) / 1e9)
    return share, scrapes


def check(scrapes: list[Series]) -> None:
    assert len(scrapes) > 3
    for series in scrapes:
        assert_conserved(series)
        assert_cpu_rows_sum(series)
    for before, after in pairwise(scrapes):
        assert_no_counter_went_back(before, after)
    assert total(scrapes[-1], "gramwatt_exits_lost_total") == Decimal(0)
    assert total(scrapes[-1], "gramwatt_cpu_overbooked_seconds_total") < Decimal("0.2")


def test_cpu_time_of_everything_that_lives_and_dies_is_attributed(listening: Exporter, churn: Path) -> None:
    share, scrapes = attributed_share(listening, churn, "waited")
    check(scrapes)
    assert share == pytest.approx(1, abs=TOLERANCE), f"{share:.4f} of the CPU time was attributed"


def test_children_nobody_waits_for_are_attributed_too(listening: Exporter, churn: Path) -> None:
    share, scrapes = attributed_share(listening, churn, "all")
    check(scrapes)
    # A fifth of the work is of children whose parent ignores SIGCHLD (the exit message is their only witness) and of
    # daemons (whose parents are gone before anybody looks).
    assert share == pytest.approx(1, abs=TOLERANCE), f"{share:.4f} of the CPU time was attributed"


def test_without_exit_messages_what_parents_waited_for_is_attributed(
    falling_back: Exporter, churn: Path
) -> None:
    share, scrapes = attributed_share(falling_back, churn, "waited")
    assert mode_of(scrapes[-1]) == "cutime"
    check(scrapes)
    assert share == pytest.approx(1, abs=TOLERANCE), f"{share:.4f} of the CPU time was attributed"
