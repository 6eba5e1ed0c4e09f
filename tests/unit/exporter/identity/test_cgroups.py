"""What processes belong to, from cgroup files as real machines show them."""

# ruff: noqa: E501 - a table of real lines: paths are as long as they are

from __future__ import annotations

import os
from typing import Any

import pytest
from gramwatt_exporter.processes.linux.identity import IdentityReader
from gramwatt_exporter.processes.linux.jobs import JobOwners
from known import known

ID = "3f2a9c41d7e85b06aa11223344556677889900aabbccddeeff00112233445566"
OTHER = "b" * 64
SHORT = ID[:12]
POD = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
POD_ = POD.replace("-", "_")
STATIC = "4c5d6e7f8091a2b3c4d5e6f708192a3b"  # static pods: a hash of the file


def v1(path: str, systemd: str | None = None) -> str:
    """The twelve hierarchies of a v1 machine."""
    controllers = ["pids", "rdma", "memory", "cpuset", "net_cls,net_prio", "blkio", "devices", "hugetlb",
                   "freezer", "perf_event", "cpu,cpuacct"]  # fmt: skip
    lines = [f"{12 - number}:{name}:{path}" for number, name in enumerate(controllers)]
    return "\n".join([*lines, f"1:name=systemd:{systemd if systemd is not None else path}"]) + "\n"


def v2(path: str) -> str:
    return f"0::{path}\n"


