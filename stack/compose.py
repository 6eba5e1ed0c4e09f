"""The stack by Docker Compose v2, where an engine answers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from . import compose_files, ports
from .prometheus_config import folder, render
from .settings import PORTS, ROOT, Settings, StackError

SERVICES = ["exporter", "prometheus", "alertmanager", "labeler", "grafana"]


def wanted(settings: Settings) -> bool:
    """Whether `up` goes by Docker. Raises StackError when Docker is demanded and does not answer."""
    if settings.mode == "native":
        return False
    reachable = _reachable(settings)
    if settings.mode == "docker" and not reachable:
        raise StackError(
            "STACK_MODE=docker, but no Docker engine with Compose v2 answers; see `docker compose version`"
        )
    return reachable


def start(settings: Settings) -> None:
    """Build and start everything, and wait until all health checks pass."""
    if not running(settings):
        ports.check(settings, SERVICES)  # they use the host's network
    compose_files.write(settings)
    render(settings)  # the containers see the change
    _print_and_run(settings, ["up", "-d", "--build", "--wait"])


def stop(settings: Settings) -> None:
    """Remove the containers; the volumes with the data stay."""
    _print_and_run(settings, ["down"])


def running(settings: Settings) -> bool:
    """Whether containers of this project run."""
    if settings.mode == "native" or not _reachable(settings):
        return False
    return bool(_run(settings, [*_files(settings), "ps", "-q"]).stdout.strip())


def reload_exporter(settings: Settings) -> None:
    """The exporter reads its configuration again."""
    _run(settings, ["kill", "--signal", "HUP", "exporter"])


def socket(settings: Settings) -> Path | None:
    """Where the containers' exporter is reached from this machine; None when they do not run."""
    return Path("/run/gramwatt/gramwatt.sock") if running(settings) else None


def logs(settings: Settings, lines: int = 40) -> str:
    """The last lines of every container."""
    return _run(settings, [*_files(settings), "logs", "--no-color", "--tail", str(lines)]).stdout


def _reachable(settings: Settings) -> bool:
    if not shutil.which("docker", path=settings.environ.get("PATH")):
        return False
    return (
        _run(settings, ["version", "--short"]).stdout.strip().lstrip("v").startswith(("2", "3", "4", "5"))
        and _docker(settings, ["info", "--format", "{{.ServerVersion}}"]).returncode == 0
    )


def _files(settings: Settings) -> list[str]:
    """compose.gpu.yml only where the engine has NVIDIA's runtime; elsewhere its reservation is an error."""
    files = ["-f", "docker-compose.yml"]
    info = subprocess.run(
        ["docker", "info", "--format", "{{json .Runtimes}}"],
        env=_environ(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    if '"nvidia"' in info.stdout:
        files += ["-f", "compose.gpu.yml"]
    return files


def _environ(settings: Settings) -> dict[str, str]:
    return {
        **settings.environ,
        **{name: str(settings.ports[service]) for service, (name, _) in PORTS.items()},
        **compose_files.variables(settings),
        "STACK_BIND": settings.listen_host,
        "STACK_PROMETHEUS_CONFIG": str(folder(settings)),
        "STACK_LOCAL_ADDRESS": settings.local_address,
    }


def _docker(settings: Settings, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments], cwd=ROOT, env=_environ(settings), capture_output=True, text=True, check=False
    )


def _run(settings: Settings, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return _docker(settings, ["compose", "--ansi", "never", *arguments])


def _print_and_run(settings: Settings, arguments: list[str]) -> None:
    command = ["docker", "compose", "--ansi", "never", *_files(settings), *arguments]
    print("$", " ".join(command), flush=True)
    if subprocess.run(command, cwd=ROOT, env=_environ(settings), check=False).returncode != 0:
        raise StackError("docker compose failed; its reason stands above")
