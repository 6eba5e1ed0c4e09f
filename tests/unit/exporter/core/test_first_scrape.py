"""A series that begins shows 0 to everybody who collects, and its value after that: then increase() is right."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import Any

import pytest
from gramwatt_exporter.budgets import BudgetBook
from gramwatt_exporter.config import Config
from gramwatt_exporter.config.scalars import Mass, Period
from gramwatt_exporter.config.schema import Budget, Process
from gramwatt_exporter.ledger import persistence
from gramwatt_exporter.ledger.accounts import Accounts
from gramwatt_exporter.ledger.users import MOST_USERS, OTHERS, UserTotals
from gramwatt_exporter.metrics.exposition import Exposition
from gramwatt_exporter.metrics.scrapers import Scrapers
from gramwatt_exporter.model import DeviceUse, Intensity, IntensityState
from gramwatt_exporter.windows import OpenRequest, Peer
from hypothesis import given, settings
from hypothesis import strategies as st
from running import assert_conserved, parse, select, total
from simulation import CPU, DRAM, GPU, SECOND, Machine, random_life, rig

NEW = (
    "gramwatt_process_energy_joules_total",
    "gramwatt_process_cpu_seconds_total",
    "gramwatt_workload_energy_joules_total",
    "gramwatt_workload_cpu_seconds_total",
    "gramwatt_user_energy_joules_total",
    "gramwatt_window_energy_joules_total",
)
SOMEBODY = Peer(0, 1, "root")
Key = tuple[str, frozenset[tuple[str, str]]]


class Node:
    """The exporter's rhythm on a simulated machine: what node.tick does, on a clock of its own."""

    def __init__(self, config: Config | None = None) -> None:
        self.rig = rig(Machine(pid_max=5000), config or Config())
        self.now = 0.0
        self.exposition = Exposition(Scrapers(lambda: self.now))

    def tick(self, seconds: int = 5) -> None:
        machine = self.rig.machine
        machine.advance(seconds * SECOND)
        self.now += seconds
        for device in (CPU, DRAM, GPU):
            self.rig.meters.draw(device, 70_000_001 * seconds, seconds * SECOND)
        sampler = self.rig.sampler
        sampler.scraped(self.exposition.take_scrapes())
        sampler.picture.first_scrape.witnessed(self.exposition.witnessed())
        sampler.sample()
        self.exposition.publish(sampler.freeze())

    def scrape(self, collector: str = "prometheus") -> dict[Key, Decimal]:
        return parse((self.exposition.scrape(collector) or b"").decode())

    def run(self, command: str, nanoseconds: int = SECOND) -> int:
        """A job between two samples: it is over before anybody looks."""
        process = self.rig.machine.fork(1, command=command, uid=1001)
        assert process is not None
        self.rig.machine.work(process.pid, nanoseconds)
        self.rig.meters.draw(CPU, 50_000_000, 0)
        return process.pid


def workload(series: dict[Key, Decimal], name: str) -> Decimal | None:
    found = select(series, NEW[2], workload=name, component="cpu")
    return sum(found.values(), Decimal(0)) if found else None


def test_a_job_between_two_scrapes_has_its_whole_increase() -> None:
    node = Node()
    node.tick()
    node.scrape()
    pid = node.run("etl")
    node.tick()
    node.rig.machine.exit(pid)
    for _ in range(3):  # samples that nobody scrapes
        node.tick()
    first = node.scrape()
    assert workload(first, "etl") == 0
    assert select(first, NEW[0], command="etl", component="cpu") != {}
    assert total(first, NEW[0], command="etl") == 0
    assert total(first, NEW[4], user="bob") == 0
    assert_conserved(first)
    node.tick()
    second = node.scrape()
    assert_conserved(second)
    used = node.rig.sampler.accounts.workloads
    (true,) = [Decimal(account.microjoules[0]) / 10**6 for key, account in used.items() if key.name == "etl"]
    assert true > 10
    assert workload(second, "etl") == true
    assert total(second, NEW[0], command="etl", component="cpu") == true
    assert total(second, NEW[4], user="bob", component="cpu") == true


def test_what_ran_before_anybody_scraped_is_there_at_once() -> None:
    node = Node()
    node.tick()
    node.run("daemon")
    node.tick()
    assert workload(node.scrape(), "daemon") != 0  # else an hour would look like the power of one interval
    node.tick()
    node.now += 3600  # the collector was away
    node.tick()
    node.run("nightly")
    node.tick()
    assert (workload(node.scrape(), "nightly") or 0) > 0


