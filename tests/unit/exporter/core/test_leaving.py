"""A process that joined a window leaves it: what it and its children use from then on is not charged to it."""

from __future__ import annotations

import msgspec
import pytest
from gramwatt_exporter.config import Config
from gramwatt_exporter.windows import Window, WindowBook
from gramwatt_exporter.windows.model import OpenRequest, Peer
from simulation import CPU, SECOND, Machine, Process, Rig, rig


@pytest.fixture
def simulated() -> Rig:
    return rig(Machine())


def fork(simulated: Rig, parent: int = 1) -> Process:
    process = simulated.machine.fork(parent)
    assert process is not None
    return process


def sample(simulated: Rig) -> None:
    simulated.machine.advance(SECOND)
    simulated.meters.draw(CPU, 1_000_000, SECOND)
    simulated.sampler.sample()


def join(simulated: Rig, window: Window, process: Process) -> None:
    row = simulated.sampler.table.find(process.pid)
    assert row is not None
    assert simulated.sampler.windows.add_process(window.id, (process.pid, process.start))
    simulated.sampler.membership.attach(window.id, row)


def leave(simulated: Rig, window: Window, process: Process) -> None:
    row = simulated.sampler.table.find(process.pid)
    assert row is not None
    simulated.sampler.membership.leave(window.id, row)


def opened(simulated: Rig, root: Process) -> Window:
    window = simulated.sampler.windows.open(
        OpenRequest(name="w", phase="training", pid=root.pid), Peer(1000, root.pid, "alice")
    )
    join(simulated, window, root)
    return window


def charged(simulated: Rig, window: Window, *processes: Process) -> list[bool]:
    """Which of these processes the window is charged for."""
    found = []
    for process in processes:
        before = simulated.sampler.windows.view(window).cpu_nanoseconds
        simulated.machine.work(process.pid, 1_000_000)
        sample(simulated)
        found.append(simulated.sampler.windows.view(window).cpu_nanoseconds > before)
    return found


def test_a_worker_that_left_is_not_charged_and_the_others_are(simulated: Rig) -> None:
    driver, worker, other = fork(simulated), fork(simulated), fork(simulated)
    sample(simulated)
    window = opened(simulated, driver)
    join(simulated, window, worker)
    join(simulated, window, other)
    assert charged(simulated, window, driver, worker, other) == [True, True, True]
    leave(simulated, window, worker)
    assert charged(simulated, window, driver, worker, other) == [True, False, True]
    assert simulated.sampler.windows.view(window).state == "open"
    join(simulated, window, worker)
    assert charged(simulated, window, worker) == [True]
    assert simulated.sampler.windows.view(window).processes == 3


def test_what_it_started_leaves_with_it(simulated: Rig) -> None:
    driver, worker = fork(simulated), fork(simulated)
    child = fork(simulated, worker.pid)
    sample(simulated)
    window = opened(simulated, driver)
    join(simulated, window, worker)
    assert charged(simulated, window, child) == [True]
    leave(simulated, window, worker)
    later = fork(simulated, worker.pid)
    sample(simulated)
    assert charged(simulated, window, child, later) == [False, False]


def test_a_child_that_joined_itself_stays(simulated: Rig) -> None:
    driver, worker = fork(simulated), fork(simulated)
    child = fork(simulated, worker.pid)
    grandchild = fork(simulated, child.pid)
    sample(simulated)
    window = opened(simulated, driver)
    join(simulated, window, worker)
    join(simulated, window, child)
    leave(simulated, window, worker)
    assert charged(simulated, window, worker, child, grandchild) == [False, True, True]


def test_a_worker_that_the_window_started_leaves_too(simulated: Rig) -> None:
    driver = fork(simulated)
    worker = fork(simulated, driver.pid)
    sample(simulated)
    window = opened(simulated, driver)
    join(simulated, window, worker)
    leave(simulated, window, worker)
    leave(simulated, window, worker)  # once more is the same
    assert charged(simulated, window, driver, worker) == [True, False]


def test_a_process_that_joins_does_not_bring_back_who_left(simulated: Rig) -> None:
    driver, parent = fork(simulated), fork(simulated)
    worker = fork(simulated, parent.pid)
    sample(simulated)
    window = opened(simulated, driver)
    join(simulated, window, worker)
    leave(simulated, window, worker)
    join(simulated, window, parent)
    assert charged(simulated, window, parent, worker) == [True, False]


def test_a_window_that_everybody_left_ends(simulated: Rig) -> None:
    driver = fork(simulated)
    sample(simulated)
    window = opened(simulated, driver)
    leave(simulated, window, driver)
    sample(simulated)
    view = simulated.sampler.windows.view(window)
    assert (view.state, view.ended_by) == ("finished", "exit")


def test_leaving_a_finished_window_changes_nothing(simulated: Rig) -> None:
    driver, worker = fork(simulated), fork(simulated)
    sample(simulated)
    window = opened(simulated, driver)
    join(simulated, window, worker)
    simulated.sampler.windows.stop(window.id, simulated.machine.wall)
    simulated.sampler.membership.detach(window.id)
    before = simulated.sampler.windows.view(window)
    leave(simulated, window, worker)
    assert simulated.sampler.windows.view(window) == before


def test_who_left_stays_out_over_a_restart(simulated: Rig) -> None:
    driver = fork(simulated)
    worker, other = fork(simulated, driver.pid), fork(simulated, driver.pid)
    sample(simulated)
    window = opened(simulated, driver)
    join(simulated, window, worker)
    leave(simulated, window, worker)
    saved = msgspec.json.decode(msgspec.json.encode(simulated.sampler.windows.state()))

    again = rig(simulated.machine)
    assert again.sampler.windows.restore(saved, same_boot=True) == []
    sample(again)
    assert charged(again, again.sampler.windows.get(window.id), driver, worker, other) == [True, False, True]


def test_a_state_of_before_there_was_leaving_is_read(simulated: Rig) -> None:
    driver = fork(simulated)
    sample(simulated)
    window = opened(simulated, driver)
    saved = msgspec.json.decode(msgspec.json.encode(simulated.sampler.windows.state()))
    for entry in saved["windows"]:
        del entry["left"]
    book = WindowBook(Config().windows)
    assert book.restore(saved, same_boot=True) == []
    assert book.get(window.id).processes == {(driver.pid, driver.start)}
