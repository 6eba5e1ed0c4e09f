"""Memory of NVIDIA GPUs in use: the real pynvml over a stand-in for the driver's library."""

from __future__ import annotations

from gramwatt_exporter.model import DeviceMemory
from nvml_world import World

GIB = 2**30
NO_FUNCTION, NO_VERSION = 13, 25
A_GPU = ("gpu 0 uuid GPU-a", "gpu 0 energy_mj 1", f"gpu 0 memory {80 * GIB} {GIB} {30 * GIB}")


def memory_of(world: World, *facts: str) -> DeviceMemory | None:
    world.set(*facts)
    return world.sensor().read().memory.get("GPU-a")


def test_of_the_gpu_and_by_process(world: World) -> None:
    told = memory_of(
        world, *A_GPU, f"gpu 0 compute 10 {20 * GIB}", f"gpu 0 compute 11 {4 * GIB}", f"gpu 0 mps 12 {GIB}"
    )
    assert told == DeviceMemory(30 * GIB, {10: 20 * GIB, 11: 4 * GIB, 12: GIB})


def test_a_process_on_two_lists_holds_its_memory_once(world: World) -> None:
    told = memory_of(world, *A_GPU, f"gpu 0 compute 10 {GIB}", f"gpu 0 graphics 10 {GIB}")
    assert told is not None
    assert told.by_pid == {10: GIB}


def test_an_older_driver_counts_what_it_keeps_as_used(world: World) -> None:
    for refusal in (NO_FUNCTION, NO_VERSION):
        told = memory_of(world, *A_GPU, f"gpu 0 memory_error {refusal}")
        assert told == DeviceMemory(31 * GIB)


def test_of_instances_is_added_up(world: World) -> None:
    told = memory_of(
        world, *A_GPU, "gpu 0 mig", "gpu 0 instance 0 3", "gpu 0 instance 1 4",
        "gpu 0 holder 0 10", "gpu 0 holder 1 10", "gpu 0 holder 1 11",
    )  # fmt: skip
    assert told is not None
    assert told.by_pid == {10: 2 * 2**20, 11: 2**20}


def test_a_driver_that_does_not_say(world: World) -> None:
    told = memory_of(world, "gpu 0 uuid GPU-a", "gpu 0 energy_mj 1")
    assert told == DeviceMemory(None)


def test_unknown_memory_of_a_process_is_no_zero(world: World) -> None:
    told = memory_of(world, *A_GPU, f"gpu 0 compute 10 {2**64 - 1}")  # NVML_VALUE_NOT_AVAILABLE
    assert told == DeviceMemory(30 * GIB)


def test_a_lost_gpu_shows_none(world: World) -> None:
    world.set(*A_GPU, "gpu 1 uuid GPU-b", "gpu 1 energy_mj 1")
    sensor = world.sensor()
    assert "GPU-a" in sensor.read().memory
    world.clock.advance(1)
    world.set(*A_GPU, "gpu 0 error 15", "gpu 1 uuid GPU-b", "gpu 1 energy_mj 2")
    assert "GPU-a" not in sensor.read().memory
