"""Memory of AMD GPUs in use: by the kernel's files, and by process as AMD's library says it."""

from __future__ import annotations

from typing import Any

from amdsmi_world import ADDRESS, GPU, World
from gramwatt_exporter.model import Device, DeviceMemory
from gramwatt_exporter.sensors.drivers.amd.amdsmi import AmdSmi
from gramwatt_exporter.sensors.drivers.hwmon.hwmon import Hwmon
from gramwatt_exporter.sensors.sensor_set import SensorSet

GIB = 2**30
CHIP = "class/hwmon/hwmon0/device"


def with_memory(sysfs: Any, used: object) -> Any:
    tree = sysfs("gpus")
    tree.write(f"{CHIP}/mem_info_vram_total", 16 * GIB)
    tree.write(f"{CHIP}/mem_info_vram_used", used)
    return tree


def test_hwmon_says_it_of_the_cards_of_amdgpu(sysfs: Any, clock: Any) -> None:
    sensor = Hwmon(str(with_memory(sysfs, 5 * GIB).root), clock)
    sensor.open()
    sample = sensor.read()
    assert sample.memory == {ADDRESS: DeviceMemory(5 * GIB)}
    (card,) = [r.of for r in sample.readings if r.of.name == ADDRESS]
    assert isinstance(card, Device)
    assert card.memory_bytes == 16 * GIB


def test_a_file_that_is_no_number_is_no_memory(sysfs: Any, clock: Any) -> None:
    sensor = Hwmon(str(with_memory(sysfs, "").root), clock)
    sensor.open()
    assert sensor.read().memory == {}


def test_the_library_says_which_process_holds_it(world: World, sysfs: Any, clock: Any, log: Any) -> None:
    world.sysfs = str(with_memory(sysfs, 5 * GIB).root)
    world.set(GPU, "gpu 0 energy 1 1", "gpu 0 process 10 1", f"gpu 0 vram 10 {4 * GIB}", "gpu 0 process 11 1")
    alone: AmdSmi = world.sensor()
    assert alone.read().memory == {ADDRESS: DeviceMemory(5 * GIB, {10: 4 * GIB})}
    alone.close()
    both = SensorSet([Hwmon(world.sysfs, clock), world.sensor(opened=False)], clock, log)
    both.open()
    assert both.read().memory == {ADDRESS: DeviceMemory(5 * GIB, {10: 4 * GIB})}
    both.close()
