"""Names of containers and pods from the files their runtimes keep. No daemon is asked, nothing is started.

Most of these files belong to root; where one cannot be read the id stays the name. A name is looked up once,
so a workload never changes its name while it lives.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_LARGEST_FILE = 1 << 20


class ContainerNames:
    """Looks names up below ``root`` ("/", or where the host's root is mounted). ``None``: no names are known."""

    def __init__(self, root: str | None = "/") -> None:
        self._root = None if root is None else Path(root)

    @classmethod
    def of(cls, procfs: str) -> ContainerNames:
        """Names of the machine whose procfs this is.

        Its root is that of its first process where we may look there, else the directory beside procfs: "/" for
        /proc, /host for /host/proc.
        """
        root = f"{procfs}/1/root"
        return cls(root if os.access(f"{root}/.", os.X_OK) else str(Path(procfs).parent))

    def container(self, container_id: str) -> str | None:
        """The name of a container, from Docker, Podman, CRI-O or containerd (nerdctl)."""
        if self._root is None:
            return None
        docker = _json(self._root / "var/lib/docker/containers" / container_id / "config.v2.json")
        name = docker.get("Name") if isinstance(docker, dict) else None
        if isinstance(name, str) and name.strip("/"):
            return name.strip("/")
        annotations = self._annotations(container_id)
        name = annotations.get("nerdctl/name") or annotations.get("io.kubernetes.cri.container-name")
        return name or self._storage_name(container_id)

    def pod(self, pod_uid: str, container_id: str | None) -> str | None:
        """``namespace/name`` of a pod, from the kubelet's log directory or the runtime's annotations."""
        if self._root is None:
            return None
        for entry in _listed(
            self._root / "var/log/pods"
        ):  # NAMESPACE_NAME_UID; neither of the first two can hold an underscore
            parts = entry.split("_")
            if len(parts) == 3 and parts[2] == pod_uid:
                return f"{parts[0]}/{parts[1]}"
        annotations = self._annotations(container_id) if container_id else {}
        for namespace, name in (
            ("io.kubernetes.cri.sandbox-namespace", "io.kubernetes.cri.sandbox-name"),
            ("io.kubernetes.pod.namespace", "io.kubernetes.pod.name"),
        ):
            if annotations.get(namespace) and annotations.get(name):
                return f"{annotations[namespace]}/{annotations[name]}"
        return None

    def _annotations(self, container_id: str) -> dict[str, str]:
        """Annotations of the OCI bundle: containerd keeps it under its namespaces, CRI-O under storage."""
        for file in self._bundles(container_id):
            bundle = _json(file)
            annotations = bundle.get("annotations") if isinstance(bundle, dict) else None
            if isinstance(annotations, dict):
                return {key: value for key, value in annotations.items() if isinstance(value, str)}
        return {}

    def _bundles(self, container_id: str) -> Iterator[Path]:
        assert self._root is not None
        tasks = self._root / "run/containerd/io.containerd.runtime.v2.task"
        for namespace in _listed(tasks):
            yield tasks / namespace / container_id / "config.json"
        yield self._root / "run/containers/storage/overlay-containers" / container_id / "userdata/config.json"

    def _storage_name(self, container_id: str) -> str | None:
        """containers/storage (Podman, CRI-O) lists the names of its containers in one file."""
        assert self._root is not None
        listed = _json(self._root / "var/lib/containers/storage/overlay-containers/containers.json")
        for entry in listed if isinstance(listed, list) else ():
            if isinstance(entry, dict) and entry.get("id") == container_id:
                names = entry.get("names")
                if isinstance(names, list) and names and isinstance(names[0], str):
                    return names[0]
        return None


def _listed(directory: Path) -> list[str]:
    """Names in a directory, sorted; none when it is absent or unreadable."""
    try:
        return sorted(entry.name for entry in directory.iterdir())
    except OSError:
        return []


def _json(path: Path) -> Any:
    """The parsed file, None when it is absent, unreadable, huge or not JSON: then the id is the name."""
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_FILE + 1)
        return json.loads(text) if len(text) <= _LARGEST_FILE else None
    except (OSError, ValueError, RecursionError):
        return None
