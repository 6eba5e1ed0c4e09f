"""VictoriaMetrics from PATH, else Debian's package unpacked into .tools; a test without either is skipped."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / ".tools" / "victoria-metrics"
PACKAGE = "victoria-metrics"


def program(name: str = PACKAGE) -> str:
    """The path of one of its programs."""
    found = shutil.which(name)
    if found:
        return found
    unpacked = TOOLS / "usr" / "bin" / name
    if not unpacked.exists():
        _fetch()
    return str(unpacked)


def _fetch() -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        pytest.skip(f"needs {PACKAGE} on PATH, or apt")
    downloads = TOOLS / "deb"
    downloads.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", PACKAGE],
        cwd=downloads,
        capture_output=True,
        text=True,
        check=False,
    )
    packages = list(downloads.glob("*.deb"))
    if done.returncode != 0 or not packages:
        pytest.skip(f"apt cannot fetch {PACKAGE}: {done.stderr.strip()[-200:]}")
    subprocess.run(["dpkg", "-x", packages[0], TOOLS], check=True)
    shutil.rmtree(downloads)