@pytest.mark.slow
def test_every_collector_sees_the_zero_and_a_person_is_not_waited_for() -> None:
    node = Node()
    node.tick()
    for name in ("a", "b", ""):
        node.scrape(name)
    node.run("etl")
    node.tick()
    assert workload(node.scrape("a"), "etl") == 0
    node.tick()
    assert workload(node.scrape("a"), "etl") == 0  # b has not been here
    assert workload(node.scrape("b"), "etl") == 0
    node.tick()
    assert (workload(node.scrape("b"), "etl") or 0) > 0
    # b goes away: it is expected for two of its intervals, not for ever.
    node.run("next")
    for _ in range(40):
        node.tick()
        node.scrape("a")
    assert (workload(node.scrape("a"), "next") or 0) > 0


def test_a_restart_does_not_show_zero_again() -> None:
    node = Node()
    node.tick()
    node.scrape()
    node.run("etl")
    node.tick()
    saved = json.loads(json.dumps(persistence.dump(node.rig.sampler.accounts, ([0] * 4, [0] * 4, 0))))
    again = Node()
    again.tick()
    again.scrape()  # somebody watches
    persistence.load(again.rig.sampler.accounts, saved)
    again.exposition.publish(again.rig.sampler.freeze())
    series = again.scrape()
    assert workload(series, "etl") == workload(node_shown(node), "etl")
    assert total(series, NEW[4], user="bob") > 0


def node_shown(node: Node) -> dict[Key, Decimal]:
    node.scrape()
    node.tick()
    return node.scrape()


def test_a_ledger_without_users_gives_them_what_their_workloads_hold() -> None:
    node = Node()
    node.tick()
    node.run("etl")
    node.tick()
    accounts = node.rig.sampler.accounts
    saved = persistence.dump(accounts, ([0] * 4, [0] * 4, 0))
    del saved["users"]
    back = Accounts()
    persistence.load(back, saved)
    assert {key: each.totals() for key, each in back.users.accounts.items()} == {
        key: each.totals() for key, each in accounts.users.accounts.items() if any(each.microjoules)
    }


def test_a_person_who_looks_once_sees_what_was_used() -> None:
    node = Node()
    node.tick()
    node.scrape("")
    node.run("etl")
    node.tick()
    assert (workload(node.scrape(""), "etl") or 0) > 0


def test_users_are_bounded() -> None:
    totals = UserTotals()
    for number in range(MOST_USERS + 5):
        totals.account(f"u{number}", "command").microjoules[0] += 1
    assert len(totals.accounts) == MOST_USERS + 1
    assert totals.accounts[OTHERS, "command"].microjoules[0] == 5


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    series=st.sampled_from([0, 3, 50, "all"]),
    collectors=st.sampled_from([("a",), ("a", "b")]),
    samples=st.integers(2, 25),
)
def test_each_scrape_is_conserved_and_each_new_series_begins_at_zero(
    seed: int, series: Any, collectors: tuple[str, ...], samples: int
) -> None:
    chance = random.Random(seed)
    node = Node(Config(process=Process(series=series)))
    machine = node.rig.machine
    node.tick()
    known = {name: dict(node.scrape(name)) for name in collectors}
    windows: list[str] = []
    for number in range(samples):
        random_life(machine, chance, chance.randrange(40))
        if chance.random() < 0.3:
            window = node.rig.sampler.windows.open(OpenRequest(name="w", phase="training", pid=1), SOMEBODY)
            node.rig.sampler.windows.add_process(window.id, (1, 0))
            row = node.rig.sampler.table.find(1)
            assert row is not None
            node.rig.sampler.membership.attach(window.id, row)
            windows.append(window.id)
        if windows and chance.random() < 0.3:
            node.rig.sampler.windows.stop(windows.pop(), machine.wall)
        pids = chance.sample(sorted(machine.processes), min(2, len(machine.processes)))
        node.rig.meters.uses = [DeviceUse(GPU, dict.fromkeys(pids, 1), frozenset(pids), "utilisation")]
        if chance.random() < 0.2:
            value = Intensity(300, "FR", "rte", "average", "measured", "direct", machine.wall)
            node.rig.intensity[0] = IntensityState(average=value)
        node.tick()
        for every, name in enumerate(collectors, 1):
            if number % every == 0:  # each at its own interval
                check(known[name], node.scrape(name))


