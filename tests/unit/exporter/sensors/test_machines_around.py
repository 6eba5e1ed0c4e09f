"""The meter around the machine: which one is taken, and what happens when it fails."""

from __future__ import annotations

from pathlib import Path

import metered_machines as machines
import pytest
from machine_agreement import agree
from metered_machines import memory, package
from thorough import first, spread

pytestmark = pytest.mark.slow


def test_psys_below_the_package_is_not_around_it(tmp_path: Path) -> None:
    """The memory is not bounded by a meter that shows less than the package alone."""
    machine = machines.laptop(tmp_path / "machine")
    machine.files["intel-rapl:1"].watts = lambda busy: 0.6 * (2.0 + 9.0 * busy)
    machine.start()
    machine.run(90)
    machine.forget()
    machine.run(120)
    assert machine.booked["dram", "estimate"] / 1e6 == pytest.approx(6.0 * 120, rel=0.05)
    assert "it shows less than the devices inside it" in machine.log.text()


def test_a_meter_that_shows_one_value_for_ever_gives_way(tmp_path: Path) -> None:
    machine = machines.server(tmp_path / "machine")
    machine.files["hwmon1/power1_average"].watts = lambda busy: 655.35
    machine.start()
    machine.run(200)
    machine.forget()
    machine.run(200)
    agree(machine)
    assert "does not move" in machine.log.text()


@pytest.mark.parametrize("phase", first(sorted(range(0, 120, 7), key=lambda phase: phase % 35), 4))
def test_of_two_meters_of_the_same_watts_the_first_is_taken_whatever_the_load_does(
    tmp_path: Path, phase: int
) -> None:
    """One is asked every 2 s and lags behind the other."""
    machine = machines.server(tmp_path / "machine")
    machine.seconds = float(phase)
    machine.start()
    machine.run(90)
    assert machine.sensor_set is not None
    assert machine.sensor_set.around.key == "meter|hwmon|acpi-hwmon1"
    assert "before" not in machine.log.text()


@pytest.mark.parametrize(("period", "mean"), spread([60, 100, 240], [20.0, 60.0]))
def test_a_controller_that_lags_is_not_taken_for_a_wider_meter(
    tmp_path: Path, mean: float, period: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shows a mean: more than the other meter while the load falls, less while it rises."""
    monkeypatch.setattr(machines, "busy_at", lambda t: 4.0 if int(t + 20) % period < period / 2 else 0.0)
    machine = machines.server(tmp_path / "machine", ipmi=False)
    machine.controller(lambda busy: 2 * package(busy) + 2 * memory(busy) + 60.0, seconds=5.0, mean=mean)
    machine.start()
    machine.run(600, 5.0)
    assert "before" not in machine.log.text()
    assert machine.sources("other") == {"hwmon"}


@pytest.mark.slow
def test_a_controller_that_lags_is_not_taken_for_one_below_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machines, "busy_at", lambda t: 4.0 if int(t + 20) % 240 < 120 else 0.0)
    machine = machines.two_sockets(tmp_path / "machine")
    machine.controller(lambda busy: 2 * package(busy) + 2 * memory(busy) + 10.0, seconds=5.0, mean=60.0)
    machine.truth["other"] = lambda busy: 10.0
    machine.start()
    machine.run(970)
    assert "nothing measures the rest" not in machine.log.text()
    assert machine.ratio() == pytest.approx(1.0, abs=0.04)


def test_a_wider_meter_that_comes_later_is_taken_without_a_restart(tmp_path: Path) -> None:
    machine = machines.psys_and_controller(tmp_path / "machine")
    controller = machine.controllers[0]
    controller.fails = True
    machine.start()
    machine.run(60)
    controller.fails = False
    machine.run(100)
    machine.forget()
    machine.run(120)
    agree(machine)
    assert "the other one shows more of the machine" in machine.log.text()


def test_a_controller_that_dies_leaves_the_machine_to_psys(tmp_path: Path) -> None:
    machine = machines.psys_and_controller(tmp_path / "machine").start()
    machine.run(60)
    machine.controllers[0].fails = True
    machine.run(90)
    machine.forget()
    machine.run(120)
    assert machine.ratio("cpu") == pytest.approx(1.0, abs=0.02)
    assert machine.booked["other", "rapl"] / 1e6 == pytest.approx(
        5.0 * 120, rel=0.1
    )  # what psys shows beyond


def test_a_meter_that_is_removed_is_replaced_and_the_log_says_so(tmp_path: Path) -> None:
    machine = machines.server(tmp_path / "machine").start()
    machine.run(60)
    first = machine.log.text()
    assert "acpi" in first
    assert "'only_shown': 'ipmi'" in first
    assert "sensor delivers {'sensor': 'estimate'" not in first
    machine.remove("sys/class/hwmon/hwmon1")
    machine.run(130)
    rest = machine.log.text()[len(first) :]
    assert "'other' is what this meter shows" in rest
    assert "'meter': 'ipmi'" in rest
    assert "it is gone" in rest
    machine.forget()
    machine.run(100)
    agree(machine)


def test_a_counter_that_jumps_back_is_not_booked(tmp_path: Path) -> None:
    machine = machines.server(tmp_path / "machine").start()
    machine.run(60)
    machine.forget()
    machine.files["intel-rapl:0"].start -= 150_000_000_000
    machine.run(120)
    assert machine.ratio() == pytest.approx(
        1.0, abs=0.03
    )  # what the package does not say, the meter around it does


def test_a_card_below_its_own_part_is_refused_and_counted(tmp_path: Path) -> None:
    machine = machines.two_sockets(tmp_path / "machine", mmio=False)
    machine.files["intel-rapl:0:1"].watts = lambda busy: (
        2 * machines.package(busy)
    )  # its cores draw more than it does
    machine.start()
    machine.run(60)
    assert machine.sensor_set is not None
    assert machine.sensor_set.read().resets["cpu", "package-0"] > 0
    assert "less than a part of it" in machine.log.text()
    machine.forget()
    machine.run(60)
    assert machine.booked["cpu", "rapl"] / 1e6 == pytest.approx(machine.drawn["cpu"] / 2, rel=0.02)


def test_what_is_modelled_inside_a_measured_whole_is_surer(tmp_path: Path) -> None:
    machine = machines.denied(tmp_path / "machine").start()
    assert machine.sensor_set is not None
    machine.run(30)
    machine.now_ns += 10**9
    steps = [step for step in machine.sensor_set.read().steps if step.device.component == "cpu"]
    assert [step.device.source for step in steps] == ["estimate"]
    assert steps[0].device.uncertainty_ratio <= 0.3
