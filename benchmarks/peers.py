"""Peers that Debian packages: fetched with apt-get download, unpacked beside the measurements, never installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

from benchmarks.harness import get

PROCESS_EXPORTER = "prometheus-process-exporter"
NODE_EXPORTER = "prometheus-node-exporter"
# A row per process, as the exporter has: its default is a row per group of them.
BY_PID = """
process_names:
  - name: "{{.Comm}}:{{.PID}}"
    cmdline: [".*"]
  - name: "{{.Comm}}:{{.PID}}"
    comm: []
"""


def fetch(package: str, directory: str) -> str:
    """Path of a peer's program: PROCESS_EXPORTER or NODE_EXPORTER of the environment, an installed one, or Debian's."""
    given = os.environ.get(package.removeprefix("prometheus-").replace("-", "_").upper())
    found = given or shutil.which(package)
    if found:
        return found
    subprocess.run(
        ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", package], cwd=directory, check=True
    )
    archive = next(Path(directory).glob(f"{package}_*.deb"))
    subprocess.run(["dpkg", "-x", str(archive), f"{directory}/peer"], check=True)
    return f"{directory}/peer/usr/bin/{package}"


def version(program: str) -> str:
    """What a peer says of itself, in one line."""
    for flag in ("--version", "-version"):
        said = subprocess.run([program, flag], capture_output=True, text=True, check=False)
        if said.returncode == 0:
            return (said.stdout or said.stderr).splitlines()[0]
    return program


def process_exporter(program: str, directory: str, address: str) -> subprocess.Popen[bytes]:
    """prometheus-process-exporter by PID, without threads and without smaps: its cheapest way to do what we do."""
    settings = Path(directory, "peer.yml")
    settings.write_text(BY_PID)
    return subprocess.Popen(
        [
            program, f"-config.path={settings}", f"-web.listen-address={address}",
            "-threads=false", "-gather-smaps=false", "-recheck=false",
        ],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip


def node_exporter(program: str, address: str) -> subprocess.Popen[bytes]:
    """prometheus-node-exporter with its default collectors."""
    return subprocess.Popen([program, f"--web.listen-address={address}"], stderr=subprocess.DEVNULL)


def free_port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(address: str) -> bool:
    """Whether metrics are served there."""
    try:
        return bool(get(address))
    except OSError:
        return False
