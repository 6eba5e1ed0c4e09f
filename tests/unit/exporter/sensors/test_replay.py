"""Traces of readings, recorded and played."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.errors import Fatal, NotHere
from gramwatt_exporter.model import Device, DeviceUse, EnergyReading, Meter, PowerReading, Sample
from gramwatt_exporter.sensors.drivers.rapl.rapl import Rapl
from gramwatt_exporter.sensors.drivers.replay import Replay, record
from gramwatt_exporter.sensors.sensor_set import SensorSet


def test_what_was_recorded_is_played(tmp_path: Path, clock: Any) -> None:
    gpu = Device("gpu", "GPU-a", "replay", 0.05, 60.0, 700.0)
    uses = [
        DeviceUse(gpu, {4711: 60}, frozenset({4711, 12}), "utilisation"),
        DeviceUse(gpu, {}, frozenset(), "none", quiet=True),
        DeviceUse(gpu, {}, frozenset(), "utilisation", quiet=False),
    ]
    psys = Meter("psys", "replay", None, ("cpu", "dram"), 0.1, 500.0)
    sample = Sample(
        [EnergyReading(gpu, 1000, clock.ns, 2**32), PowerReading(psys, 5_000_000, clock.ns)],
        uses,
    )
    file = tmp_path / "trace"
    file.write_text(record(sample, 0.0) + "\n")
    sensor = Replay(str(file), clock)
    sensor.open()
    assert sensor.read() == sample


@pytest.mark.parametrize(
    ("use", "quiet"), [("", True), (', "weights": {"4711": 60}', False), (', "method": "none"', False)]
)
def test_traces_from_before_quiet_was_recorded_say_it_by_utilisation(
    tmp_path: Path, clock: Any, use: str, quiet: bool
) -> None:
    gpu = '"component": "gpu", "device": "GPU-a"'
    file = tmp_path / "trace"
    file.write_text(f'{{"t": 0, "readings": [{{{gpu}, "uj": 1}}], "uses": [{{{gpu}{use}}}]}}\n')
    sensor = Replay(str(file), clock)
    sensor.open()
    assert [use.quiet for use in sensor.read().uses] == [quiet]


def test_a_trace_of_a_machine_gives_the_same_energy_again(
    sysfs: Callable[[str], Any], tmp_path: Path, clock: Any, log: Any
) -> None:
    tree = sysfs("dual-socket")
    rapl = Rapl(str(tree.root), clock)
    rapl.open()
    lines = []
    for second in range(20):
        tree.zone("intel-rapl:0", 1_000_000 + second * 90_000_000)
        lines.append(record(rapl.read(), float(second)))
        clock.advance(1)
    file = tmp_path / "trace"
    file.write_text("\n".join(lines))
    sensor_set = SensorSet([Replay(str(file), clock)], clock, log)
    sensor_set.open()
    booked = 0
    for _ in range(25):
        booked += sum(step.microjoules for step in sensor_set.read().steps if step.device.name == "package-0")
        clock.advance(1)
    assert booked == 19 * 90_000_000


NO_COMPONENT = '{"t": 0, "readings": [{"component": "fan", "device": "x", "uj": 1}]}'


@pytest.mark.parametrize("line", ["{", "[]", NO_COMPONENT, "{}"])
def test_a_broken_trace_names_its_line(tmp_path: Path, clock: Any, line: str) -> None:
    file = tmp_path / "trace"
    file.write_text(f'{{"t": 0, "readings": []}}\n{line}\n')
    with pytest.raises(Fatal, match="line 2"):
        Replay(str(file), clock).open()


def test_no_trace(tmp_path: Path, clock: Any) -> None:
    with pytest.raises(NotHere):
        Replay(str(tmp_path / "missing"), clock).open()
    (tmp_path / "empty").write_text("")
    with pytest.raises(NotHere):
        Replay(str(tmp_path / "empty"), clock).open()
