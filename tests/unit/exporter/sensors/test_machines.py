"""What is booked against what was drawn, on kinds of machines whose meters follow the CPUs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import metered_machines as machines
import pytest
from metered_machines import Machine, memory, package

Build = Callable[[Path], Machine]

KINDS: dict[str, Build] = {
    "two sockets with an MMIO twin": machines.two_sockets,
    "laptop whose psys bounds the memory": machines.laptop,
    "two dies with one counter": machines.dies,
    "four dies with one counter": lambda root: machines.dies(root, 4),
    "guest of Xen": machines.xen,
    "two equal sockets": machines.twins,
    "server with ACPI and IPMI": machines.server,
    "server with IPMI": lambda root: machines.server(root, acpi=False),
    "server with ACPI": lambda root: machines.server(root, ipmi=False),
    "controller alone": machines.denied,
    "psys and a wider controller": machines.psys_and_controller,
    "psys of each of two sockets": machines.two_psys,
    "discrete Intel GPU": machines.arc,
}
MEASURED = [kind for kind in KINDS if kind != "controller alone"]


@pytest.fixture(params=list(KINDS))
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    return KINDS[request.param](tmp_path / "machine").start()


def agree(machine: Machine, tolerance: float = 0.03) -> None:
    """The sum agrees, and each component does that the truth knows apart."""
    assert machine.ratio() == pytest.approx(1.0, abs=tolerance), machine.log.text()
    for component in machine.truth:
        if component not in ("all", "other"):
            assert machine.ratio(component) == pytest.approx(1.0, abs=tolerance), (
                component,
                machine.log.text(),
            )


@pytest.mark.parametrize("every", [1.0, 5.0])
def test_what_is_booked_is_what_was_drawn(machine: Machine, every: float) -> None:
    machine.run(30, every)
    machine.forget()
    machine.run(150, every)
    agree(machine)


def test_from_the_first_minute_on(machine: Machine) -> None:
    machine.run(60)
    machine.run(60)
    # Until a controller has answered twice, the model is not bounded; what was too much is taken back.
    agree(machine, 0.06)


@pytest.mark.slow
def test_a_restart_counts_nothing_twice(machine: Machine) -> None:
    machine.run(60)
    machine.forget()
    machine.run(60)
    machine.restart()
    machine.run(120)
    agree(machine)


GAPS = [(kind, after) for kind in MEASURED for after in ("nothing", "restart")] + [
    ("server with ACPI", "hiccup")
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "after"), GAPS)
def test_a_gap_of_the_packages_is_booked_once(tmp_path: Path, kind: str, after: str) -> None:
    """Their counters go on while they cannot be read; the meter around them shows them all the time."""
    machine = KINDS[kind](tmp_path / "machine").start()
    machine.run(40)
    machine.forget()
    machine.run(20)
    packages = [
        file for key, file in machine.files.items() if key.startswith("intel-rapl:") and ":" not in key[11:]
    ]
    for file in packages:
        file.garbage = "no number"
    machine.run(40)
    for file in packages:
        file.garbage = None
    machine.run(4)
    if after == "restart":
        machine.restart()
    if after == "hiccup":
        machine.files["hwmon1/power1_average"].garbage = "4294967295000"
        machine.run(2)
        machine.files["hwmon1/power1_average"].garbage = None
    machine.run(80)
    agree(machine, 0.03)


@pytest.mark.slow
@pytest.mark.parametrize("away", [0.0, 7.0])
@pytest.mark.parametrize("event", ["restart", "hiccup", "restart and back meanwhile"])
@pytest.mark.parametrize(
    "kind", ["server with ACPI", "server with IPMI", "laptop whose psys bounds the memory"]
)
def test_something_happens_in_the_midst_of_a_gap(tmp_path: Path, kind: str, event: str, away: float) -> None:
    """What waits for the devices is not lost, and nothing is booked twice."""
    machine = KINDS[kind](tmp_path / "machine").start()
    machine.run(40)
    machine.forget()
    packages = [machine.files[key] for key in ("intel-rapl:0", "intel-rapl:1") if key in machine.files]
    around = machine.files.get("hwmon1/power1_average")
    for file in packages[: 1 if kind.startswith("laptop") else 2]:
        file.garbage = "no number"
    machine.run(15)
    if event == "hiccup":
        if around is not None:
            around.garbage = "4294967295000"
        machine.run(1 + away)
        if around is not None:
            around.garbage = None
    else:
        for file in packages if event.endswith("meanwhile") else ():
            file.garbage = None
        machine.restart(away)
    machine.run(15)
    for file in packages:
        file.garbage = None
    machine.run(100)
    unseen = (
        away if event != "hiccup" and not kind.startswith("laptop") else 0.0
    )  # power has no energy of a gap
    missing = unseen * 60.0 / sum(machine.drawn.values())
    assert machine.ratio() == pytest.approx(1.0 - missing, abs=0.03)
    if "cpu" in machine.truth:
        assert machine.ratio("cpu") == pytest.approx(1.0, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [100, 300])
@pytest.mark.parametrize("files", [("intel-rapl:0", "intel-rapl:1"), ("intel-rapl:1",)])
def test_a_gap_for_which_nobody_waits_is_booked_once_too(
    tmp_path: Path, seconds: int, files: tuple[str, ...]
) -> None:
    """After a minute another source stands in; what the rest took too much until then, it pays back."""
    machine = machines.server(tmp_path / "machine", ipmi=False).start()
    machine.run(40)
    machine.forget()
    for key in files:
        machine.files[key].garbage = "no number"
    machine.run(seconds)
    for key in files:
        machine.files[key].garbage = None
    machine.run(3)
    machine.restart()
    machine.run(150)
    assert machine.ratio() == pytest.approx(1.0, abs=0.01)


def test_counters_that_come_later_are_taken(tmp_path: Path) -> None:
    """The driver is loaded while the exporter runs."""
    machine = machines.two_sockets(tmp_path / "machine", mmio=False)
    powercap, away, files = machine.root / "sys/class/powercap", machine.root / "away", machine.files
    powercap.rename(away)
    machine.files = {}
    machine.start()
    machine.run(70)
    assert machine.sources("cpu") == {"estimate"}
    away.rename(powercap)
    machine.files = files
    machine.run(80)
    machine.forget()
    machine.run(60)
    agree(machine)
    assert machine.sources("cpu") == {"rapl"}


# --- counters that stand still, or come to life


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


# --- the meter around the machine


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


@pytest.mark.parametrize("phase", range(0, 120, 7))
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


@pytest.mark.parametrize("period", [60, 100, 240])
@pytest.mark.parametrize("mean", [20.0, 60.0])
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
