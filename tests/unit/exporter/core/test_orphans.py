"""Children whose parent is gone, or never looks: their time is charged once, to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from simulation import CPU, SECOND, Machine, Rig, rig


def sample(simulated: Rig) -> None:
    simulated.machine.advance(5 * SECOND)
    simulated.meters.draw(CPU, 50_000_000, 5 * SECOND)
    simulated.sampler.sample()


def charged(simulated: Rig) -> Counter[str]:
    """CPU time in nanoseconds by workload."""
    accounts = simulated.sampler.accounts.workloads.values()
    return Counter({account.workload.name: account.cpu_nanoseconds for account in accounts})


@pytest.mark.parametrize("threads", [1, 4])
def test_without_messages_the_last_moments_are_those_of_the_process_that_ended(threads: int) -> None:
    simulated = rig(Machine(listener=False))
    machine = simulated.machine
    shell = machine.fork(1, command="bash", unit="session.scope")
    assert shell is not None
    job = machine.fork(shell.pid, command="job", unit="job.service")
    sleeper = machine.fork(shell.pid, command="sleep", unit="sleep.service")
    assert job is not None
    assert sleeper is not None
    for _ in range(3):
        machine.work(job.pid, threads * 5 * SECOND)
        sample(simulated)
    before = charged(simulated)
    machine.work(job.pid, threads * 3 * SECOND)
    machine.exit(job.pid)
    machine.exit(sleeper.pid)
    sample(simulated)
    assert charged(simulated) - before == Counter({"job.service": threads * 3 * SECOND})


@dataclass
class Moving(Machine):
    """Things go on after the clocks have been read."""

    after_clocks: list[Callable[[], None]] = field(default_factory=list)

    def read_clocks(self, keys: Sequence[object]) -> tuple[list[int], list[int]]:
        read = super().read_clocks(keys)
        while self.after_clocks:
            self.after_clocks.pop()()
        return read


@pytest.mark.parametrize("zombies", [True, False])
def test_without_messages_who_is_waited_for_while_a_sample_is_taken_is_charged_once(zombies: bool) -> None:
    machine = Moving(listener=False)
    simulated = rig(machine)
    shell = machine.fork(1, command="bash", unit="session.scope")
    assert shell is not None
    jobs = [machine.fork(shell.pid, command="job", unit="job.service") for _ in range(5)]
    sample(simulated)
    for job in jobs:
        assert job is not None
        machine.work(job.pid, SECOND)
        if zombies:
            machine.exit(job.pid, zombie=True)
    sample(simulated)
    machine.work(shell.pid, 1_000_000)
    for job in jobs:
        assert job is not None
        wait = machine.reap if zombies else machine.exit
        machine.after_clocks.append(lambda wait=wait, job=job: wait(job.pid))  # type: ignore[misc]
    for _ in range(3):
        sample(simulated)
        assert charged(simulated) == Counter({"job.service": 5 * SECOND, "session.scope": 1_000_000})


def test_without_messages_children_that_nobody_saw_are_their_parents() -> None:
    simulated = rig(Machine(listener=False))
    machine = simulated.machine
    shell = machine.fork(1, command="bash", unit="session.scope")
    assert shell is not None
    lazy = machine.fork(shell.pid, command="lazy", unit="lazy.service")
    assert lazy is not None
    for _ in range(4):
        machine.work(lazy.pid, SECOND // 2)  # a tenth of a CPU
        sample(simulated)
    machine.exit(lazy.pid)
    for _ in range(10):
        brief = machine.fork(shell.pid, command="brief")
        assert brief is not None
        machine.work(brief.pid, SECOND)
        machine.exit(brief.pid)
    before = charged(simulated)
    sample(simulated)
    more = charged(simulated) - before
    assert more.total() == 10 * SECOND
    assert more["lazy.service"] <= SECOND  # no more than it ever used in such a time
    assert more["session.scope"] >= 9 * SECOND


@pytest.mark.parametrize("listener", [True, False])
@pytest.mark.parametrize("launcher_samples", [1, 4])
def test_a_daemon_is_not_charged_again_to_who_adopted_it(listener: bool, launcher_samples: int) -> None:
    simulated = rig(Machine(listener=listener, pid_max=5000))
    machine = simulated.machine
    others = [machine.fork(1, command="other") for _ in range(100)]  # so many that the rotation is slow
    sample(simulated)
    used = 0
    for _ in range(5):
        launcher = machine.fork(1, command="launcher")
        assert launcher is not None
        daemon = machine.fork(launcher.pid, command="daemon")
        assert daemon is not None
        for turn in range(launcher_samples + 2):
            for other in others:
                assert other is not None
                machine.work(other.pid, 1_000_000)
            if turn >= launcher_samples:
                machine.work(daemon.pid, SECOND // 2)
                used += SECOND // 2
            sample(simulated)
            if turn == launcher_samples - 1:
                machine.exit(launcher.pid)
        machine.exit(daemon.pid)
        sample(simulated)
    for _ in range(5):
        sample(simulated)
    found = charged(simulated)
    assert found["daemon"] == used
    assert found["init"] == found["launcher"] == 0


@pytest.mark.parametrize("every", [1, 5])
def test_a_server_that_never_waits_is_known_without_a_pause(every: int) -> None:
    """Its signal mask does not tell (SA_NOCLDWAIT), and each message lacks 4 ms."""
    simulated = rig(Machine(stale_ns=4_000_000, pid_max=5000))
    machine = simulated.machine
    server = machine.fork(1, command="server", ignores_children=True)
    assert server is not None
    sample(simulated)
    used = 0
    for number in range(100):
        for _ in range(10 if number % every == 0 else 0):
            child = machine.fork(server.pid, command="cgi", ignores_children=False)
            assert child is not None
            machine.work(child.pid, 8_000_000)
            machine.exit(child.pid)
            used += 8_000_000
        sample(simulated)
    for _ in range(6):
        sample(simulated)
    found = charged(simulated)
    assert found["cgi"] == used
    assert found["server"] == found["init"] == 0


def _nap_of_the_shell(simulated: Rig, harness: int, child_ns: int, ignores: bool) -> None:
    """The harness's first child is over quickly, and for a while it starts no other."""
    machine = simulated.machine
    machine.processes[harness].ignores_children = ignores
    child = machine.fork(harness, command="uname", ignores_children=False)
    assert child is not None
    machine.work(child.pid, child_ns)
    machine.exit(child.pid)
    machine.processes[harness].ignores_children = False
    for _ in range(6):
        sample(simulated)


