"""A SLURM job with cgroup v2 is one window, of its owner."""

from __future__ import annotations

from pathlib import Path

from automatic_hosts import (
    JOB,
    ClusterNode,
    needs_root,
    restarted,
    step,
    windows,
    workloads,
)
from gramwatt_exporter.config import Config
from gramwatt_exporter.config.schema import Windows
from gramwatt_exporter.processes.linux.identity import IdentityReader
from simulation import SECOND, rig


@needs_root
def test_a_slurm_job_is_one_window_of_its_owner(tmp_path: Path) -> None:
    """With cgroup v2 no group says whose it is, and slurmstepd runs as root."""
    node = ClusterNode(procfs=tmp_path)
    setup = rig(node, Config(windows=Windows(slurm=True)))
    step(setup)
    daemon = node.fork(1, unit=f"{JOB}/step_0/slurm", uid=0, command="slurmstepd")
    assert daemon is not None
    step(setup)  # what it is doing takes a while: nobody else is in the job
    assert windows(setup) == [("42", "root", 0, "open")]
    task = node.fork(daemon.pid, unit=f"{JOB}/step_0/user/task_0", uid=1000, command="python3")
    assert task is not None
    node.work(task.pid, 3 * SECOND)
    step(setup)
    assert windows(setup) == [("42", "alice", 1000, "open")]
    setup_again = node.fork(task.pid, uid=0, command="sudo")
    assert setup_again is not None
    for _ in range(3):
        node.work(daemon.pid, SECOND)
        node.work(setup_again.pid, SECOND)
        step(setup)
    assert workloads(setup) == {("42", "alice"): 9 * SECOND}
    (view,) = setup.sampler.windows.frozen()
    assert (view.cpu_nanoseconds, view.processes, view.user) == (9 * SECOND, 3, "alice")
    for process in (setup_again, task, daemon):
        node.exit(process.pid)
    step(setup)
    assert windows(setup) == [("42", "alice", 1000, "finished")]


@needs_root
def test_a_job_of_several_steps_stays_one_window_over_a_restart(tmp_path: Path) -> None:
    node = ClusterNode(procfs=tmp_path)
    config = Config(windows=Windows(slurm=True))
    setup = rig(node, config)
    step(setup)
    for name in ("extern", "batch", "0"):
        daemon = node.fork(1, unit=f"{JOB}/step_{name}/slurm", uid=0, command="slurmstepd")
        assert daemon is not None
        uid = 0 if name == "extern" else 1000  # it holds only root's sleep
        node.fork(daemon.pid, unit=f"{JOB}/step_{name}/user/task_0", uid=uid, command="task")
    other = node.fork(1, unit=f"{JOB.replace('42', '43')}/step_batch/slurm", uid=0, command="slurmstepd")
    assert other is not None
    node.fork(other.pid, unit=f"{JOB.replace('42', '43')}/step_batch/user/task_0", uid=1001, command="task")
    expected = [("42", "alice", 1000, "open"), ("43", "bob", 1001, "open")]
    for _ in range(3):
        step(setup)
        assert windows(setup) == expected
    node.reads = IdentityReader(str(tmp_path), node.user_name)
    setup = restarted(setup, config)
    for _ in range(3):
        step(setup)
        assert windows(setup) == expected
