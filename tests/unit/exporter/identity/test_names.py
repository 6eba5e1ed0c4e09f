"""Names of containers and pods, from files as the runtimes leave them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.processes.linux.identity import IdentityReader
from gramwatt_exporter.processes.linux.names import ContainerNames

ID = "3f2a9c41d7e85b06aa11223344556677889900aabbccddeeff00112233445566"
POD = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
DOCKER = f"0::/system.slice/docker-{ID}.scope\n"
PODS = f"0::/kubepods/burstable/pod{POD}/{ID}\n"


def put(root: Path, path: str, content: Any) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.fixture
def host(tmp_path: Path) -> Path:
    (tmp_path / "host").mkdir()
    return tmp_path / "host"


def name_of(procfs: Any, host: Path, cgroup: str) -> str:
    reader = IdentityReader(str(procfs.root), str, ContainerNames(str(host)))
    identity = reader.read(procfs.add(42, cgroup=cgroup))
    assert identity is not None
    return identity.workload.name


def test_docker(procfs: Any, host: Any) -> None:
    put(host, f"var/lib/docker/containers/{ID}/config.v2.json", {"ID": ID, "Name": "/web-1", "Config": {}})
    assert name_of(procfs, host, DOCKER) == "web-1"


@pytest.mark.parametrize("root", ["proc/1/root", "."])
def test_the_machines_root_is_found_by_its_procfs(procfs: Any, root: Any) -> None:
    """The root of its first process where that may be seen, else the directory beside procfs."""
    put(procfs.root.parent / root, f"var/lib/docker/containers/{ID}/config.v2.json", {"Name": "/web-1"})
    reader = IdentityReader(str(procfs.root), str, ContainerNames.of(str(procfs.root)))
    identity = reader.read(procfs.add(42, cgroup=DOCKER))
    assert identity is not None
    assert identity.workload.name == "web-1"


def test_podman_and_crio(procfs: Any, host: Any) -> None:
    listed = [{"id": "b" * 64, "names": ["db"]}, {"id": ID, "names": ["web", "alias"]}]
    put(host, "var/lib/containers/storage/overlay-containers/containers.json", listed)
    assert name_of(procfs, host, f"0::/machine.slice/libpod-{ID}.scope/container\n") == "web"


def test_nerdctl(procfs: Any, host: Any) -> None:
    bundle = {"annotations": {"nerdctl/name": "web"}, "process": {"args": ["--password", "x"]}}
    put(host, f"run/containerd/io.containerd.runtime.v2.task/default/{ID}/config.json", bundle)
    assert name_of(procfs, host, f"0::/default/{ID}\n") == "web"


def test_pod_by_the_kubelets_logs(procfs: Any, host: Any) -> None:
    put(host, f"var/log/pods/kube-system_other_{'c' * 36}/x/0.log", "")
    put(host, f"var/log/pods/team-a_train-7d4_{POD}/main/0.log", "")
    assert name_of(procfs, host, PODS) == "team-a/train-7d4"


@pytest.mark.parametrize(
    ("file", "prefix"),
    [
        (
            f"run/containerd/io.containerd.runtime.v2.task/k8s.io/{ID}/config.json",
            "io.kubernetes.cri.sandbox-",
        ),
        (f"run/containers/storage/overlay-containers/{ID}/userdata/config.json", "io.kubernetes.pod."),
    ],
)
def test_pod_by_the_runtimes_annotations(procfs: Any, host: Any, file: Any, prefix: Any) -> None:
    put(host, file, {"annotations": {f"{prefix}namespace": "team-a", f"{prefix}name": "train-7d4"}})
    assert name_of(procfs, host, PODS) == "team-a/train-7d4"


@pytest.mark.parametrize(
    "content", ["", "{", "[" * 100_000, "[]", "null", '{"Name": 7}', '{"Name": "/"}', "\x00\xff", "[1, {}]"]
)
def test_a_damaged_file_leaves_the_id(procfs: Any, host: Any, content: Any) -> None:
    put(host, f"var/lib/docker/containers/{ID}/config.v2.json", content)
    put(host, "var/lib/containers/storage/overlay-containers/containers.json", content)
    put(host, f"run/containerd/io.containerd.runtime.v2.task/moby/{ID}/config.json", content)
    assert name_of(procfs, host, DOCKER) == ID[:12]
    assert name_of(procfs, host, PODS) == POD


def test_a_container_keeps_its_name_while_it_lives(procfs: Any, host: Any) -> None:
    """A renamed container would split its counters."""
    file = f"var/lib/docker/containers/{ID}/config.v2.json"
    put(host, file, {"Name": "/before"})
    reader = IdentityReader(str(procfs.root), str, ContainerNames(str(host)))
    procfs.add(42, cgroup=DOCKER)
    first = reader.read(42)
    put(host, file, {"Name": "/after"})
    second = reader.read(42)
    assert first is not None
    assert second is not None
    assert first.workload == second.workload
    assert first.workload.name == "before"


def test_a_name_with_control_characters_is_shown_safely(procfs: Any, host: Any) -> None:
    put(host, f"var/lib/docker/containers/{ID}/config.v2.json", {"Name": "/a\x1b[2Jb\nc"})
    assert name_of(procfs, host, DOCKER) == "a\ufffd[2Jb\ufffdc"
