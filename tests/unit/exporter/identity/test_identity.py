"""Identity of a process: strange commands, kernel threads, processes that go, users."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.processes.linux.identity import IdentityReader
from gramwatt_exporter.processes.linux.users import UserNames

KERNEL_THREAD = 0x208040


def reader(procfs: Any) -> IdentityReader:
    return IdentityReader(str(procfs.root), str)


@pytest.mark.parametrize(
    ("comm", "shown"),
    [
        (b"python3", "python3"),
        (b"tmux: server", "tmux: server"),
        (b"(sd-pam)", "(sd-pam)"),
        (b"a) S 9 9 (b", "a) S 9 9 (b"),
        (b") R 0 0 0 0 0 0", ") R 0 0 0 0 0 0"),
        (b"two\nlines", "two\ufffdlines"),
        (b"\x1b[31mred", "\ufffd[31mred"),
        (b"caf\xc3\xa9", "caf\N{LATIN SMALL LETTER E WITH ACUTE}"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"cut \xe2\x82", "cut \ufffd"),
        (b"", "?"),
        (b" ", " "),
    ],
)
def test_any_command_is_read_and_shown_safely(procfs: Any, comm: Any, shown: Any) -> None:
    identity = reader(procfs).read(procfs.add(42, comm=comm, parent=7, start=123456))
    assert identity is not None
    assert (identity.pid, identity.parent, identity.start, identity.command) == (42, 7, 123456, shown)
    assert identity.workload.name == shown


@pytest.mark.parametrize(
    ("comm", "family"),
    [
        (b"kthreadd", "kthreadd"),
        (b"kworker/0:1-events", "kworker"),
        (b"kworker/u8:2-events_unbound", "kworker"),
        (b"kworker/R-rcu_gp", "kworker"),
        (b"ksoftirqd/13", "ksoftirqd"),
        (b"migration/0", "migration"),
        (b"rcu_preempt", "rcu_preempt"),
        (b"kswapd0", "kswapd"),
        (b"jbd2/sda1-8", "jbd2"),
        (b"scsi_eh_12", "scsi_eh"),
        (b"loop7", "loop"),
        (b"irq/24-pciehp", "irq/pciehp"),
        (b"irq/120-nvme0q17", "irq/nvme0q"),
        (b"irq/9-acpi", "irq/acpi"),
        (b"irq/55-", "irq"),
        (b"kdamond.0", "kdamond"),
        (b"card0-crtc1", "card0-crtc"),
        (b"UVM global queue", "UVM global queue"),
    ],
)
def test_kernel_threads_are_named_by_family(procfs: Any, comm: Any, family: Any) -> None:
    """Else every CPU, device and piece of work would make label values of its own."""
    identity = reader(procfs).read(procfs.add(42, comm=comm, parent=2, flags=KERNEL_THREAD, cgroup="0::/\n"))
    assert identity is not None
    assert identity.command == family
    assert (identity.workload.kind, identity.workload.name) == ("command", family)


def test_a_program_that_calls_itself_like_a_kernel_thread_keeps_its_name(procfs: Any) -> None:
    identity = reader(procfs).read(procfs.add(42, comm=b"kworker/0:1"))
    assert identity is not None
    assert identity.command == "kworker/0:1"


def test_a_process_that_is_not_there(procfs: Any) -> None:
    assert reader(procfs).read(42) is None
    assert reader(procfs).start_time(42) is None


def test_a_kernel_without_cgroups_leaves_the_command(procfs: Any) -> None:
    pid = procfs.add(42, cgroup=None)
    identity = reader(procfs).read(pid)
    assert identity is not None
    assert identity.workload.kind == "command"


@pytest.mark.parametrize("text", [b"", b"42 (x", b"42 (x) S 1 2\n", b"garbage"])
def test_a_stat_file_that_ends_early_is_no_process(procfs: Any, text: Any) -> None:
    procfs.add(42)
    (procfs.root / "42/stat").write_bytes(text)
    assert reader(procfs).read(42) is None
    assert reader(procfs).start_time(42) is None


def test_start_time(procfs: Any) -> None:
    assert reader(procfs).start_time(procfs.add(42, comm=b") S 1 1 1", start=987654321)) == 987654321


def test_exec_and_a_move_to_another_group_show_at_the_next_read(procfs: Any) -> None:
    reads = reader(procfs)
    procfs.add(42, comm=b"sh", cgroup="0::/init.scope\n")
    before = reads.read(42)
    procfs.add(42, comm=b"nginx", cgroup="0::/system.slice/nginx.service\n")
    after = reads.read(42)
    assert before is not None
    assert after is not None
    assert (before.command, before.workload.name) == ("sh", "init.scope")
    assert (after.command, after.workload.name) == ("nginx", "nginx.service")
    assert (before.pid, before.start) == (after.pid, after.start)


@pytest.mark.slow
def test_many_workloads_do_not_fill_the_memory_and_stay_right(procfs: Any) -> None:
    reads = reader(procfs)
    for number in range(9000):
        procfs.add(42, comm=b"c%d" % number, cgroup=f"0::/system.slice/s{number}x.service\n")
        identity = reads.read(42)
        assert identity is not None
        assert (identity.command, identity.workload.name) == (f"c{number}", f"s{number}x.service")


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give files to others")
def test_the_owner_is_the_owner_of_the_directory(procfs: Any) -> None:
    identity = IdentityReader(str(procfs.root), {4711: "alice"}.__getitem__).read(procfs.add(42, uid=4711))
    assert identity is not None
    assert (identity.uid, identity.workload.user) == (4711, "alice")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a real /proc")
def test_a_real_process() -> None:
    secret = "--password=hunter2"
    program = "import sys; print('ready', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program, secret], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.readline()
        reads = IdentityReader("/proc", UserNames.of("/proc"))
        identity = reads.read(child.pid)
        assert identity is not None
        assert identity.pid == child.pid
        assert identity.parent == os.getpid()
        assert identity.uid == os.getuid()
        assert identity.start == reads.start_time(child.pid)
        assert identity.command == Path(f"/proc/{child.pid}/comm").read_text().rstrip("\n")
        assert "hunter2" not in repr(identity)
        child.stdin.close()
    assert reads.read(child.pid) is None


# --- users


def test_users_of_this_machine_by_name() -> None:
    import pwd

    assert UserNames.of("/proc")(os.getuid()) == pwd.getpwuid(os.getuid()).pw_name


def test_a_user_nobody_knows_is_a_number() -> None:
    assert UserNames.of("/proc")(3_999_999_999) == "3999999999"
    assert UserNames.of("/proc")(2**64) == str(2**64)


def test_a_mounted_procfs_has_the_users_of_its_own_machine(tmp_path: Path) -> None:
    """Uid 0 and 1 exist here too; the names must still be those of the machine that is measured."""
    etc = tmp_path / "proc/1/root/etc"
    etc.mkdir(parents=True)
    (etc / "passwd").write_text(
        "toor:x:0:0::/root:/bin/sh\nalice:x:1000:1000:::\nbroken line\n:x:7:7:::\nx:y:z\n"
    )
    users = UserNames.of(str(tmp_path / "proc"))
    assert [users(0), users(1000), users(1), users(7)] == ["toor", "alice", "1", "7"]


def test_a_passwd_file_mounted_beside_procfs_is_used(tmp_path: Path) -> None:
    """As the container does where it may not look into the root of the host's first process."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("alice:x:1000:1000:::\n")
    users = UserNames.of(str(tmp_path / "proc"))
    assert [users(1000), users(0)] == ["alice", "0"]


def test_a_mounted_procfs_without_access_to_its_users_gives_numbers(tmp_path: Path) -> None:
    users = UserNames.of(str(tmp_path / "proc"))
    assert [users(0), users(1000)] == ["0", "1000"]
