"""Nothing a process can do to its name or its children makes the exporter's books grow without bound, or wrong."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable
from typing import Any, cast

import pytest
from gramwatt_exporter.ledger import persistence
from gramwatt_exporter.ledger.accounts import MOST_DEPARTED, OTHERS, Accounts, MeterAccount
from gramwatt_exporter.model import COMPONENTS, PARTS, Device, Identity, Meter, Workload
from gramwatt_exporter.processes.linux.kernel import KernelCounters
from gramwatt_exporter.processes.reconcile import WaitedFor
from gramwatt_exporter.processes.row import Row, WorkloadAccount
from gramwatt_exporter.windows import OpenRequest, Peer
from hypothesis import given
from hypothesis import strategies as st
from simulation import CPU, DRAM, SECOND, Machine, rig

COUNT = st.integers(0, 2**62)
BIG = st.integers(0, 2**90)
NAME = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@pytest.mark.slow
def test_ten_thousand_commands_share_the_account_of_the_others_and_sums_stay_exact() -> None:
    simulated = rig(Machine(pid_max=4_000_000))
    machine = simulated.machine
    simulated.sampler.sample()
    for begin in range(0, 10_000, 2_500):
        for number in range(begin, begin + 2_500):
            process = machine.fork(1, command=f"{number}")
            assert process is not None
            machine.work(process.pid, 1_000_000 + number)
        machine.advance(SECOND)
        simulated.meters.draw(CPU, 12_345_678, SECOND)
        simulated.meters.draw(DRAM, 7_654_321, SECOND)
        simulated.sampler.sample()
        for pid in [pid for pid in machine.processes if pid != 1]:
            machine.exit(pid)
    snapshot = simulated.sampler.freeze()
    assert len(snapshot.workloads) <= simulated.sampler.accounts.places.most + 1
    others = [
        view
        for view in snapshot.workloads
        if (view.name, view.kind, view.user) == (OTHERS.name, OTHERS.kind, "root")
    ]
    assert len(others) == 1
    assert others[0].microjoules[0] > 0
    for index, component in enumerate(COMPONENTS):
        used = sum(d.partition[1] + d.partition[2] for d in snapshot.devices if d.component == component)
        assert sum(view.microjoules[index] for view in snapshot.workloads) == used
    assert (
        sum(view.cpu_nanoseconds for view in snapshot.workloads)
        == simulated.sampler.accounts.used_cpu_nanoseconds
    )


def test_a_process_that_nobody_saw_alive_counts_once_in_its_window() -> None:
    simulated = rig(Machine(stale_ns=3_000_000))
    machine, sampler = simulated.machine, simulated.sampler
    worker = machine.fork(1, command="worker")
    assert worker is not None
    sampler.sample()
    window = sampler.windows.open(
        OpenRequest(name="many", phase="training", pid=worker.pid), Peer(1000, worker.pid, "alice")
    )
    row = sampler.table.find(worker.pid)
    assert row is not None
    sampler.windows.add_process(window.id, (row.identity.pid, row.identity.start))
    sampler.membership.attach(window.id, row)
    for _ in range(3):
        for _ in range(4):
            child = machine.fork(worker.pid)
            assert child is not None
            machine.work(child.pid, 5_000_000)
            machine.exit(child.pid)
        machine.advance(SECOND)
        simulated.meters.draw(CPU, 1_000_000, SECOND)
        sampler.sample()
    assert sampler.windows.view(window).processes == 1 + 3 * 4


@pytest.mark.slow
def test_children_nobody_waits_for_leave_nothing_behind_in_the_books() -> None:
    account = WorkloadAccount(Workload("bomb", "command", "alice"))

    def row(pid: int) -> Row:
        return Row(Identity(pid, pid, 1, 1000, "bomb", account.workload), account)

    class Never:
        coarse_ns = 0

        def __call__(self, _: int) -> int:
            return 0

    book = WaitedFor(Never(), messages=True)
    parent = row(2)
    book.begin(parent, 0, past=True)
    for pid in range(4, 5_004):
        book.ended(parent, row(pid), 1_000_000)
    kept = [thing for thing in gc.get_objects() if isinstance(thing, Row) and thing.account is account]
    assert len(kept) == 2  # the parent, and one that stands for all children like it


class Unreliable(Machine):
    """Its id listing fails when told to, as it does when the process is out of descriptors."""

    broken = False

    def counters(self) -> KernelCounters:
        if self.broken:
            raise OSError(24, "Too many open files")
        return super().counters()


def test_energy_of_a_sample_that_failed_is_not_lost() -> None:
    machine = Unreliable()
    simulated = rig(machine)
    simulated.sampler.sample()
    for broken in (False, True, False):
        machine.broken = broken
        machine.work(1, 10_000_000)
        machine.advance(SECOND)
        simulated.meters.draw(CPU, 1_000_001, SECOND)
        simulated.meters.draw(DRAM, 1_000_003, SECOND)
        if broken:
            with pytest.raises(OSError, match="Too many open files"):
                simulated.sampler.sample()
        else:
            simulated.sampler.sample()
    devices = {device.component: device for device in simulated.sampler.freeze().devices}
    assert sum(devices["cpu"].microjoules.values()) == sum(devices["cpu"].partition) == 3 * 1_000_001
    assert sum(devices["dram"].microjoules.values()) == sum(devices["dram"].partition) == 3 * 1_000_003
    assert simulated.sampler.accounts.priced == {("none", "none"): [3 * 2_000_004, 0]}


def test_a_first_sample_that_failed_charges_nobody_for_a_past_life() -> None:
    machine = Unreliable()
    old = [machine.fork(1, command=f"old-{number}") for number in range(3)]
    for process in old:
        assert process is not None
        machine.work(process.pid, 3600 * SECOND)
    simulated = rig(machine)
    real, broken = simulated.sampler.table._list_pids, [True]

    def listing() -> Iterable[int]:
        if broken[0]:
            raise OSError(24, "Too many open files")
        return real()

    simulated.sampler.table._list_pids = listing
    with pytest.raises(OSError, match="Too many open files"):
        simulated.sampler.sample()
    broken[0] = False
    machine.advance(SECOND)
    simulated.sampler.sample()
    assert len(simulated.sampler.table) == 4
    assert simulated.sampler.accounts.used_cpu_nanoseconds == 0


@st.composite
def all_accounts(draw: st.DrawFn) -> Accounts:
    accounts = Accounts()
    for name, sources, source in draw(
        st.lists(st.tuples(NAME, st.dictionaries(NAME, COUNT), NAME), max_size=3)
    ):
        account = accounts.device(
            Device(draw(st.sampled_from(COMPONENTS)), name, source, draw(st.floats(0, 1)))
        )
        account.microjoules = sources
        account.partition = [0] * len(PARTS)
        account.partition[draw(st.integers(0, len(PARTS) - 1))] = sum(sources.values())
        account.emission_units = draw(BIG)
    for name in draw(st.sets(NAME, max_size=2)):
        meter = Meter(
            name, draw(NAME), draw(NAME), tuple(draw(st.lists(st.sampled_from(COMPONENTS), max_size=2)))
        )
        accounts.meters[meter.name, meter.source] = MeterAccount(meter)
        accounts.meters[meter.name, meter.source].microjoules = draw(COUNT)
    for key in draw(st.sets(st.tuples(NAME, NAME, NAME), max_size=4)):
        workload = accounts.workload(Workload(*cast(Any, key)))
        workload.microjoules = draw(st.lists(COUNT, min_size=4, max_size=4))
        workload.emission_units = draw(st.lists(BIG, min_size=4, max_size=4))
        workload.cpu_nanoseconds = draw(st.integers(1, 2**62))
    four = st.lists(COUNT, min_size=4, max_size=4)
    big_four = st.lists(BIG, min_size=4, max_size=4)
    accounts.used, accounts.used_emission_units, accounts.used_cpu_nanoseconds = (
        draw(four),
        draw(big_four),
        draw(COUNT),
    )
    accounts.exported, accounts.exported_emission_units = draw(four), draw(big_four)
    accounts.exported_cpu_nanoseconds = draw(COUNT)
    pairs = st.tuples(NAME, NAME)
    accounts.priced = {key: [draw(COUNT), draw(BIG)] for key in draw(st.sets(pairs, max_size=3))}
    accounts.marginal = draw(st.dictionaries(pairs, BIG, max_size=3))
    accounts.priced_ever = draw(st.booleans())
    accounts.exits_observed = draw(st.dictionaries(NAME, COUNT, max_size=2))
    accounts.exits_lost = draw(COUNT)
    accounts.resets = draw(st.dictionaries(pairs, COUNT, max_size=2))
    for user_key in draw(st.sets(pairs, max_size=3)):
        user = accounts.users.account(*user_key)
        user.microjoules, user.emission_units, user.cpu_nanoseconds = draw(four), draw(big_four), draw(COUNT)
    return accounts


def everything(accounts: Accounts) -> dict[str, object]:
    """Each field of the accounts, those of their parts too."""
    plain = dict(vars(accounts))
    plain["devices"] = {
        key: (
            a.device.component,
            a.device.name,
            a.device.source,
            a.device.uncertainty_ratio,
            a.microjoules,
            a.partition,
            a.emission_units,
        )
        for key, a in accounts.devices.items()
    }
    plain["meters"] = {key: (a.meter, a.microjoules) for key, a in accounts.meters.items()}
    del plain["places"], plain["others"]  # follow from the workloads
    plain["users"] = {key: a.totals() for key, a in accounts.users.accounts.items()}
    plain["workloads"] = {
        key: (a.microjoules, a.emission_units, a.cpu_nanoseconds) for key, a in accounts.workloads.items()
    }
    return plain


@pytest.mark.slow
@given(all_accounts())
def test_every_account_comes_back_from_the_ledger_as_it_was(accounts: Accounts) -> None:
    exported = (accounts.exported, accounts.exported_emission_units, accounts.exported_cpu_nanoseconds)
    text = json.dumps(persistence.dump(accounts, exported))
    back = Accounts()
    persistence.load(back, json.loads(text))
    assert everything(back) == everything(accounts)
    assert json.dumps(persistence.dump(back, exported)) == text


@pytest.mark.slow
def test_exits_that_somebody_else_waits_for_are_forgotten() -> None:
    class Never:
        coarse_ns = 0

        def __call__(self, _: int) -> int:
            return 0

    def row(pid: int) -> Row:
        account = WorkloadAccount(Workload(f"job-{pid}", "unit", "alice"))
        return Row(Identity(pid, pid, 1, 1000, "job", account.workload), account)

    book = WaitedFor(Never(), messages=True)
    scheduler = row(2)
    book.begin(scheduler, 0, past=True)
    for pid in range(4, 2_004):
        book.look()
        book.ended(scheduler, row(pid), 1_000_000)
        assert book.settle([]) == []
    kept = [thing for thing in gc.get_objects() if isinstance(thing, Row) and thing.identity.command == "job"]
    assert len(kept) <= 62 + 1


def test_sums_of_departed_users_are_bounded() -> None:
    accounts = Accounts()
    for number in range(3 * MOST_DEPARTED):
        accounts.departed_workload(Workload("build", "unit", str(number))).microjoules[0] += 1
    assert len(accounts.departed_workloads) <= MOST_DEPARTED + 1
    assert (
        sum(account.microjoules[0] for account in accounts.departed_workloads.values()) == 3 * MOST_DEPARTED
    )
