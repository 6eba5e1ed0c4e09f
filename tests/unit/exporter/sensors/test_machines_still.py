"""Counters that stand still, or come to life, on machines whose meters follow the CPUs."""

from __future__ import annotations

from pathlib import Path

import metered_machines as machines
import pytest
from machine_agreement import agree
from metered_machines import package

pytestmark = pytest.mark.slow


def test_a_guest_whose_counters_are_nought_is_modelled_and_says_so(tmp_path: Path) -> None:
    machine = machines.guest(tmp_path / "machine").start()
    machine.run(70)
    assert machine.sources("cpu") == {"estimate"}
    assert "counter stands still" in machine.log.text()
    assert machine.sensor_set is not None
    rapl = next(state for state in machine.sensor_set.read().sensors if state.name == "rapl")
    assert (rapl.up, rapl.reason) == (False, "still")
    assert rapl.failures["still"] > 0


def test_a_counter_that_creeps_is_one_that_stands_still(tmp_path: Path) -> None:
    """A microjoule every few seconds is no power of a package."""
    machine = machines.guest(tmp_path / "machine")
    machine.files["intel-rapl:0"].watts = lambda busy: 2e-7
    machine.start()
    machine.run(70)
    assert machine.sources("cpu") >= {"estimate"}
    machine.forget()
    machine.run(60)
    assert machine.sources("cpu") == {"estimate"}


def test_a_package_in_deep_sleep_is_no_counter_that_stands_still(tmp_path: Path) -> None:
    """It draws some hundredths of a watt."""
    machine = machines.Machine(tmp_path / "machine")
    machine.zone("0", "package-0", lambda busy: 0.012)
    machine.truth = {"cpu": lambda busy: 0.012}
    machine.start()
    machine.run(300)
    assert machine.sources("cpu") == {"rapl"}
    assert "stands still" not in machine.log.text()


def test_a_counter_that_moves_again_is_taken_back_and_nothing_counts_twice(tmp_path: Path) -> None:
    machine = machines.two_sockets(tmp_path / "machine", mmio=False).start()
    machine.run(60)
    for key in ("intel-rapl:0", "intel-rapl:1"):
        machine.files[key].frozen = True
    machine.run(120)
    assert "estimate" in machine.sources("cpu")
    for key in ("intel-rapl:0", "intel-rapl:1"):
        machine.files[key].frozen = False
    machine.run(5)  # they jump by all that they counted meanwhile
    before = dict(machine.booked)
    machine.forget()
    machine.run(120)
    assert machine.sources("cpu") == {"rapl"}
    assert machine.ratio("cpu") == pytest.approx(1.0, abs=0.02)
    assert before["cpu", "rapl"] / 1e6 < 66 * 2 * machines.package(4.0)  # the jump was not booked


def test_one_of_two_packages_stands_still(tmp_path: Path) -> None:
    machine = machines.two_sockets(tmp_path / "machine", mmio=False).start()
    machine.run(30)
    machine.files["intel-rapl:1"].frozen = True
    machine.run(40)
    machine.forget()
    machine.run(120)
    assert machine.sources("cpu") == {"rapl", "estimate"}
    assert machine.booked["cpu", "rapl"] / 1e6 == pytest.approx(machine.drawn["cpu"] / 2, rel=0.02)
    assert machine.sensor_set is not None
    rapl = next(state for state in machine.sensor_set.read().sensors if state.name == "rapl")
    assert rapl.up
    assert set(rapl.failures) <= {"still", "below"}  # its cores count, so it is below a part of it, too
    assert sum(rapl.failures.values()) > 0


def test_a_restart_does_not_take_two_packages_for_one(tmp_path: Path) -> None:
    """In a guest that is shown two equal counters with low totals: what was counted apart stays so."""
    machine = machines.Machine(tmp_path / "machine", cpuinfo=machines.GUEST)
    for socket in (0, 1):
        machine.zone(f"{socket}", f"package-{socket}", package, start=1_000_000)
    machine.truth = {"cpu": lambda busy: 2 * package(busy)}
    machine.start()
    machine.run(30)
    machine.restart()
    machine.forget()
    machine.run(30)
    agree(machine, 0.01)


def test_a_restart_says_again_which_meter_is_the_rest(tmp_path: Path) -> None:
    machine = machines.server(tmp_path / "machine").start()
    machine.run(60)
    machine.log.lines.clear()
    machine.restart()
    machine.run(30)
    said = [fields for _, text, fields in machine.log.lines if text.startswith("'other' is what")]
    assert [fields["meter"] for fields in said] == ["acpi-hwmon1"]
    assert "only shown" not in machine.log.text()  # that line names the others as well


