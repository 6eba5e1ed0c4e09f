"""axe-core, the accessibility checker, fetched for the tests alone: it is no part of this repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

VERSION = "4.10.3"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def source(cache: Path) -> str:
    """The script. GRAMWATT_AXE names a file of it; else npm fetches it once. Skips the test where neither works."""
    named = os.environ.get("GRAMWATT_AXE")
    if named:
        return Path(named).read_text()
    kept = cache / f"axe-core-{VERSION}.js"
    if not kept.is_file():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("axe-core needs npm, which is not on PATH; or name its file in GRAMWATT_AXE")
        command = [npm, "pack", "--silent", f"axe-core@{VERSION}"]
        try:
            done = subprocess.run(command, cwd=cache, capture_output=True, text=True, timeout=90, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip("npm did not fetch axe-core within 90 s; or name its file in GRAMWATT_AXE")
        if done.returncode:
            pytest.skip(f"npm cannot fetch axe-core: {done.stderr.strip().splitlines()[-1:]}")
        with tarfile.open(cache / done.stdout.strip().splitlines()[-1]) as packed:
            member = packed.extractfile("package/axe.min.js")
            assert member is not None
            kept.write_bytes(member.read())
    return kept.read_text()


def violations(page: Page, script: str) -> list[str]:
    """What is wrong for somebody who cannot see, or cannot use a mouse: rule, and the elements it is about."""
    page.evaluate(script)
    found: dict[str, Any] = page.evaluate(
        "(tags) => axe.run(document, { runOnly: tags, resultTypes: ['violations'] })", RULES
    )
    return [
        f"{one['id']}: {[node['html'][:160] + ' ' + (node['failureSummary'] or '')[:300] for node in one['nodes'][:4]]}"
        for one in found["violations"]
    ]
