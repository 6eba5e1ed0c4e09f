"""Prometheus and Alertmanager: from PATH, else from Debian's packages unpacked into `.tools/`.

No root, no service that starts by itself, nothing outside the checkout.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from .settings import ROOT, StackError

TOOLS = ROOT / ".tools"
PACKAGES = ("prometheus", "prometheus-alertmanager")
# our name -> names it has on PATH, upstream's first
PROGRAMS = {
    "prometheus": ("prometheus",),
    "promtool": ("promtool",),
    "alertmanager": ("alertmanager", "prometheus-alertmanager"),
    "amtool": ("amtool",),
}
# Debian's Alertmanager opens its templates at this fixed place. Unpacked elsewhere it does not start, so the
# copy in .tools gets a relative path of the same length and is started from the folder it was unpacked into.
_FIXED = b"/usr/share/prometheus/alertmanager"
_MOVED = b"usr/share//prometheus/alertmanager"


def ensure(tools: Path = TOOLS) -> Path:
    """Make ``tools/bin`` hold the four programs and return it. Quick when they are there already.

    Raises StackError that says what to put on PATH.
    """
    bin_dir = tools / "bin"
    if all(_runs(bin_dir / name) for name in PROGRAMS):
        return bin_dir
    shutil.rmtree(bin_dir, ignore_errors=True)
    bin_dir.mkdir(parents=True)
    found = {name: _on_path(names) for name, names in PROGRAMS.items()}
    if not all(found.values()):
        unpacked = tools / "debian"
        _unpack(tools, unpacked)
        for name, names in PROGRAMS.items():
            found[name] = found[name] or next(
                (path for path in (unpacked / "usr/bin" / file for file in names) if path.exists()), None
            )
    for name, program in found.items():
        if program is None:
            raise StackError(f"{name} is neither on PATH nor in Debian's packages; put it on PATH")
        if program.is_relative_to(tools):
            _write_launcher(bin_dir / name, name, program, tools / "debian")
        else:
            (bin_dir / name).symlink_to(program)
    for name in PROGRAMS:
        if not _runs(bin_dir / name):
            raise StackError(f"{bin_dir / name} does not run on this machine; put a working {name} on PATH")
    return bin_dir


def _on_path(names: tuple[str, ...]) -> Path | None:
    for name in names:
        found = shutil.which(name)
        if found and not Path(found).resolve().is_relative_to(TOOLS):
            return Path(found).resolve()
    return None


def _runs(program: Path) -> bool:
    try:
        return (
            subprocess.run([program, "--version"], capture_output=True, timeout=30, check=False).returncode
            == 0
        )
    except OSError:
        return False


def _unpack(tools: Path, target: Path) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise StackError(
            "prometheus and alertmanager are not on PATH, and there is no apt to fetch them with.\n"
            "Put these two programs (with promtool and amtool) on PATH: prometheus, alertmanager."
        )
    downloads = tools / "deb"
    shutil.rmtree(downloads, ignore_errors=True)
    shutil.rmtree(target, ignore_errors=True)
    downloads.mkdir(parents=True)
    print("fetching Debian's prometheus and prometheus-alertmanager into", tools, flush=True)
    # System lists first; they are empty in fresh containers, then lists of our own are fetched.
    attempt = _apt(["download", *PACKAGES], downloads)
    if attempt.returncode != 0:
        private = _private_lists(tools)
        update = _apt([*private, "update"], downloads)
        attempt = _apt([*private, "download", *PACKAGES], downloads)
        if attempt.returncode != 0:
            detail = (update.stderr + attempt.stderr).strip().splitlines()[-6:]
            raise StackError(
                "apt could not fetch prometheus and prometheus-alertmanager:\n  "
                + "\n  ".join(detail)
                + "\nPut these two programs on PATH instead: prometheus, alertmanager."
            )
    for package in sorted(downloads.glob("*.deb")):
        subprocess.run(["dpkg", "-x", package, target], check=True)
    shutil.rmtree(downloads)
    _move_templates(target)


def _apt(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    # Root's apt would download as user _apt, which may not write here.
    return subprocess.run(
        ["apt-get", "-q", "-o", "APT::Sandbox::User=root", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )


def _private_lists(tools: Path) -> list[str]:
    lists, cache = tools / "apt" / "lists", tools / "apt" / "cache"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    (cache / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    return ["-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={cache}"]


def _move_templates(unpacked: Path) -> None:
    program = unpacked / "usr/bin/prometheus-alertmanager"
    if program.exists():
        program.write_bytes(program.read_bytes().replace(_FIXED, _MOVED))


def _write_launcher(launcher: Path, name: str, program: Path, unpacked: Path) -> None:
    arguments = ""
    if name == "prometheus":
        arguments = f" --web.local-assets='{unpacked}/usr/share/prometheus/web'"
    elif name == "alertmanager":
        arguments = f" --web.ui-path='{unpacked}/usr/share/prometheus/alertmanager/no-ui'"
    change = f"cd '{unpacked}' && " if name == "alertmanager" else ""
    launcher.write_text(f"#!/bin/sh\n{change}exec '{program}'{arguments} \"$@\"\n")
    launcher.chmod(0o755)
