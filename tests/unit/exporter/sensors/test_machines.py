"""What is booked against what was drawn, on kinds of machines whose meters follow the CPUs."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import metered_machines as machines
import pytest
from machine_agreement import agree
from metered_machines import Machine
from thorough import first, spread

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


@pytest.fixture
def machine(kind: str, tmp_path: Path) -> Machine:
    return KINDS[kind](tmp_path / "machine").start()


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "every"), spread(KINDS, [1.0, 5.0]))
def test_what_is_booked_is_what_was_drawn(machine: Machine, every: float) -> None:
    machine.run(30, every)
    machine.forget()
    machine.run(150, every)
    agree(machine)


@pytest.mark.slow
@pytest.mark.parametrize("kind", first(KINDS, 3))
def test_from_the_first_minute_on(machine: Machine) -> None:
    machine.run(60)
    machine.run(60)
    # Until a controller has answered twice, the model is not bounded; what was too much is taken back.
    agree(machine, 0.06)


@pytest.mark.slow
@pytest.mark.parametrize("kind", first(reversed(KINDS), 3))
def test_a_restart_counts_nothing_twice(machine: Machine) -> None:
    machine.run(60)
    machine.forget()
    machine.run(60)
    machine.restart()
    machine.run(120)
    agree(machine)


GAPS = [*spread(MEASURED, ["nothing", "restart"]), ("server with ACPI", "hiccup")]


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
@pytest.mark.parametrize(
    ("event", "kind", "away"),
    spread(
        itertools.product(
            ["restart", "hiccup", "restart and back meanwhile"],
            ["server with ACPI", "laptop whose psys bounds the memory"],
        ),
        [0.0, 7.0],
    )
    + spread(["restart", "hiccup", "restart and back meanwhile"], ["server with IPMI"], [0.0, 7.0]),
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
@pytest.mark.parametrize("seconds", first([100, 300]))
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


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("number", ["1", "5"])
def test_zones_that_were_loaded_again_lose_no_energy(tmp_path: Path, number: str) -> None:
    """Of one socket, twenty seconds later, maybe under another number: what it drew meanwhile is in its counter."""
    machine = machines.two_sockets(tmp_path / "machine", mmio=False).start()
    machine.run(40)
    machine.forget()
    away = {path: machine.files.pop(f"intel-rapl:1{path}") for path in ("", ":0", ":1")}
    labels = {path: (file.path.parent / "name").read_text().strip() for path, file in away.items()}
    for file in away.values():
        file.path.write_text("")  # a descriptor that is still open shows no number
        shutil.rmtree(file.path.parent)
        file.frozen = True
        machine.files[f"away {file.path}"] = file
    machine.run(20)
    for path, file in away.items():
        back = machine.zone(f"{number}{path}", labels[path], file.watts, wrap=file.wrap, start=file.start)
        back.joules = machine.files.pop(f"away {file.path}").joules
        back.show()
    machine.run(200)
    assert machine.sources("cpu") == {"rapl"}
    agree(machine, 0.01)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["two sockets with an MMIO twin", "server with ACPI"])
@pytest.mark.parametrize(
    ("shown", "reads"), [("0", 1), ("1", 3), ("99999999999999", 1), ("99999999999999", 3)]
)
def test_a_counter_that_shows_another_value_for_a_moment_was_not_reset(
    tmp_path: Path, kind: str, shown: str, reads: int
) -> None:
    """A young one: all it counted since boot could have been drawn since the last sample."""
    machine = KINDS[kind](tmp_path / "machine")
    for file in machine.files.values():
        file.start = 100_000_000
    machine.start()
    machine.run(20)
    machine.forget()
    machine.files["intel-rapl:0"].garbage = shown
    machine.run(reads)
    machine.restart()  # what is in doubt is saved
    machine.files["intel-rapl:0"].garbage = None
    machine.run(60)
    agree(machine, 0.01)
