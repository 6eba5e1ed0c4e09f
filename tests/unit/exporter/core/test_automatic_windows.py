"""A SLURM job, a unit or a container is a window by itself when the settings say so."""

from __future__ import annotations

from gramwatt_exporter.config import Config
from gramwatt_exporter.config.schema import AutomaticWindow, Windows
from simulation import CPU, SECOND, Rig, rig

RULES = Windows(automatic=[AutomaticWindow(kind="unit", match="train-.*", phase="training")])


def step(setup: Rig, microjoules: int = 1_000_000) -> None:
    setup.machine.advance(5 * SECOND)
    setup.meters.draw(CPU, microjoules, 5 * SECOND)
    setup.sampler.sample()


def test_a_matching_unit_is_a_window_from_its_first_process_to_its_last() -> None:
    setup = rig(config=Config(windows=RULES))
    machine = setup.machine
    step(setup)
    leader = machine.fork(1, unit="train-a.service")
    other = machine.fork(1, unit="nginx.service")
    assert leader is not None
    assert other is not None
    machine.work(leader.pid, SECOND)
    step(setup)
    child = machine.fork(leader.pid)
    assert child is not None
    machine.work(child.pid, 3 * SECOND)
    machine.work(other.pid, SECOND)
    machine.exit(leader.pid)
    step(setup, 4_000_000)
    (view,) = setup.sampler.windows.frozen()
    assert (view.name, view.phase, view.state) == ("train-a.service", "training", "open")
    assert view.cpu_nanoseconds == 4 * SECOND
    assert view.microjoules == {"cpu": 1_000_000 + 3_000_000}
    machine.exit(child.pid)
    step(setup)
    (view,) = setup.sampler.windows.frozen()
    assert (view.state, view.ended_by) == ("finished", "exit")
    again = machine.fork(1, unit="train-a.service")
    assert again is not None
    step(setup)
    assert len(setup.sampler.windows.frozen()) == 2


def test_what_does_not_match_is_no_window() -> None:
    setup = rig(config=Config(windows=RULES))
    setup.machine.fork(1, unit="nginx.service")
    setup.machine.fork(1, command="train-a.service")
    step(setup)
    assert setup.sampler.windows.frozen() == ()


def test_slurm_true_is_short_for_every_job() -> None:
    from gramwatt_exporter.model import Workload
    from gramwatt_exporter.windows.automatic import AutomaticWindows

    automatic = AutomaticWindows(Windows(slurm=True))
    request = automatic.request(Workload("job 42", "slurm", "alice"), 7)
    assert request is not None
    assert (request.name, request.phase) == ("job 42", "training")
    assert automatic.request(Workload("job 42", "unit", "alice"), 7) is None
