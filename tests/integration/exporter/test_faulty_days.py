"""Days of a busy machine on a virtual clock, with every fault we know of: not one microjoule unexplained.

Real parts: RAPL sensor on a sysfs tree (wraps included), sensor set, process table, booking, ledger file.
Simulated: the kernel's processes and time.
"""

from __future__ import annotations

import functools
import random
from pathlib import Path
from typing import Any

import pytest
import simulation
from gramwatt_exporter.assembly import restore
from gramwatt_exporter.budgets import BudgetBook
from gramwatt_exporter.config import Config
from gramwatt_exporter.config.schema import Process
from gramwatt_exporter.idle import IdleBook
from gramwatt_exporter.ledger.accounts import Accounts
from gramwatt_exporter.ledger.extras import Extras
from gramwatt_exporter.ledger.storage import StateFile
from gramwatt_exporter.log import FieldLogger
from gramwatt_exporter.metrics.exposition import Exposition
from gramwatt_exporter.model import Intensity, IntensityState
from gramwatt_exporter.node import Node
from gramwatt_exporter.sampler import Sampler
from gramwatt_exporter.sampler_parts import About, Books, Clocks, Readers
from gramwatt_exporter.sensors.drivers.rapl.rapl import Rapl
from gramwatt_exporter.sensors.sensor_set import SensorSet
from gramwatt_exporter.windows import WindowBook
from simulation import SECOND, Machine, process_table, random_life

INTERVAL = 15
BOOT = "one-boot"


