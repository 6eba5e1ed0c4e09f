"""Whatever happens to a sensor, the sensor set books what the hardware counted: no microjoule more, none less."""

from __future__ import annotations

import json
from typing import Any

import pytest
from gramwatt_exporter.errors import TryAgain
from gramwatt_exporter.model import Device, EnergyReading, Meter, Reading, Sample
from gramwatt_exporter.sensors.sensor_set import SensorSet
from hypothesis import given, settings
from hypothesis import strategies as st

WRAP = 65_712_999_612  # not that of a 32-bit register, for which see test_counters.py
MAX_WATTS = 400


class Ticks:
    def __init__(self) -> None:
        self.ns = 10**12

    def __call__(self) -> int:
        return self.ns


class Quiet:
    def debug(self, message: str, **fields: object) -> None: ...
    def info(self, message: str, **fields: object) -> None: ...
    def warning(self, message: str, **fields: object) -> None: ...


class Hardware:
    """Two wrapping counters and a platform meter around them."""

    name = "rapl"

    def __init__(self, clock: Ticks, start: int) -> None:
        self.clock = clock
        self.true = [start, start // 2, start // 3]
        self.away = False
        cpu = [Device("cpu", f"package-{n}", "rapl", 0.05, None, MAX_WATTS) for n in range(2)]
        psys = Meter("psys", "rapl", None, ("cpu", "dram", "gpu"), 0.1, 4 * MAX_WATTS)
        self.nouns: list[Device | Meter] = [*cpu, psys]

    def open(self) -> None: ...

    def close(self) -> None: ...

    def read(self) -> Sample:
        if self.away:
            raise TryAgain("bus error")
        readings: list[Reading] = [
            EnergyReading(of, true % (WRAP + 1), self.clock(), WRAP)
            for of, true in zip(self.nouns, self.true, strict=True)
        ]
        return Sample(readings)


class Model:
    """The estimate, which must never add to what is measured."""

    name = "estimate"

    def __init__(self, clock: Ticks) -> None:
        self.clock = clock

    def open(self) -> None: ...

    def close(self) -> None: ...

    def read(self) -> Sample:
        device = Device("cpu", "package-0", "estimate", 0.5)
        return Sample([EnergyReading(device, self.clock() // 1000, self.clock())])


tick = st.tuples(
    st.sampled_from(["tick", "tick", "tick", "away", "back", "crash"]),
    st.integers(100, 10_000),  # milliseconds
    st.tuples(st.integers(1, MAX_WATTS), st.integers(1, MAX_WATTS), st.integers(0, MAX_WATTS)),
)


@pytest.mark.slow
@settings(max_examples=150)
@given(start=st.integers(0, 3 * WRAP), events=st.lists(tick, min_size=1, max_size=60))
def test_what_was_counted_is_booked_exactly(
    start: int, events: list[tuple[str, int, tuple[int, int, int]]]
) -> None:
    clock = Ticks()
    hardware, model = Hardware(clock, start), Model(clock)

    def new_sensor_set(saved: Any = None) -> SensorSet:
        sensor_set = SensorSet([hardware, model], clock, Quiet())
        if saved is not None:
            sensor_set.restore(saved)
        sensor_set.open()
        return sensor_set

    sensor_set = new_sensor_set()
    sensor_set.read()
    began = list(hardware.true)
    booked = {"package-0": 0, "package-1": 0, "psys": 0}
    away_for = 0
    for event, milliseconds, watts in [*events, ("back", 1000, (1, 1, 1))]:
        if event == "away":
            hardware.away = True
        elif event == "back":
            hardware.away = False
        elif event == "crash":  # the last saved state is of the last read; what passed since is still there
            sensor_set = new_sensor_set(json.loads(json.dumps(sensor_set.state())))
        away_for = away_for + milliseconds if hardware.away else 0
        if away_for > 50_000:
            hardware.away, away_for = False, 0
        clock.ns += milliseconds * 1_000_000
        inner = [watts[0] * milliseconds * 1000, watts[1] * milliseconds * 1000]
        for index, energy in enumerate([*inner, sum(inner) + watts[2] * milliseconds * 1000]):
            hardware.true[index] += energy
        sample = sensor_set.read()
        assert {step.device.source for step in sample.steps} <= {"rapl"}
        for step in sample.steps:
            assert step.microjoules >= 0
            assert step.nanoseconds > 0
            booked[step.device.name] += step.microjoules
        assert sample.resets == {}
    for _ in range(71):  # an open that failed may have been put off by a second or more
        clock.ns += 10**9
        hardware.true = [
            true + drawn for true, drawn in zip(hardware.true, (10**6, 10**6, 3 * 10**6), strict=True)
        ]
        for step in sensor_set.read().steps:
            booked[step.device.name] += step.microjoules
    grown = [now - then for now, then in zip(hardware.true, began, strict=True)]
    assert booked["package-0"] == grown[0]
    assert booked["package-1"] == grown[1]
    assert sum(booked.values()) == grown[2]  # the devices and the rest are the platform, to the microjoule