CASES = {
    # --- systemd
    "v2 service": (v2("/system.slice/nginx.service"), "unit", "nginx.service"),
    "v1 service": (v1("/system.slice/nginx.service"), "unit", "nginx.service"),
    "hybrid service": (
        "12:pids:/system.slice/cron.service\n5:cpu,cpuacct:/system.slice\n"
        "1:name=systemd:/system.slice/cron.service\n0::/system.slice/cron.service\n",
        "unit", "cron.service",
    ),
    "v1 where only systemd's hierarchy tells": (v1("/", "/system.slice/ssh.service"), "unit", "ssh.service"),
    "instance of a template": (v2("/system.slice/system-getty.slice/getty@tty1.service"), "unit", "getty@tty1.service"),
    "version in an instance": (
        v2("/system.slice/system-postgresql.slice/postgresql@15-main.service"), "unit", "postgresql@15-main.service",
    ),
    "what a service does with its subtree": (v2("/system.slice/foo.service/workers/w.scope"), "unit", "foo.service"),
    "pid 1": (v2("/init.scope"), "unit", "init.scope"),
    "socket unit": (v2("/system.slice/dbus.socket"), "unit", "dbus.socket"),
    "a slice only": (v2("/machine.slice/batch.slice"), "unit", "batch.slice"),
    "escaped unit": (v2(r"/system.slice/dev-disk\x2dswap.swap"), "unit", r"dev-disk\x2dswap.swap"),
    "removed group of a zombie": (v2("/system.slice/gone.service (deleted)"), "unit", "gone.service"),
    "seen from another namespace": (v2("/../../system.slice/nginx.service"), "unit", "nginx.service"),
    "the daemon, not its containers": (v2("/system.slice/docker.service"), "unit", "docker.service"),
    "libvirt guest": (
        v2(r"/machine.slice/machine-qemu\x2d1\x2dvm1.scope/libvirt/vcpu0"), "unit", r"machine-qemu\x2d1\x2dvm1.scope",
    ),
    "openrc v1": ("2:cpu:/\n1:name=openrc:/sshd\n", "unit", "sshd"),
    "openrc v2": (v2("/openrc.sshd"), "unit", "sshd"),
    # --- units whose name differs at every start
    "systemd-run, old": (v2("/system.slice/run-u42.service"), "unit", "run.service"),
    "systemd-run, new": (v2("/system.slice/run-p4711-i12345.scope"), "unit", "run.scope"),
    "systemd-run, random": (v2(f"/system.slice/run-r{STATIC}.scope"), "unit", "run.scope"),
    "socket activation": (v2("/system.slice/sshd@12-10.0.0.1:22-10.0.0.9:51234.service"), "unit", "sshd.service"),
    "core dump": (v2("/system.slice/systemd-coredump@3-4711-0.service"), "unit", "systemd-coredump.service"),
    # --- sessions and user services
    "session v2": (v2("/user.slice/user-1000.slice/session-3.scope"), "session", "session-3"),
    "session v1": (
        v1("/user.slice", "/user.slice/user-1000.slice/session-3.scope"), "session", "session-3",
    ),
    "session of a service user": (v2("/user.slice/user-110.slice/session-c1.scope"), "session", "session-c1"),
    "user service": (
        v2("/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service"), "unit", "foo.service",
    ),
    "user manager": (v2("/user.slice/user-1000.slice/user@1000.service/init.scope"), "unit", "user@1000.service"),
    "user service v1": (
        v1("/user.slice/user-1000.slice/user@1000.service",
           "/user.slice/user-1000.slice/user@1000.service/foo.service"), "unit", "foo.service",
    ),
    "desktop application": (
        v2("/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-firefox-4711.scope"),
        "unit", "app-gnome-firefox.scope",
    ),
    "terminal": (
        v2(f"/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-{POD}.scope"), "unit", "vte-spawn.scope",
    ),
    "tmux": (
        v2(f"/user.slice/user-1000.slice/user@1000.service/tmux-spawn-{POD}.scope"), "unit", "tmux-spawn.scope",
    ),
    "snap": (
        v2(f"/user.slice/user-1000.slice/user@1000.service/app.slice/snap.code.code-{POD}.scope"),
        "unit", "snap.code.code.scope",
    ),
    "D-Bus activation": (
        v2("/user.slice/user-1000.slice/user@1000.service/app.slice/dbus.slice/dbus-:1.2-org.gnome.Foo@0.service"),
        "unit", "dbus-org.gnome.Foo@0.service",
    ),
    # --- containers
    "docker, cgroupfs, v1": (v1(f"/docker/{ID}"), "container", SHORT),
    "docker, cgroupfs, v2": (v2(f"/docker/{ID}"), "container", SHORT),
    "docker, systemd, v1": (v1(f"/system.slice/docker-{ID}.scope"), "container", SHORT),
    "docker, systemd, v2": (v2(f"/system.slice/docker-{ID}.scope"), "container", SHORT),
    "docker, systemd inside": (
        v2(f"/system.slice/docker-{ID}.scope/system.slice/nginx.service"), "container", SHORT,
    ),
    "docker, own parent group": (v2(f"/ci/jobs/{ID}"), "container", SHORT),
    "docker, rootless": (
        v2(f"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{ID}.scope"), "container", SHORT,
    ),
    "docker in docker": (v2(f"/docker/{ID}/docker/{OTHER}"), "container", SHORT),
    "docker seen from another namespace": (v2(f"/../docker-{ID}.scope"), "container", SHORT),
    "containerd": (v2(f"/default/{ID}"), "container", SHORT),
    "nerdctl": (v2(f"/system.slice/nerdctl-{ID}.scope"), "container", SHORT),
    "podman": (v2(f"/machine.slice/libpod-{ID}.scope/container"), "container", SHORT),
    "podman, cgroupfs": (v1(f"/libpod_parent/libpod-{ID}"), "container", SHORT),
    "podman, rootless": (
        v2(f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope"), "container", SHORT,
    ),
    "podman, in a unit": (v2(f"/system.slice/web.service/libpod-payload-{ID}"), "container", SHORT),
    "podman, its monitor": (v2(f"/machine.slice/libpod-conmon-{ID}.scope"), "container", SHORT),
    "podman pod": (
        v2(f"/machine.slice/machine-libpod_pod_{OTHER}.slice/libpod-{ID}.scope"), "container", SHORT,
    ),
    "cri-o outside of a pod": (v2(f"/system.slice/crio-{ID}.scope"), "container", SHORT),
    "ecs": (v1(f"/ecs/{STATIC}/{ID}"), "container", SHORT),
    "ecs, fargate": (v1(f"/ecs/{STATIC}/{STATIC}-1234567890"), "container", STATIC[:12]),
    "lxc v1": (v1("/lxc/web/system.slice/nginx.service"), "container", "web"),
    "lxc v2": (v2("/lxc.payload.web/system.slice/nginx.service"), "container", "web"),
    "lxc monitor": (v2("/lxc.monitor.web"), "container", "web"),
    "lxc of proxmox": (v2("/lxc/101/ns/system.slice/cron.service"), "container", "101"),
    "nspawn": (v2(r"/machine.slice/machine-my\x2dbox.scope/payload"), "container", "my-box"),
    "nspawn service": (
        v2("/machine.slice/systemd-nspawn@web.service/payload/system.slice/cron.service"), "container", "web",
    ),
    # --- Kubernetes
    "pod, cgroupfs, v1": (v1(f"/kubepods/burstable/pod{POD}/{ID}"), "pod", POD),
    "pod, cgroupfs, guaranteed": (v1(f"/kubepods/pod{POD}/{ID}"), "pod", POD),
    "pod, cgroupfs, v2": (v2(f"/kubepods/besteffort/pod{POD}/{ID}"), "pod", POD),
    "pod, systemd, containerd": (
        v2(f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{POD_}.slice/cri-containerd-{ID}.scope"),
        "pod", POD,
    ),
    "pod, systemd, guaranteed": (
        v2(f"/kubepods.slice/kubepods-pod{POD_}.slice/cri-containerd-{ID}.scope"), "pod", POD,
    ),
    "pod, systemd, cri-o": (
        v2(f"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{POD_}.slice/crio-{ID}.scope"),
        "pod", POD,
    ),
    "pod, systemd, cri-o's container group": (
        v2(f"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{POD_}.slice/crio-{ID}.scope/container"),
        "pod", POD,
    ),
    "pod, cri-o, its monitor": (
        v2(f"/kubepods.slice/kubepods-pod{POD_}.slice/crio-conmon-{ID}.scope"), "pod", POD,
    ),
    "pod, docker shim": (v1(f"/kubepods/burstable/pod{POD}/{ID}"), "pod", POD),
    "pod, docker shim, systemd": (
        v1(f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{POD_}.slice/docker-{ID}.scope"), "pod", POD,
    ),
    "pod, static": (v2(f"/kubepods/burstable/pod{STATIC}/{ID}"), "pod", STATIC),
    "pod, systemd path under the cgroupfs driver": (
        v1(f"/system.slice/containerd.service/kubepods-burstable-pod{POD_}.slice:cri-containerd:{ID}"), "pod", POD,
    ),
    "pod, kind (a node in docker)": (
        v2(f"/docker/{OTHER}/kubelet/kubepods/burstable/pod{POD}/{ID}"), "pod", POD,
    ),
    "pod, kind, systemd": (
        v2(f"/system.slice/docker-{OTHER}.scope/kubelet.slice/kubelet-kubepods.slice/"
           f"kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod{POD_}.slice/cri-containerd-{ID}.scope"),
        "pod", POD,
    ),
    "docker in a pod": (v1(f"/kubepods/burstable/pod{POD}/{ID}/docker/{OTHER}"), "pod", POD),
    "pod seen from another namespace": (
        v2(f"/../../kubepods-besteffort-pod{POD_}.slice/cri-containerd-{ID}.scope"), "pod", POD,
    ),
    "the kubelet itself": (v2("/system.slice/kubelet.service"), "unit", "kubelet.service"),
    # --- SLURM
    "slurm v1": (
        v1("/", "/system.slice/slurmd.service").replace(":freezer:/", ":freezer:/slurm/uid_1000/job_42/step_0"),
        "slurm", "42",
    ),
    "slurm v1, task": (v1("/slurm/uid_1000/job_42/step_batch/task_0"), "slurm", "42"),
    "slurm v1, host name in the path": (v1("/slurm_node01/uid_1000/job_42/step_0"), "slurm", "42"),
    "slurm v2": (v2("/system.slice/slurmstepd.scope/job_42/step_0/user/task_0"), "slurm", "42"),
    "slurm v2, named node": (v2("/system.slice/node01_slurmstepd.scope/job_42/step_extern/user"), "slurm", "42"),
    "slurm's own daemon": (v2("/system.slice/slurmstepd.scope/system"), "unit", "slurmstepd.scope"),
    "slurm job in a pod": (
        v2(f"/kubepods/pod{POD}/{ID}/system.slice/slurmstepd.scope/job_42/step_0/user/task_0"), "slurm", "42",
    ),
    # --- nothing to go by
    "root": (v2("/"), "command", "python3"),
    "root everywhere": (v1("/"), "command", "python3"),
    "empty": ("", "command", "python3"),
    "a group of nobody's": (v2("/my-group/sub"), "command", "python3"),
    "malformed": ("nonsense\n::\n0\n", "command", "python3"),
    # --- schedulers
    "HTCondor slot": (
        v2("/system.slice/htcondor/condor_var_lib_condor_execute_slot1_23@node3.example.org"), "job", "slot1_23",
    ),
    "HTCondor slot, version 1": (v1("/htcondor/condor_scratch_slot2@node3"), "job", "slot2"),
    "Nomad task": (v2(f"/nomad.slice/share.slice/{POD}.redis.scope"), "job", "redis"),
    "Nomad task with points in its name": (v2(f"/nomad.slice/reserve.slice/{POD}.web.v2.scope"), "job", "web.v2"),
    "Nomad task, version 1": (v1(f"/nomad/{POD}.redis", "/system.slice/nomad.service"), "job", "redis"),
    "PBS job": (v1("/pbs_jobs.service/jobid/4711.server", "/system.slice/pbs.service"), "job", "4711.server"),
    "PBS array job": (v2("/pbs_jobs.service/jobid/4711[3].server"), "job", "4711[3].server"),
    "Torque job": (v1("/torque/99.head.cluster"), "job", "99.head.cluster"),
    "LSF job": (v1("/lsf/cluster1/job.815.20311.1700000000"), "job", "815"),
    "YARN container": (
        v1("/hadoop-yarn/container_e17_1700000000000_0042_01_000003", "/system.slice/hadoop-yarn-nodemanager.service"),
        "job", "application_1700000000000_0042",
    ),
    "YARN container without an epoch": (
        v2("/system.slice/yarn.service/container_1700000000000_0007_02_000011"), "job", "application_1700000000000_0007",
    ),
    "Grid Engine job": (v1("/UGE/3021.1"), "job", "3021"),
    "a service that is called like a scheduler": (v2("/system.slice/nomad.service"), "unit", "nomad.service"),
    "a unit with an id in front": (v2(f"/system.slice/{POD}.redis.scope"), "unit", "redis.scope"),
    "a group that no unit made": (v2("/system.slice/render-farm/worker"), "unit", "render-farm"),
    "a number that no unit made": (v2("/batch.slice/4711"), "unit", "batch.slice"),
    "hex that is no container": (v2("/system.slice/deadbeef"), "unit", "system.slice"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "name"), CASES.values(), ids=CASES)
def test_workload_of_a_cgroup(procfs: Any, text: Any, kind: Any, name: Any) -> None:
    identity = IdentityReader(str(procfs.root), str).read(procfs.add(42, cgroup=text))
    assert identity is not None
    assert (identity.workload.kind, identity.workload.name) == (kind, name)


@pytest.mark.parametrize(
    ("path", "user"),
    [
        ("/user.slice/user-1000.slice/session-3.scope", "1000"),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service", "1000"),
        (f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope", "1000"),
        ("/slurm/uid_1000/job_42/step_0", "1000"),
    ],
)
def test_the_owner_of_a_session_or_job_counts_whatever_its_processes_become(
    procfs: Any, path: Any, user: Any
) -> None:
    """sudo in a session, or a root process of a job step, still works for its owner."""
    identity = known(IdentityReader(str(procfs.root), str).read(procfs.add(42, cgroup=v2(path))))
    assert identity.workload.user == user
    assert identity.uid == procfs.root.stat().st_uid


def test_a_service_belongs_to_the_user_it_runs_as(procfs: Any) -> None:
    reader = IdentityReader(str(procfs.root), lambda uid: f"user-{uid}")
    identity = known(reader.read(procfs.add(42, cgroup=v2("/system.slice/nginx.service"))))
    assert identity.workload.user == f"user-{procfs.root.stat().st_uid}"


# --- whose a SLURM job is where its path does not tell

STEPD = "/system.slice/slurmstepd.scope/job_42/step_0/slurm"
TASK = "/system.slice/slurmstepd.scope/job_42/step_0/user/task_0"
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root may give files to others")


class Node:
    """Processes of SLURM jobs, each read as it is born; time passes by hand."""

    def __init__(self, procfs: Any) -> None:
        self.procfs = procfs
        self.now = 0.0
        self.restart()

    def restart(self) -> None:
        """The exporter starts anew."""
        self.reads = IdentityReader(str(self.procfs.root), self.name, clock=lambda: self.now)

    @staticmethod
    def name(uid: int) -> str:
        return {0: "root", 1000: "alice", 1001: "bob"}.get(uid, str(uid))

    def born(self, pid: int, path: str, uid: int, parent: int = 1) -> str:
        """A process begins; whose workload it is in."""
        self.procfs.add(pid, cgroup=v2(path), uid=uid, parent=parent)
        return self.user(pid)

    def user(self, pid: int) -> str:
        identity = self.reads.read(pid)
        assert identity is not None
        assert identity.workload.kind == "slurm"
        assert identity.owner is not None
        assert self.name(identity.owner) == identity.workload.user
        return identity.workload.user


@pytest.fixture
def node(procfs: Any) -> Node:
    return Node(procfs)


@needs_root
def test_a_job_belongs_to_its_user_also_what_root_does_in_it(node: Any) -> None:
    assert node.born(10, STEPD, 0) == "root"  # nobody else has been seen yet
    assert node.born(11, TASK, 1000, parent=10) == "alice"
    assert node.born(12, TASK, 0, parent=11) == "alice"  # sudo
    assert node.user(10) == "alice"
    for step in ("step_batch", "step_extern", "step_interactive", "step_3+1"):
        assert node.born(20, STEPD.replace("step_0", step), 0) == "alice"
        assert node.born(21, TASK.replace("step_0", step), 0, parent=20) == "alice"


@needs_root
def test_jobs_at_the_same_time_are_each_their_owners(node: Any) -> None:
    assert node.born(11, TASK, 1000) == "alice"
    assert node.born(21, TASK.replace("job_42", "job_43"), 1001) == "bob"
    assert node.born(22, STEPD.replace("job_42", "job_43"), 0) == "bob"
    assert node.born(12, STEPD, 0) == "alice"


@needs_root
def test_a_job_of_root_is_roots(node: Any) -> None:
    assert node.born(10, STEPD, 0) == "root"
    assert node.born(11, TASK, 0, parent=10) == "root"
    assert node.user(10) == "root"


@needs_root
def test_users_of_a_container_in_a_job_do_not_take_it_over(node: Any) -> None:
    """A rootless container maps its users to uids of its own; `sudo -u bob` is somebody else as well."""
    node.born(10, STEPD, 0)
    node.born(11, TASK, 1000, parent=10)
    assert node.born(12, TASK, 100_123, parent=11) == "alice"
    node.born(13, TASK, 0, parent=11)  # sudo
    assert node.born(14, TASK, 1001, parent=13) == "alice"
    assert [node.user(pid) for pid in (10, 11, 12, 13, 14)] == ["alice"] * 5


@needs_root
def test_after_a_restart_of_the_exporter_whom_slurm_started_counts(node: Any) -> None:
    """Processes are found in the order of their ids, which says nothing about who began the job."""
    node.born(10, STEPD, 0)
    node.born(11, TASK, 1000, parent=10)
    node.born(12, TASK, 100_123, parent=11)
    node.restart()
    assert node.user(12) == "100123"  # all that is known so far
    assert node.user(11) == "alice"
    assert [node.user(pid) for pid in (12, 10, 12, 11)] == ["alice"] * 4


@needs_root
def test_a_number_that_comes_again_is_another_job(node: Any) -> None:
    node.born(10, STEPD, 0)
    node.born(11, TASK, 1000, parent=10)
    # soon, because SLURM's own numbers began anew
    node.born(20, STEPD, 0)
    assert node.born(21, TASK, 1001, parent=20) == "bob"
    assert node.user(20) == "bob"
    # months later, for root
    node.now += 90 * 86400
    assert node.born(30, STEPD, 0) == "root"
    assert node.born(31, TASK, 0, parent=30) == "root"


@needs_root
def test_a_long_job_stays_its_owners(node: Any) -> None:
    node.born(10, STEPD, 0)
    node.born(11, TASK, 1000, parent=10)
    for _ in range(60):
        node.now += 86400
        assert node.user(10) == "alice"


@pytest.mark.slow
def test_many_jobs_are_remembered_within_bounds_and_those_that_run_longest() -> None:
    now = 0.0
    owners = JobOwners(lambda parent, job: False, clock=lambda: now)
    assert owners.owner("42", 1000, b"1") == 1000
    for job in range(1000, 21_000):
        now += 1
        assert owners.owner(str(job), 1001, b"1") == 1001
        if job % 500 == 0:
            assert owners.owner("42", 0, b"1") == 1000
    assert owners.owner("20999", 0, b"1") == 1001
    assert owners.owner("1000", 0, b"1") == 0