@pytest.mark.parametrize("back", [False, True])
def test_a_restart_knows_that_a_counter_stood_still(tmp_path: Path, back: bool) -> None:
    """Another source goes on at once, and what the counter shows of the time before is not booked as well."""
    machine = machines.two_sockets(tmp_path / "machine", mmio=False).start()
    machine.run(60)
    machine.files["intel-rapl:1"].frozen = True
    machine.run(60)
    machine.forget()
    machine.files["intel-rapl:1"].frozen = not back
    machine.restart()
    machine.run(60)
    assert machine.sources("cpu") == ({"rapl"} if back else {"rapl", "estimate"})
    assert machine.ratio("cpu") == pytest.approx(1.0, abs=0.03)


def test_a_meter_whose_every_value_is_refused_is_never_the_rest_of_the_machine(tmp_path: Path) -> None:
    machine = machines.server(tmp_path / "machine", ipmi=False)
    machine.files["hwmon1/power1_average"].garbage = "65535000000"
    machine.start()
    machine.run(60)
    assert machine.sources("other") == set()
    assert ("other", "hwmon") not in machine.booked  # a row of 0 J neither
    assert "'other' is what" not in machine.log.text()
    text = machine.log.text()
    assert "every value is implausible" in text
    assert "power is implausible" in text  # it is no counter
    assert "'sensor': 'hwmon', 'shows'" not in text  # it delivers nothing


def test_a_meter_that_is_constant_stays_so_although_the_parts_fall_below_it(tmp_path: Path) -> None:
    machine = machines.laptop(tmp_path / "machine")
    machine.files["intel-rapl:1"].watts = lambda busy: 20.0
    machine.start()
    machine.run(600)
    assert machine.log.text().count("does not move when") == 1


def test_a_counter_that_runs_too_fast_is_refused_by_what_the_package_states(tmp_path: Path) -> None:
    machine = machines.two_sockets(tmp_path / "machine", mmio=False)
    for key in ("intel-rapl:0", "intel-rapl:1"):
        machine.files[key].watts = lambda busy: 600.0  # plausible for the largest packages there are
        machine.write(f"sys/class/powercap/{key}/constraint_0_max_power_uw", 145_000_000)
    machine.start()
    machine.run(60)
    assert machine.sources("cpu") == {"estimate"}
    assert "every value is implausible" in machine.log.text()


@pytest.mark.parametrize("unreadable", ["intel-rapl:0", "intel-rapl:1"])
@pytest.mark.parametrize("seconds", [40, 120])
def test_one_of_two_doors_cannot_be_read_for_a_while(tmp_path: Path, unreadable: str, seconds: int) -> None:
    """Neither is the other one counted beside it, nor a model."""
    machine = machines.dies(tmp_path / "machine").start()
    machine.run(30)
    machine.forget()
    machine.files[unreadable].garbage = "no number"
    machine.run(seconds)
    machine.files[unreadable].garbage = None
    machine.run(100)
    assert machine.sources("cpu") == {"rapl"}
    assert machine.ratio() < 1.02
    if unreadable == "intel-rapl:1" or seconds < 60:
        agree(machine, 0.02)


def test_one_of_two_packages_can_never_be_read(tmp_path: Path) -> None:
    machine = machines.two_sockets(tmp_path / "machine", mmio=False)
    machine.files["intel-rapl:1"].garbage = "no number"
    machine.start()
    machine.run(60)
    assert machine.sources("cpu") == {"rapl", "estimate"}
    machine.files["intel-rapl:1"].garbage = None
    machine.run(5)
    machine.forget()
    machine.run(60)
    agree(machine)
    assert machine.sources("cpu") == {"rapl"}


@pytest.mark.parametrize("stuck", ["intel-rapl:0", "intel-rapl-mmio:0"])
def test_of_two_doors_to_one_counter_the_living_one_is_read(tmp_path: Path, stuck: str) -> None:
    machine = machines.two_sockets(tmp_path / "machine").start()
    machine.run(30)
    machine.files[stuck].frozen = True
    machine.run(30)
    machine.forget()
    machine.run(120)
    agree(machine)
    assert machine.sources("cpu") == {"rapl"}


def test_psys_at_nought_leaves_the_machine_to_the_controller(tmp_path: Path) -> None:
    machine = machines.psys_and_controller(tmp_path / "machine")
    machine.files["intel-rapl:1"].watts = lambda busy: 0.0
    machine.start()
    machine.run(60)
    agree(machine, 0.06)


def test_a_memory_zone_that_shows_one_value_is_modelled(tmp_path: Path) -> None:
    machine = machines.two_sockets(tmp_path / "machine", mmio=False)
    machine.memory = True
    machine.files["intel-rapl:0:0"].frozen = machine.files["intel-rapl:1:0"].frozen = True
    machine.start()
    machine.files["intel-rapl:0:0"].path.write_text("5\n")
    machine.files["intel-rapl:1:0"].path.write_text("7\n")
    machine.run(60)
    assert machine.sources("dram") == {"estimate"}
    assert machine.sources("cpu") == {"rapl"}
