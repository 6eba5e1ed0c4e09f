"""A GPU that sleeps draws nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from gramwatt_exporter.model import Device
from gramwatt_exporter.sensors.drivers.hwmon.hwmon import Hwmon
from gramwatt_exporter.sensors.sensor_set import SensorSet
from hwmon_boards import (
    WATT,
    Board,
    Dozing,
    joules,
    started,
    values,
)
from scripted_sensor import Scripted


@pytest.mark.parametrize(("driver", "errno"), [("amdgpu", "eperm"), ("nouveau", "einval")])
def test_a_gpu_that_sleeps_draws_nothing_and_stays_whose_it_is(
    board: Board,
    make: Callable[..., SensorSet],
    clock: Any,
    request: pytest.FixtureRequest,
    driver: str,
    errno: str,
) -> None:
    gpu = Dozing(board, driver, request.getfixturevalue(errno), power1_average=30 * WATT)
    sensor = Hwmon(str(board.root), clock)
    counter = Scripted("amdsmi", clock)  # reads the same GPU, and never sleeps
    counter.microjoules = {Device("gpu", "0000:03:00.0", "amdsmi", 0.1): 0}
    sensor_set = make(sensor, counter)
    sensor_set.read()
    booked: Counter[str] = Counter()
    for _ in range(5):  # 10 s awake, 140 s asleep
        gpu.become(sensor, "active", refused=False)
        booked += joules(sensor_set, clock, 2)
        gpu.become(sensor, "suspended", refused=True)
        booked += joules(sensor_set, clock, 28)
        sample = sensor_set.read()
        assert sample.sensors[0].failures == {}
    # The sample before the first was awake; each time it falls asleep or wakes up counts as half a sample.
    assert booked == {"0000:03:00.0 of hwmon": 5 * 10 * 30 + 75}


def test_a_gpu_alone_that_sleeps_at_the_start_is_no_failure(board: Board, clock: Any, eperm: int) -> None:
    gpu = Dozing(board, "amdgpu", eperm, power1_average=30 * WATT)
    sensor = started(board, clock)
    gpu.become(sensor, "suspended", refused=True)
    sample = sensor.read()
    assert (values(sample), sample.failures) == ({"0000:03:00.0": 0}, {})


def test_a_gpu_that_is_awake_but_refuses_draws_what_nobody_knows(
    board: Board, clock: Any, eperm: int
) -> None:
    gpu = Dozing(board, "amdgpu", eperm, power1_average=30 * WATT)
    board.chip(4, "ina226", "1-0040", power1_input=1)
    sensor = started(board, clock)
    gpu.become(sensor, "active", refused=True)  # a reset
    (board.root / "class/hwmon/hwmon3/power1_average").unlink()  # opened again, it would be read
    sample = sensor.read()
    assert (values(sample), sample.failures) == ({"ina226-power1": 1}, {"0000:03:00.0": "lost"})
