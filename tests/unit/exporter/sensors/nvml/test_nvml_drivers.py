"""Drivers that are slow, hang, or name their GPUs badly: each costs its own GPU, and nobody else."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.errors import TryAgain
from gramwatt_exporter.sensors.drivers.nvidia.nvml import HANGS_NS, Nvml
from gramwatt_exporter.sensors.supervisor import Supervisor
from gramwatt_exporter.sensors.threads import Turns
from nvml_world import World, energies


def test_a_look_that_is_slow_is_reported_by_the_next_read(world: World, clock: Any) -> None:
    world.set("gpu 0 uuid GPU-a", "gpu 0 energy_mj 1", "gpu 0 util_error 3")
    sensor = Nvml("/proc", clock, world.wall_us, patience_seconds=0, background=False)
    sensor.open()
    for second in range(1, 5):
        sensor.read()
        looking = sensor._gpus[0].looking
        assert looking is None or looking.done(20)
        clock.advance(1)
        world.set("gpu 0 uuid GPU-a", f"gpu 0 energy_mj {1 + second}", "gpu 0 util_error 3")
    sample = sensor.read()
    assert energies(sample)["GPU-a"] >= 4000
    assert sample.failures == {}


@pytest.mark.parametrize(("seconds", "first"), [(2.0, 1_000), (0.0, 7_000)])
def test_a_driver_that_opens_slowly_is_looked_at_at_once(
    world: World, clock: Any, seconds: float, first: int
) -> None:
    """Its first look takes as long again; what it draws until the next read is not lost then."""
    world.set("gpu 0 uuid GPU-a", "gpu 0 energy_mj 1", "gpu 0 util_error 3")

    def slow() -> int:
        clock.advance(seconds)
        return int(clock())

    sensor = Nvml("/proc", slow, world.wall_us, patience_seconds=20, background=False)
    sensor.open()
    seconds = 0.0
    world.set("gpu 0 uuid GPU-a", "gpu 0 energy_mj 7", "gpu 0 util_error 3")
    assert sensor.read().readings[0].microjoules == first  # type: ignore[union-attr]


def test_a_gpu_that_hangs_keeps_nobody_waiting(world: World, clock: Any) -> None:
    both = ("gpu 0 uuid GPU-a", "gpu 1 uuid GPU-b", "gpu 0 util_error 3", "gpu 1 util_error 3")
    world.set(*both, "gpu 0 energy_mj 1", "gpu 1 energy_mj 1")
    sensor = world.sensor()
    sensor.read()
    wedged, free = sensor._gpus[0], threading.Event()
    look = wedged.probe.look
    wedged.probe.look = lambda question: (free.wait(20), look(question))[1]  # type: ignore[method-assign]
    sensor._patience = 0.05
    for _ in range(2):
        clock.advance(1)
        world.set(*both, "gpu 0 energy_mj 7", f"gpu 1 energy_mj {clock.ns // 1_000_000_000}")
        sample = sensor.read()
        other = sensor._gpus[1].looking
        assert other is None or other.done(20)
    assert sample.failures == {}
    clock.advance(HANGS_NS / 1e9 + 1)
    assert sensor.read().failures == {"GPU-a": "no_answer"}
    free.set()
    assert wedged.looking is not None
    assert wedged.looking.done(20)
    clock.advance(1)
    sample = sensor.read()
    assert sample.failures == {}
    assert energies(sample)["GPU-a"] == 7000


def test_the_thread_of_a_look_that_hung_ends_with_it(world: World, clock: Any) -> None:
    """The looks of the others go on at the next read, on a new thread."""
    gpus = [f"gpu {n} uuid GPU-{name}" for n, name in enumerate("abc")]
    gpus += [f"gpu {n} util_error 3" for n in range(3)]
    world.set(*gpus, *(f"gpu {n} energy_mj 1" for n in range(3)))
    sensor = world.sensor()
    sensor.read()
    wedged, free = sensor._gpus[1], threading.Event()
    look = wedged.probe.look
    wedged.probe.look = lambda question: (free.wait(20), look(question))[1]  # type: ignore[method-assign]
    sensor._patience = 0.05
    before = _look_threads()
    for second in range(2, 5):
        clock.advance(1)
        world.set(*gpus, *(f"gpu {n} energy_mj {second}" for n in range(3)))
        sensor._patience = 0.05 if second == 2 else 20
        sample = sensor.read()
        assert all(gpu is wedged or gpu.looking is None or gpu.looking.done(20) for gpu in sensor._gpus)
    # The look at the third was late once, and is reported by the read after it.
    assert energies(sample) == {"GPU-a": 4000, "GPU-b": 1000, "GPU-c": 3000}
    assert len(_look_threads()) <= len(before) + 1
    free.set()
    _wait_for_end(before)


def _look_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "nvml-looks"}


def _wait_for_end(threads: set[threading.Thread]) -> None:
    """At least one of them ends: the one that hung."""
    deadline = time.monotonic() + 20
    while threads <= _look_threads():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_calls_take_turns_and_one_that_hangs_is_passed() -> None:
    turns, free, inside = Turns(longest_wait_seconds=0.05), threading.Event(), threading.Event()

    def hangs() -> None:
        inside.set()
        free.wait(20)

    thread = threading.Thread(target=turns.call, args=(hangs,))
    thread.start()
    assert inside.wait(20)
    assert turns.call(lambda value: value, 3) == 3
    free.set()
    thread.join(20)
    assert not thread.is_alive()


@pytest.mark.parametrize("second", ["GPU-a", "GPU-\\xff", "GPU-b\n", "GPU-ü"])
def test_two_boards_of_one_name_are_two_devices(world: World, second: str) -> None:
    world.file.write_bytes(
        f"gpu 0 uuid GPU-a\ngpu 0 energy_mj 1\ngpu 1 uuid {second}\n".encode("latin-1")
        + b"gpu 1 energy_mj 2\n"
    )
    sample = world.sensor().read()
    assert len(energies(sample)) == 2
    assert energies(sample)["GPU-a"] == 1000
    assert all(name.isascii() and name.isprintable() for name in energies(sample))


def test_that_a_restart_is_needed_is_said_whatever_came_before(world: World, clock: Any, log: Any) -> None:
    world.set("gpu 0 uuid GPU-a", "gpu 0 energy_mj 1", "gpu 0 util_error 3")
    sensor = world.sensor(opened=False)
    sensor.slow_open = False
    slot = Supervisor(sensor, 0, log)
    slot.open(clock.ns)
    for code in (999, 999, 18):
        clock.advance(1)
        world.set(f"init {code}", "gpu 0 uuid GPU-a", f"gpu 0 error {code}")
        slot.read(clock.ns)
    fixes = [fields.get("fix", "") for fields in log.warnings()]
    assert any("restart the exporter" in str(fix) for fix in fixes)


def test_a_sensor_without_a_gpu_that_answers_is_not_up(world: World, clock: Any) -> None:
    world.set("gpu 0 uuid GPU-a", "gpu 0 energy_mj 1", "gpu 0 util_error 3")
    sensor = world.sensor()
    sensor.read()
    clock.advance(1)
    world.set("gpu 0 uuid GPU-a", "gpu 0 error 15")
    with pytest.raises(TryAgain, match="GPU-a lost"):
        sensor.read()


def test_rows_that_are_not_believed_are_counted(world: World, clock: Any, log: Any) -> None:
    world.set("gpu 0 uuid GPU-a", "gpu 0 energy_mj 1", "gpu 0 compute 10")
    sensor = world.sensor()
    sensor.read()
    clock.advance(1)
    tomorrow = world.wall_us() + 86_400_000_000
    world.set(
        "gpu 0 uuid GPU-a", "gpu 0 energy_mj 2", "gpu 0 compute 10",
        f"gpu 0 util 0 {tomorrow} 4096", f"gpu 0 util 10 {world.wall_us() - 10_000} 50",
    )  # fmt: skip
    sensor.read()
    assert sensor.refused == {"implausible_row": 1}
    assert Supervisor(sensor, 0, log).state().failures == {"implausible_row": 1}
    sensor.close()
    assert sensor.refused == {"implausible_row": 1}


def test_the_server_of_mps_is_no_user(world: World, clock: Any, tmp_path: Path) -> None:
    comm = tmp_path / "proc" / "30" / "comm"
    comm.parent.mkdir(parents=True)
    comm.write_text("nvidia-cuda-mps\n")
    (tmp_path / "proc" / "self" / "ns").mkdir(parents=True)
    (tmp_path / "proc" / "self" / "ns" / "pid").touch()
    inode = (tmp_path / "proc" / "self" / "ns" / "pid").stat().st_ino
    world.set(
        "gpu 0 uuid GPU-a", "gpu 0 energy_mj 1", "gpu 0 compute 30", "gpu 0 mps 31", "gpu 0 util_error 3"
    )
    sensor = Nvml(
        str(tmp_path / "proc"), clock, world.wall_us, None, inode, patience_seconds=20, background=False
    )
    sensor.open()
    (use,) = sensor.read().uses
    assert (dict(use.weights), use.method) == ({31: 1}, "holder")