def check(known: dict[Key, Decimal], now: dict[Key, Decimal]) -> None:
    assert_conserved(now)
    for (name, labels), value in now.items():
        if name not in NEW or ("pid", "") in labels:
            continue
        before = known.get((name, labels))
        if before is None:
            assert value == 0, f"{name} {dict(labels)} began with a value"
        elif "process" not in name:  # an id may be another process, which begins anew
            assert value >= before, f"{name} {dict(labels)} went back"
        known[name, labels] = value
    for command in ("other", "departed"):
        for key, value in select(now, NEW[0], pid="", command=command).items():
            assert value >= known.get((NEW[0], key), 0), f"{command} went back"
            known[NEW[0], key] = value


def test_the_first_scrape_shows_a_window_as_it_began() -> None:
    node = Node()
    node.tick()
    node.scrape()
    sampler = node.rig.sampler
    pid = node.run("train")
    sampler.sample(published=False)
    window = sampler.windows.open(OpenRequest(name="w", phase="training", pid=pid), SOMEBODY)
    row = sampler.table.find(pid)
    assert row is not None
    sampler.windows.add_process(window.id, (row.identity.pid, row.identity.start))
    sampler.membership.attach(window.id, row)
    node.rig.machine.work(pid, SECOND)
    node.rig.meters.draw(CPU, 90_000_000, SECOND)
    sampler.sample(published=False)
    sampler.windows.stop(window.id, node.rig.machine.wall, "stop", {}, {"exit_code": 0})
    node.tick()
    first = node.scrape()
    assert total(first, NEW[5], window=window.id) == 0
    assert select(first, "gramwatt_window_state", window=window.id, state="open")
    assert not select(first, "gramwatt_window_outcome_info", window=window.id)
    assert not select(first, "gramwatt_window_end_timestamp_seconds", window=window.id)
    node.tick()
    second = node.scrape()
    assert total(second, NEW[5], window=window.id) > 1
    assert select(second, "gramwatt_window_state", window=window.id, state="finished")
    assert select(second, "gramwatt_window_outcome_info", window=window.id)


@pytest.mark.parametrize("has_parent", [True, False])
def test_parts_of_a_window_leave_after_a_few_scrapes(has_parent: bool) -> None:
    node = Node()
    node.tick()
    node.scrape()
    sampler = node.rig.sampler
    book, row = sampler.windows, sampler.table.find(1)
    assert row is not None
    outer = book.open(OpenRequest(name="run", phase="training", pid=1), SOMEBODY)
    book.add_process(outer.id, (row.identity.pid, row.identity.start))
    request = OpenRequest(name="epoch", phase="training", pid=1, parent=outer.id if has_parent else "")
    inner = book.open(request, SOMEBODY)
    book.add_process(inner.id, (row.identity.pid, row.identity.start))
    node.tick()
    book.stop(inner.id, node.rig.machine.wall)
    seen = 0
    for _ in range(12):
        node.tick()
        series = node.scrape()
        seen += bool(select(series, "gramwatt_window_state", window=inner.id, state="finished"))
        assert select(series, "gramwatt_window_state", window=outer.id)
    assert (5 <= seen <= 6) if has_parent else seen == 11
    assert total(series, "gramwatt_windows", state="finished") == 1
    assert book.get(inner.id)


def test_who_scraped_before_a_restart_is_expected_again() -> None:
    node = Node()
    node.exposition._scrapers.resume(10)
    node.tick()
    node.run("etl")
    node.tick()
    assert workload(node.scrape(), "etl") == 0
    late = Node()
    late.exposition._scrapers.resume(3600)
    late.tick()
    late.run("etl")
    late.tick()
    assert (workload(late.scrape(), "etl") or 0) > 0


def test_a_budget_that_a_reload_adds_begins_at_zero() -> None:
    name = "gramwatt_budget_emissions_grams_total"
    node = Node()
    sampler, wall = node.rig.sampler, lambda: node.rig.machine.wall
    value = Intensity(300, "FR", "rte", "average", "measured", "direct", 0.0)
    node.rig.intensity[0] = IntensityState(average=value)
    node.tick()
    node.scrape()
    sampler.replace_budgets(BudgetBook([Budget(name="all", limit=Mass(1000), period=Period("month"))], wall))
    node.tick()
    first = node.scrape()
    assert select(first, name, budget="all")
    assert total(first, name, budget="all") == 0
    node.tick()
    assert total(node.scrape(), name, budget="all") > 0