@pytest.mark.parametrize(
    ("child_ns", "ignores"),
    [
        (5_000_000, False),  # it waits, and the kernel's clock tick is longer than what it waited for
        (50_000_000, True),  # it does not wait yet, and is taken for one that never does
    ],
)
def test_short_commands_beside_a_process_that_is_seen_to_wait_late_are_charged_what_they_used(
    child_ns: int, ignores: bool
) -> None:
    """What it has waited for is in its own parent's sum when it ends: the lives of others, charged long before."""
    simulated = rig(Machine(stale_ns=1_000_000, coarse_ns=20_000_000, pid_max=5000))
    machine = simulated.machine
    shell = machine.fork(1, command="bash")
    assert shell is not None
    harness = machine.fork(shell.pid, command="pytest")
    assert harness is not None
    sample(simulated)
    _nap_of_the_shell(simulated, harness.pid, child_ns, ignores)
    for _ in range(5):
        job = machine.fork(harness.pid, command="job")
        assert job is not None
        machine.work(job.pid, 10 * SECOND)
        machine.exit(job.pid)
        sample(simulated)
    shorts = [machine.fork(shell.pid, command="true") for _ in range(20)]
    for short in shorts:
        assert short is not None
        machine.work(short.pid, 2_000_000)
        machine.exit(short.pid)
    machine.exit(harness.pid)
    for _ in range(6):
        sample(simulated)
    found = charged(simulated)
    assert found["true"] <= 20 * 3_000_000  # 2 ms each, and the doubt of one tick over all of them
    assert found["true"] >= 20 * 1_000_000
    assert found["job"] == pytest.approx(50 * SECOND, rel=0.01)
    assert simulated.sampler.cpu_balance.samples == 0


def test_lives_of_strangers_that_a_parent_waited_for_are_not_spread_over_its_children() -> None:
    """A reaper waits for what others left behind: its sum rises by all they used, charged while they lived."""
    simulated = rig(Machine(stale_ns=1_000_000, pid_max=5000))
    machine = simulated.machine
    shell = machine.fork(1, command="reaper")
    assert shell is not None
    sample(simulated)
    for number in range(8):
        for _ in range(20):
            short = machine.fork(shell.pid, command="true")
            assert short is not None
            machine.work(short.pid, 2_000_000)
            machine.exit(short.pid)
        if number == 4:
            shell.reaped_ns += 100 * SECOND
        sample(simulated)
    assert charged(simulated)["true"] == pytest.approx(160 * 2_000_000, rel=0.1)
