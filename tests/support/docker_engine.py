"""A Docker engine of our own for `make test-compose`: its own socket, images and volumes, no bridge, no firewall rules.

The programs are taken from PATH, else from Debian's packages, unpacked into .tools/docker; nothing is installed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".tools" / "docker"
ENGINE_PACKAGES = ("docker.io", "containerd", "runc", "libdevmapper1.02.1")
# Debian 12 has Compose 1 only; this is the one of Debian 13. Both plugins are programs without libraries of their own.
PLUGIN_PACKAGES = ("docker-compose", "docker-buildx")
PLUGIN_SUITE = "trixie"
BUSYBOX_PACKAGE = "busybox-static"


class Engine:
    """``environ`` makes `docker` talk to it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = dict(environ)

    def docker(
        self, *words: str, cwd: Path | None = None, check: bool = True, data: bytes | None = None, **more: str
    ) -> str:
        """Standard output of `docker WORDS`. Raises AssertionError with its error text."""
        done = subprocess.run(
            ["docker", *words],
            cwd=cwd,
            env={**self.environ, **more},
            input=data,
            capture_output=True,
            check=False,
            timeout=900,
        )
        error = done.stderr.decode(errors="replace")
        assert not check or done.returncode == 0, f"docker {' '.join(words)}: {error[-3000:]}"
        return done.stdout.decode(errors="replace") if check else done.stdout.decode(errors="replace") + error


def programs() -> Path:
    """The folder that has to be first on PATH. Skips the test where the programs cannot be had."""
    if os.geteuid() != 0:
        pytest.skip("a Docker engine of its own needs root")
    found = TOOLS / "root"
    if not (found / "usr/sbin/dockerd").exists():
        if not (shutil.which("apt-get") and shutil.which("dpkg")):
            pytest.skip("needs Debian's packages of Docker")
        _fetch(found)
    return found


def _fetch(target: Path) -> None:
    downloads = TOOLS / "deb"
    shutil.rmtree(TOOLS, ignore_errors=True)
    downloads.mkdir(parents=True)
    options = ["-q", "-o", "APT::Sandbox::User=root"]
    done = [_apt([*options, "download", *ENGINE_PACKAGES, BUSYBOX_PACKAGE], downloads)]
    done += [_apt([*options, *_newer_debian(), verb, *names], downloads) for verb, names in _PLUGIN_STEPS]
    if any(step.returncode for step in done):
        shutil.rmtree(TOOLS, ignore_errors=True)
        pytest.skip("apt cannot fetch Docker: " + "; ".join(step.stderr.strip()[-200:] for step in done))
    for package in sorted(downloads.glob("*.deb")):
        subprocess.run(["dpkg", "-x", package, target], check=True)
    shutil.rmtree(downloads)


_PLUGIN_STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (("update", ()), ("download", PLUGIN_PACKAGES))


def _apt(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["apt-get", *arguments], cwd=folder, capture_output=True, text=True, check=False)


def _newer_debian() -> list[str]:
    """apt's options for one package source, Debian's newer release at the mirror that this machine uses."""
    sources = [
        line
        for path in [
            Path("/etc/apt/sources.list"),
            *Path("/etc/apt/sources.list.d").glob("*.sources"),
        ]
        if path.exists()
        for line in path.read_text().splitlines()
    ]
    mirror = next(
        (line.split()[1] for line in sources if line.startswith(("URIs:", "deb ")) and "debian" in line), ""
    )
    (TOOLS / "apt" / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (TOOLS / "apt" / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    file = TOOLS / "apt" / "newer.sources"
    file.write_text(
        f"Types: deb\nURIs: {mirror}\nSuites: {PLUGIN_SUITE}\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )
    return [
        *("-o", f"Dir::Etc::SourceList={file}", "-o", "Dir::Etc::SourceParts=/dev/null"),
        *("-o", f"Dir::State::Lists={TOOLS}/apt/lists", "-o", f"Dir::Cache={TOOLS}/apt/cache"),
    ]


@contextmanager
def running(folder: Path) -> Iterator[Engine]:
    """An engine that keeps everything in ``folder``, and ends with the block."""
    root = programs()
    config = folder / "config"
    (config / "cli-plugins").mkdir(parents=True)
    for plugin in (root / "usr/libexec/docker/cli-plugins").iterdir():
        (config / "cli-plugins" / plugin.name).symlink_to(plugin)
    path = os.pathsep.join([str(root / "usr/sbin"), str(root / "usr/bin"), os.environ["PATH"]])
    libraries = f"{root}/usr/lib/x86_64-linux-gnu:{root}/lib/x86_64-linux-gnu"
    base = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("STACK_", "GRAMWATT_", "DOCKER_"))
    }
    environ = {**base, "PATH": path, "DOCKER_HOST": f"unix://{folder}/d.sock", "DOCKER_CONFIG": str(config)}
    command = [
        "dockerd",
        *("--data-root", f"{folder}/root", "--exec-root", f"{folder}/exec", "-p", f"{folder}/d.pid"),
        *("-H", f"unix://{folder}/d.sock", "--bridge=none", "--iptables=false", "--ip6tables=false"),
        *("--ip-forward=false", "--ip-masq=false"),
    ]
    with (folder / "engine.log").open("wb") as log:
        process = subprocess.Popen(
            command, env={**environ, "LD_LIBRARY_PATH": libraries}, stdout=log, stderr=log
        )
    engine = Engine(environ)
    try:
        deadline = time.monotonic() + 60
        while "Server Version" not in engine.docker("info", check=False):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.skip(
                    "no Docker engine can be started here: " + (folder / "engine.log").read_text()[-400:]
                )
            time.sleep(0.3)
        yield engine
    finally:
        ids = engine.docker("ps", "-aq", check=False).split()
        if ids and process.poll() is None:
            engine.docker("rm", "-f", *ids, check=False)
        process.terminate()
        process.wait(60)
        subprocess.run(["umount", "-l", folder / "exec/netns/default"], capture_output=True, check=False)


def size(engine: Engine, image: str) -> int:
    """Bytes of an image, its base included."""
    return int(json.loads(engine.docker("image", "inspect", image))[0]["Size"])
