"""A PostgreSQL server of Debian's for the length of a test run: its own folder, socket and port, nothing installed."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_USER = "postgres"  # whom the server runs as where the tests run as root, which it refuses


def programs() -> Path | None:
    """The folder of the newest server's programs."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: int(one.parent.name))
    on_path = shutil.which("initdb")
    return folders[-1] if folders else Path(on_path).parent if on_path else None


@contextlib.contextmanager
def server() -> Iterator[str]:
    """``host:port`` of a running server that trusts its user ``gramwatt``. Skips, with the reason, without one."""
    folder = programs()
    if folder is None:
        pytest.skip("PostgreSQL's server is not installed (apt install postgresql)")
    runs_as: list[str] = []
    user = None
    if os.geteuid() == 0:
        try:
            user = pwd.getpwnam(_USER)
        except KeyError:
            pytest.skip(f"PostgreSQL refuses to run as root, and there is no user {_USER}")
        if not shutil.which("setpriv"):
            pytest.skip(
                "PostgreSQL refuses to run as root, and there is no setpriv (util-linux) to run it as another"
            )
        runs_as = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    data = Path(tempfile.mkdtemp(prefix="gramwatt-postgresql-"))
    try:
        if user is not None:
            os.chown(data, user.pw_uid, user.pw_gid)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]

        def run(*arguments: str) -> None:
            subprocess.run([*runs_as, *arguments], check=True, capture_output=True, timeout=120, cwd=data)

        run(
            str(folder / "initdb"),
            "-D",
            str(data / "d"),
            "-U",
            "gramwatt",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        )
        options = f"-h 127.0.0.1 -p {port} -k {data} -c fsync=off"
        control = str(folder / "pg_ctl")
        run(control, "-D", str(data / "d"), "-o", options, "-l", str(data / "log"), "-w", "-t", "60", "start")
        try:
            yield f"127.0.0.1:{port}"
        finally:
            run(control, "-D", str(data / "d"), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(data, ignore_errors=True)