class World:
    """The hardware and the kernel, which live on while exporters come and go."""

    def __init__(self, rapl: Any) -> None:
        self.rapl = rapl
        self.ranges = {
            zone: int((rapl.root / "class/powercap" / zone / "max_energy_range_uj").read_text())
            for zone in rapl.microjoules
        }
        # The kernel's unit of each register in nanojoules (see counters.register_unit), and its counts so far.
        self.emission_units = {zone: -(-most * 1_000 // (2**32 - 1)) for zone, most in self.ranges.items()}
        self.counts: dict[str, int] = {
            zone: -(-rapl.microjoules[zone] * 1_000 // self.emission_units[zone]) for zone in rapl.microjoules
        }
        self.start = dict(self.counts)
        for zone in self.counts:
            self.draw(zone, 0)
        self.machine = Machine(pid_max=2000)
        self.intensity = IntensityState()

    def draw(self, zone: str, microjoules: int) -> None:
        """A register of 32 bits counts on; the kernel shows it in microjoules, cut off."""
        self.counts[zone] += microjoules * 1_000 // self.emission_units[zone]
        self.rapl.set(zone, self.counts[zone] % 2**32 * self.emission_units[zone] // 1_000)

    def drawn(self, zone: str) -> int:
        """Microjoules so far; what is below one is still carried."""
        return (self.counts[zone] - self.start[zone]) * self.emission_units[zone] // 1_000

    def start_exporter(self, state: Path) -> tuple[Node, SensorSet]:
        machine, config = self.machine, Config(process=Process(series=20))
        accounts = Accounts()
        baseline, extras = IdleBook(), Extras(config, accounts)
        windows = WindowBook(config.windows, lambda: machine.wall, lambda: machine.now_ns)
        budgets = BudgetBook(config.budgets, lambda: machine.wall)
        sensor_set = SensorSet(
            [Rapl(str(self.rapl.root), lambda: machine.now_ns, 1000.0, None)],
            lambda: machine.now_ns,
            FieldLogger("test"),
        )
        file = StateFile(str(state))
        accounts = extras.accounts = (
            restore(file, BOOT, sensor_set, baseline, extras, windows, budgets) or accounts
        )
        sampler = Sampler(
            config,
            Readers(
                sensor_set,
                simulation._Kernel(machine),
                lambda new_row: process_table(machine, new_row),
                "taskstats",
                "clock",
            ),
            Books(accounts, baseline, windows, budgets, extras),
            lambda: self.intensity,
            Clocks(lambda: machine.wall, lambda: machine.now_ns),
            About(BOOT),
        )
        sensor_set.open()
        return Node(sampler, Exposition(), file, 0.0, sensor_set.state, BOOT, INTERVAL), sensor_set


# The shorter the time, the more frequent its faults: both have about a dozen restarts.
@pytest.mark.parametrize(
    ("hours", "faults_per_sample"),
    [(4, 0.012), pytest.param(48, 0.001, marks=[pytest.mark.thorough, pytest.mark.slow])],
    ids=["four hours", "two days"],
)
def test_hours_with_faults_leave_nothing_unexplained(
    tmp_path: Path, rapl: Any, hours: int, faults_per_sample: float
) -> None:
    chance = random.Random(20261121)
    world = World(rapl)
    machine = world.machine
    node, sensor_set = world.start_exporter(tmp_path / "state")
    node.tick()
    published = 0
    wraps = restarts = outages = 0
    outage = 0
    hidden: Path | None = None
    for tick in range(hours * 3600 // INTERVAL):
        random_life(machine, chance, chance.randrange(6), most=60)
        machine.drop_exits = chance.random() < 0.01
        seconds = INTERVAL if chance.random() > faults_per_sample else 900  # suspended, or starved
        machine.advance(seconds * SECOND)
        if chance.random() < faults_per_sample:
            machine.wall += chance.choice((-7200.0, 3600.0))  # somebody sets the clock
        for zone in world.counts:
            before = rapl.microjoules[zone]
            most = 60 if seconds > INTERVAL else 350
            world.draw(zone, chance.randrange(most * seconds * 1_000_000))
            wraps += rapl.microjoules[zone] < before
        if chance.random() < 0.02:
            value = Intensity(
                chance.uniform(20, 600), "FR", "rte", "average", "measured", "direct", machine.wall
            )
            world.intensity = chance.choice((IntensityState(), IntensityState(average=value)))
        if hidden is not None and tick >= outage:
            hidden.rename(hidden.with_name("energy_uj"))
            hidden = None
        elif hidden is None and chance.random() < faults_per_sample / 2:
            outages += 1
            outage = tick + 3
            file = rapl.root / "class/powercap/intel-rapl:1/energy_uj"
            hidden = file.rename(file.with_name("energy_uj.gone"))
            rapl.set = functools.partial(_set_hidden, rapl, hidden)
        if hidden is None and "set" in vars(rapl):
            del rapl.set
        if chance.random() < faults_per_sample:
            restarts += 1
            if chance.random() < 0.5:
                node.save(last=True)  # else kill -9: what the last tick saved is all there is
            sensor_set.close()
            node, sensor_set = world.start_exporter(tmp_path / "state")
        node.tick()
        snapshot = node.exposition.snapshot
        assert snapshot is not None
        total = sum(sum(device.microjoules.values()) for device in snapshot.devices)
        assert total >= published
        published = total
        for device in snapshot.devices:
            assert sum(device.partition) == sum(device.microjoules.values())
    if hidden is not None:
        hidden.rename(hidden.with_name("energy_uj"))
        vars(rapl).pop("set", None)
    machine.advance(INTERVAL * SECOND)
    node.tick()
    snapshot = node.exposition.snapshot
    assert snapshot is not None
    assert wraps > 20 * hours
    assert restarts > 5
    assert outages > 2
    measured = sum(sum(device.microjoules.values()) for device in snapshot.devices)
    drawn = sum(world.drawn(zone) for zone in world.counts)
    print(f"{wraps} wraps, {restarts} restarts, {outages} outages: {drawn} uJ drawn, {measured} uJ measured")
    assert drawn == measured
    assert sum(microjoules for microjoules, _ in snapshot.priced.values()) == measured
    assert sum(amount for _, amount in snapshot.priced.values()) == sum(
        device.emission_units for device in snapshot.devices
    )


def _set_hidden(rapl: Any, hidden: Path | None, zone: str, value: int) -> None:
    """Counting goes on while the file cannot be read."""
    if hidden is not None and hidden.parent.name == zone:
        rapl.microjoules[zone] = value
        hidden.write_text(f"{value:>20}\n")
    else:
        type(rapl).set(rapl, zone, value)
