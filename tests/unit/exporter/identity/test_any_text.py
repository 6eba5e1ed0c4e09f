"""No text a kernel or a process could come up with breaks the reading of identities."""

from __future__ import annotations

from typing import Any

import pytest
from gramwatt_exporter.processes.linux.cgroups import CgroupParser, stable_unit
from gramwatt_exporter.processes.linux.identity import IdentityReader, kernel_thread_name, printable
from gramwatt_exporter.processes.linux.names import ContainerNames
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.slow

ID = "3f2a9c41d7e85b06aa11223344556677889900aabbccddeeff00112233445566"
PARTS = [
    "..", "system.slice", "user.slice", "user-1000.slice", "user@1000.service", "session-1.scope",
    "init.scope", "foo.service", "a@b.service", "kubepods", "kubepods.slice", "slurm", "uid_1",
    "job_42", "step_0", "lxc", "lxc.payload.x", "machine-x.scope", "(deleted)", "a:b:c", "\\x2d",
    "ecs",
    "", "/", ID, f"docker-{ID}.scope", f"x.slice:y:{ID}", f"pod{ID[:32]}",
]  # fmt: skip
paths = st.lists(st.one_of(st.sampled_from(PARTS), st.text(max_size=12)), max_size=8).map("/".join)
lines = st.builds(
    "{}:{}:/{}".format, st.integers(0, 13), st.sampled_from(["", "name=systemd", "cpu", "name=openrc"]), paths
)


@given(st.one_of(st.lists(lines, max_size=5).map("\n".join), st.text(max_size=300)))
def test_every_cgroup_text_has_a_workload_or_none(text: Any) -> None:
    found = CgroupParser(ContainerNames(None))(text)
    if found is not None:
        assert found.name
        assert found.kind in ("unit", "container", "pod", "slurm", "session")


@given(st.text(max_size=30), st.uuids(), st.uuids(), st.sampled_from(["scope", "service"]))
def test_units_that_differ_by_start_only_are_one_workload(base: Any, one: Any, other: Any, kind: Any) -> None:
    assert stable_unit(f"{base}-{one}.{kind}") == stable_unit(f"{base}-{other}.{kind}")
    assert stable_unit(f"{base}-{one.hex}.{kind}") == stable_unit(f"{base}-{other.hex}.{kind}")
    assert stable_unit(f"app{base}-{one.int % 99999}.scope") == stable_unit(
        f"app{base}-{other.int % 99999}.scope"
    )
    assert stable_unit(f"{base}-{one}.{kind}").endswith(f".{kind}")


@given(st.text(min_size=1, max_size=64))
def test_every_kernel_thread_has_a_family(text: Any) -> None:
    assert kernel_thread_name(text)


@given(st.text(max_size=64))
def test_what_is_shown_is_printable(text: Any) -> None:
    assert all(letter.isprintable() or letter == "\N{REPLACEMENT CHARACTER}" for letter in printable(text))
    assert len(printable(text)) == len(text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    comm=st.binary(max_size=64).filter(lambda comm: b"\0" not in comm),
    start=st.integers(0, 2**63),
    parent=st.integers(0, 2**22),
    cgroup=st.lists(lines, max_size=3).map("\n".join),
)
def test_every_process_is_read(procfs: Any, comm: Any, start: Any, parent: Any, cgroup: Any) -> None:
    procfs.add(42, comm=comm, start=start, parent=parent)
    (procfs.root / "42/cgroup").write_text(cgroup, "utf-8", "surrogatepass")
    reader = IdentityReader(str(procfs.root), str)
    identity = reader.read(42)
    assert identity is not None
    assert (identity.start, identity.parent) == (start, parent)
    assert reader.start_time(42) == start
    for shown in (identity.command, identity.workload.name):
        assert shown
        assert printable(shown) == shown
