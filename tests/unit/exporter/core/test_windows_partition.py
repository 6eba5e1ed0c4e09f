"""Eight windows at once over trees of short-lived processes: with the rest, they are the machine, exactly."""

from __future__ import annotations

import random

import pytest
from gramwatt_exporter.windows import OpenRequest, Peer
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import CPU, CPU_IDLE, SECOND, Machine, Process, rig


def inside(machine: Machine, unit: str) -> list[Process]:
    return [process for process in machine.processes.values() if process.unit == unit and not process.zombie]


@pytest.mark.slow
@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), listener=st.booleans(), stale_ns=st.sampled_from([0, 2_000_000]))
def test_windows_and_the_rest_are_the_machine(seed: int, listener: bool, stale_ns: int) -> None:
    chance = random.Random(seed)
    setup = rig(Machine(pid_max=5000, listener=listener, stale_ns=stale_ns))
    machine, sampler = setup.machine, setup.sampler
    roots = [machine.fork(1, unit=f"w{number}.service") for number in range(8)]
    machine.fork(1, unit="rest.service")
    sampler.sample()
    windows = {}
    for root in roots:
        assert root is not None
        window = sampler.windows.open(
            OpenRequest(name=root.unit, phase="training", pid=root.pid), Peer(1000, root.pid, "alice")
        )
        row = sampler.table.find(root.pid)
        assert row is not None
        sampler.windows.add_process(window.id, (root.pid, root.start))
        sampler.membership.attach(window.id, row)
        windows[root.unit] = window
    for _ in range(chance.randrange(2, 15)):
        for _ in range(chance.randrange(60)):
            someone = chance.choice(inside(machine, chance.choice([*windows, "rest.service"])))
            child = machine.fork(someone.pid)
            assert child is not None
            machine.work(child.pid, chance.randrange(1, 9_000_000))
            machine.work(someone.pid, chance.randrange(1, 1_000_000))
            if chance.random() < 0.9:
                machine.exit(child.pid)
        machine.advance(5 * SECOND)
        setup.meters.draw(CPU, chance.randrange(10**9), 5 * SECOND)
        setup.meters.draw(CPU_IDLE, chance.randrange(10**9), 5 * SECOND)
        sampler.sample()
    sampler.sample()
    snapshot = sampler.freeze()
    workloads = {view.name: view for view in snapshot.workloads}
    recorded = {view.name: view for view in snapshot.windows}
    for unit in windows:
        known = workloads.get(unit)
        assert recorded[unit].microjoules.get("cpu", 0) == (known.microjoules[0] if known else 0)
        assert recorded[unit].cpu_nanoseconds == (known.cpu_nanoseconds if known else 0)
    rest = sum(view.microjoules[0] for name, view in workloads.items() if name not in windows)
    idle_and_unknown = sum(device.partition[0] + device.partition[3] for device in snapshot.devices)
    in_windows = sum(view.microjoules.get("cpu", 0) for view in recorded.values())
    machine_total = sum(sum(device.microjoules.values()) for device in snapshot.devices)
    assert in_windows + rest + idle_and_unknown == machine_total
