"""The folder in memory that `make test` and `make unit` write into."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def bash(words: str, **environ: str) -> str:
    """What the words print after the functions were read."""
    without = {name: value for name, value in os.environ.items() if name != "TMPDIR"}
    line = ["bash", "-euc", f". stack/memory_disk.sh; {words}"]
    done = subprocess.run(
        line, cwd=ROOT, env=without | environ, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_a_folder_that_the_user_chose_is_kept(tmp_path: Path) -> None:
    assert bash("memory_disk; echo $TMPDIR; memory_disk_gone 0", TMPDIR=str(tmp_path)) == f"{tmp_path}\n"
    assert tmp_path.exists()


@pytest.mark.parametrize("status", [0, 1])
def test_it_goes_with_tests_that_passed_and_stays_for_those_that_failed(status: int) -> None:
    said = bash(f"memory_disk; echo ${{TMPDIR:-}}; memory_disk_gone {status}")
    if said == "\n":
        pytest.skip("/dev/shm has no 4 GB to spare here, or no program may run in it")
    folder = Path(said.splitlines()[0])
    assert re.fullmatch(r"/dev/shm/gw\.\w{3}", str(folder))
    assert folder.exists() == bool(status)
    assert (f"in {folder}: remove it" in said) == bool(status)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("script", ["test.sh", "unit.sh"])
def test_the_scripts_use_it_and_end_with_it(script: str) -> None:
    text = (ROOT / "stack" / script).read_text()
    assert "\nmemory_disk\n" in text
    assert "memory_disk_gone $?' EXIT" in text
