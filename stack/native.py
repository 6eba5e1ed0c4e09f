"""The stack without Docker: honcho runs the Procfile in the background, in a session of its own.

The processes carry ``STACK_MARK`` in their environment. That, not a stored pid, is how `down` finds what is
left of this checkout's stack, even after honcho itself was killed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from . import ports, tools
from .prometheus_config import render
from .settings import PORTS, ROOT, Settings, StackError, grafana_password

STOP_SECONDS = 20.0
_LOG_BYTES = 20 * 1024 * 1024


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """One `up` or `down` at a time."""
    run = settings.var / "run"
    run.mkdir(parents=True, exist_ok=True)
    with (run / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def processes(settings: Settings) -> list[psutil.Process]:
    """Everything that belongs to this checkout's stack and still runs, oldest first."""
    mark = str(settings.var)
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get("STACK_MARK") == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return sorted(found, key=lambda process: (process.create_time(), process.pid))


def running(settings: Settings) -> bool:
    """Whether honcho runs, which ends all services as soon as one ends."""
    return _manager(settings) is not None


def start(settings: Settings) -> str:
    """Start, or restart after a change of settings, and return what was done: started, restarted, unchanged.

    Raises StackError when a port is taken or Prometheus cannot be had.
    """
    bin_dir = tools.ensure()
    environ = _environ(settings, bin_dir)
    digest = _digest(environ)
    done = "started"
    if running(settings):
        if _state(settings).get("digest") == digest:
            return "unchanged"
        done = "restarted"
    stop(settings)
    names = services(settings)
    ports.check(settings, names)
    ports.check_socket(str(settings.socket))
    for folder in ("log", "run", "exporter", "prometheus", "alertmanager", "labeler"):
        (settings.var / folder).mkdir(parents=True, exist_ok=True)
    render(settings)
    log = settings.var / "log" / "stack.log"
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as out:
        manager = subprocess.Popen(
            # /dev/null: the settings are merged already, honcho shall not read .env over them
            [sys.executable, "-m", "honcho", "-e", "/dev/null", "start", "--no-colour", *names],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    state = {"pid": manager.pid, "created": psutil.Process(manager.pid).create_time(), "digest": digest}
    _state_file(settings).write_text(json.dumps(state))
    return done


def stop(settings: Settings) -> int:
    """End the whole stack and return how many processes ended. Nothing to do is fine."""
    manager = _manager(settings)
    alive = processes(settings)
    count = len(alive)
    if manager is not None:
        _signal([manager], kill=False)
        psutil.wait_procs(alive, timeout=STOP_SECONDS)
    alive = processes(settings)
    _signal(alive, kill=False)
    psutil.wait_procs(alive, timeout=5)
    alive = processes(settings)
    _signal(alive, kill=True)
    psutil.wait_procs(alive, timeout=5)
    _state_file(settings).unlink(missing_ok=True)
    left = processes(settings)
    if left:
        raise StackError("these processes do not end: " + ", ".join(f"{p.pid} ({p.name()})" for p in left))
    return count


def log_tail(settings: Settings, lines: int = 40) -> str:
    """The last lines of the services' common log."""
    try:
        with (settings.var / "log" / "stack.log").open("rb") as handle:
            handle.seek(max(0, handle.seek(0, os.SEEK_END) - 400 * lines))
            return "\n".join(handle.read().decode(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


def services(settings: Settings) -> list[str]:
    """What the native stack runs here: Grafana only where it is installed."""
    names = ["exporter", "prometheus", "alertmanager", "labeler"]
    if shutil.which("grafana", path=settings.environ.get("PATH")):
        names.append("grafana")
    return names


def _environ(settings: Settings, bin_dir: Path) -> dict[str, str]:
    environ = dict(settings.environ)
    environ.update({name: str(settings.ports[service]) for service, (name, _) in PORTS.items()})
    environ.update(
        STACK_MARK=str(settings.var),
        STACK_VAR=str(settings.var),
        STACK_BIND=settings.listen_host,
        STACK_ROOT=str(ROOT),
        STACK_CONFIG=environ.get("STACK_CONFIG", str(ROOT / "stack" / "exporter.yml")),
        GRAFANA_ADMIN_PASSWORD=grafana_password(settings),
        GRAMWATT_SOCKET_PATH=str(settings.socket),
        GRAMWATT_PROMETHEUS_URL=settings.url("prometheus"),
        GRAMWATT_LABELER_WEB_LISTEN_ADDRESS=f"{settings.listen_host}:{settings.ports['labeler']}",
        GRAMWATT_LABELER_DATA_DIR=str(settings.var / "labeler"),
        GRAMWATT_LABELER_WEB_DASHBOARDS_DIR=str(ROOT / "grafana" / "dashboards"),
        PATH=os.pathsep.join(
            [str(bin_dir), str(Path(sys.executable).parent), environ.get("PATH", os.defpath)]
        ),
        PYTHONUNBUFFERED="1",
    )
    return environ


def _digest(environ: dict[str, str]) -> str:
    """Changes when a setting, a configuration file, the Procfile or a program does; then `up` restarts."""
    parts = [
        f"{name}={environ[name]}" for name in sorted(environ) if name.startswith(("STACK_", "GRAMWATT_"))
    ]
    files = [ROOT / "Procfile", Path(environ["STACK_CONFIG"]), *sorted((ROOT / "prometheus").rglob("*.yml"))]
    parts += [f"{path}:{path.read_text()}" for path in files if path.exists()]
    parts += programs(ROOT)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def programs(root: Path) -> list[str]:
    """A line for each file that the services run from: after `git pull` the running ones are the old ones."""
    folders = ("exporter/gramwatt_exporter", "labeler/gramwatt_labeler")
    return [
        f"{path.relative_to(root)}:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        for folder in folders
        for path in sorted((root / folder).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]


def _state_file(settings: Settings) -> Path:
    return settings.var / "run" / "stack.json"


def _state(settings: Settings) -> dict[str, object]:
    try:
        state = json.loads(_state_file(settings).read_text())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _manager(settings: Settings) -> psutil.Process | None:
    """Honcho, if the pid on file is still the process that was started (pids are used again)."""
    state = _state(settings)
    pid, created = state.get("pid"), state.get("created")
    if not isinstance(pid, int) or not isinstance(created, float):
        return None
    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - created) < 1 and process.status() != psutil.STATUS_ZOMBIE:
            return process
    except psutil.Error:
        pass
    return None


def _signal(targets: list[psutil.Process], *, kill: bool) -> None:
    for process in targets:
        with suppress(psutil.Error):
            process.kill() if kill else process.terminate()
