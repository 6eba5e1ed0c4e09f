"""`make budget`: the exporter's budgets command, for the exporter of this stack and its configuration file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from . import compose
from .settings import ROOT, Settings


def run(settings: Settings, arguments: list[str]) -> int:
    """Returns the command's exit status. A container reads the same file, mounted, and gets its signal by Docker."""
    environ = {
        **settings.environ,
        "GRAMWATT_CONFIG_FILE": str(config_file(settings)),
        "GRAMWATT_WEB_LISTEN_ADDRESS": settings.url("exporter").removeprefix("http://"),
        "GRAMWATT_SOCKET_PATH": str(settings.socket),
        "GRAMWATT_PROMETHEUS_URL": settings.url("prometheus"),
    }
    command = [sys.executable, "-m", "gramwatt_exporter", "budgets", *(arguments or ["list"])]
    status = subprocess.run(command, env=environ, cwd=ROOT, check=False).returncode
    if status == 0 and arguments[:1] in (["add"], ["remove"]) and compose.running(settings):
        compose.reload_exporter(settings)
    return status


def config_file(settings: Settings) -> Path:
    """The exporter's configuration file on this machine."""
    return (ROOT / settings.environ.get("STACK_CONFIG", "stack/exporter.yml")).resolve()
