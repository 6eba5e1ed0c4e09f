"""Power read on a thread of its own, between two reads of the sensor."""

from __future__ import annotations

import threading
import time
from typing import Any

from gramwatt_exporter.model import EnergyReading, PowerReading
from gramwatt_exporter.sensors.drivers.hwmon.hwmon import Hwmon
from gramwatt_exporter.sensors.threads import Repeater
from hwmon_boards import WATT, Board, rails

ADDRESS = "0000:03:00.0"


def _wait(until: Any) -> None:
    deadline = time.monotonic() + 30
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "hwmon-gpu-power"}


def test_a_thread_reads_and_ends_when_the_sensor_is_closed(board: Board) -> None:
    board.chip(1, "amdgpu", ADDRESS, power1_average=30 * WATT)
    others = _threads()
    sensor = Hwmon(str(board.root), time.monotonic_ns, repeater=Repeater)
    sensor.open()
    (thread,) = _threads() - others
    (first,) = sensor.read().readings
    assert sensor.between is not None
    (watched,) = sensor.between._watched.values()
    _wait(lambda: len(watched.reader._points) >= 3)
    (second,) = sensor.read().readings
    assert isinstance(first, EnergyReading)
    assert isinstance(second, EnergyReading)
    seconds = (second.at_ns - first.at_ns) / 1e9
    assert abs(second.microjoules - first.microjoules - 30 * WATT * seconds) < 10
    sensor.close()
    thread.join(30)
    assert not thread.is_alive()


def test_only_gpus_without_a_counter_are_read_so(board: Board, clock: Any) -> None:
    board.chip(1, "amdgpu", ADDRESS, power1_average=30 * WATT)
    board.chip(2, "xe", "0000:04:00.0", energy1_input=5 * WATT)
    board.chip(3, "amdgpu", "0000:05:00.0", power1_average=30 * WATT, in1_label="vddnb")  # an APU's graphics
    rails(board, 4, "1-0040", VDD_IN=8, VDD_GPU=3, VDD_CPU=2)
    sensor = Hwmon(str(board.root), clock, repeater=lambda call, name: Repeater(call, name, background=False))
    sensor.open()
    assert sensor.between is not None
    assert set(sensor.between._watched) == {ADDRESS, "gpu-0"}
    clock.advance(1)
    kinds = {reading.of.name: type(reading) for reading in sensor.read().readings}
    assert kinds[ADDRESS] is kinds["gpu-0"] is EnergyReading
    assert kinds["package-0"] is PowerReading
    sensor.close()


def test_a_value_beyond_what_it_can_draw_is_left_out_and_counted(board: Board, clock: Any) -> None:
    board.chip(1, "amdgpu", ADDRESS, power1_average=30 * WATT, power1_cap_max=300 * WATT)
    sensor = Hwmon(str(board.root), clock, repeater=lambda call, name: Repeater(call, name, background=False))
    sensor.open()
    energies = []
    for watts in (30, 30, 5000, 30):
        board.write(1, "power1_average", watts * WATT)
        clock.advance(1)
        (reading,) = sensor.read().readings
        assert isinstance(reading, EnergyReading)
        energies.append(reading.microjoules // WATT)
    assert energies == [0, 30, 30, 90]
    assert sensor.refused == {"implausible_power": 1}
    sensor.close()
    assert sensor.refused == {"implausible_power": 1}
