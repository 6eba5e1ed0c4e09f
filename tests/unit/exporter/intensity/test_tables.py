"""The tables of facts are those of the packages they are made from, and the exporter needs neither of these."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]


@pytest.mark.slow
def test_the_tables_are_those_of_their_sources() -> None:
    for name in ("codecarbon", "pycountry"):
        if not __import__("importlib.util").util.find_spec(name):
            pytest.skip(f"needs the package {name}")
    tool = ROOT / "exporter" / "tools" / "tables.py"
    done = subprocess.run([sys.executable, tool, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_exporter_is_installed_without_the_heavy_packages() -> None:
    project = tomllib.loads((ROOT / "exporter" / "pyproject.toml").read_text())["project"]
    heavy = {"codecarbon", "pycountry", "pandas", "numpy"}
    assert not [need for need in project["dependencies"] if need.partition(">")[0] in heavy]
