"""The three packages: one version, one licence, and what a wheel must carry."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import gramwatt_exporter
import pytest
import yaml

ROOT = Path(__file__).parents[3]
DISTRIBUTIONS = ("client", "exporter", "labeler")


def project(name: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / name / "pyproject.toml").read_text())["project"]
    return found


def test_one_version_everywhere() -> None:
    versions = {name: project(name)["version"] for name in DISTRIBUTIONS}
    versions["gramwatt_exporter.__version__"] = gramwatt_exporter.__version__
    assert len(set(versions.values())) == 1, versions


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_each_carries_the_licence(name: str) -> None:
    assert project(name)["license"] == "Apache-2.0"
    assert project(name)["license-files"] == ["LICENSE"]
    assert (ROOT / name / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_classifiers_name_the_pythons_that_are_tested(name: str) -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())
    tested = set(workflow["jobs"]["unit"]["strategy"]["matrix"]["python"])
    prefix = "Programming Language :: Python :: "
    said = {text.removeprefix(prefix) for text in project(name)["classifiers"] if text.startswith(prefix)}
    assert tested <= said
    oldest = str(project(name)["requires-python"]).removeprefix(">=")
    assert min(said, key=lambda text: int(text.split(".")[1])) == oldest


def test_every_workflow_runs_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    called = set()
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            called |= {
                step["run"].split()[1] for step in job["steps"] if step.get("run", "").startswith("make ")
            }
    assert called
    assert not {target for target in called if f"\n{target}: " not in makefile}
