"""Every threshold, window and operator of the rules matters to some scenario.

Each mutant is the shipped file with one of them changed; a scenario must fail for it. All mutants of all files take
half an hour of CPU time: set GRAMWATT_TEST_MUTATIONS=1, or the name of one file. Without it those of the smallest file
are tried.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
PROMETHEUS = ROOT / "prometheus"
EVERYTHING = os.environ.get("GRAMWATT_TEST_MUTATIONS", "")
# File -> scenarios that load it, cheapest first.
SCENARIOS = {
    "gramwatt-stack.yml": ("stack",),
    "gramwatt-alerts.yml": ("alerts",),
    "gramwatt-budgets.yml": (
        "thresholds",
        "windows",
        "both-engines",
        "budgets",
        "budgets-memory",
        "calendar",
        "budgets-days",
    ),
}
OPPOSITE = {">=": " <", "<=": " >", "==": " !=", ">": " <=", "<": " >="}
CHANGES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    # a window or an offset
    (
        re.compile(r"(?<=\[)(\d+)(?=[mhd][\]:])|(?<=offset )(\d+)(?=m)"),
        lambda found: str(2 * int(found[0])),
    ),
    # a number that is compared with or multiplied by
    (
        re.compile(r"(?<=[=<>*] )-?\d+(?:\.\d+)?(?![\w.\]])"),
        lambda found: f"{float(found[0]) * 1.5 + 2:g}",
    ),
    # an operator
    (re.compile(r" (?:>=|<=|==|>|<)(?= )"), lambda found: OPPOSITE[found[0].strip()]),
    (re.compile(r"\bunless\b"), lambda _: "and"),
    (re.compile(r"\band\b"), lambda _: "unless"),
    (re.compile(r"^or$", re.MULTILINE), lambda _: "and"),
)


def mutants(text: str) -> Iterator[tuple[str, str]]:
    """What was changed, and the file with it."""
    groups = yaml.safe_load(text)["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        name = rule.get("record") or rule["alert"]
        expression = rule["expr"]
        for pattern, change in CHANGES:
            for found in pattern.finditer(expression):
                new = expression[: found.start()] + change(found) + expression[found.end() :]
                yield f"{name}: {found[0].strip()} at {found.start()}", _with(groups, rule, expr=new)
        if "alert" in rule and rule["for"] != "0s":
            yield f"{name}: for {rule['for']}", _with(groups, rule, **{"for": "40h"})


def _with(groups: list[dict[str, Any]], changed: dict[str, Any], **new: str) -> str:
    copy = [
        {**group, "rules": [{**rule, **new} if rule is changed else rule for rule in group["rules"]]}
        for group in groups
    ]
    return yaml.safe_dump({"groups": copy}, sort_keys=False, width=10_000)


def survives(file: str, text: str, folder: Path) -> bool:
    """Whether every scenario holds with this text in place of the file. One that is no rule file does not survive."""
    promtool = shutil.which("promtool") or str(ROOT / ".tools/bin/promtool")
    rules, tests = folder / "rules", folder / "tests"
    if not rules.exists():
        shutil.copytree(PROMETHEUS / "rules", rules)
        shutil.copytree(PROMETHEUS / "tests", tests)
    (rules / file).write_text(text)
    try:
        for name in SCENARIOS[file]:
            command = [promtool, "test", "rules", f"{name}.test.yml"]
            if subprocess.run(command, cwd=tests, capture_output=True, check=False).returncode != 0:
                return False
        return True
    finally:
        (rules / file).write_text((PROMETHEUS / "rules" / file).read_text())


def tried() -> list[str]:
    return list(SCENARIOS) if EVERYTHING == "1" else [EVERYTHING] if EVERYTHING else ["gramwatt-stack.yml"]


@pytest.mark.slow
@pytest.mark.parametrize("file", tried())
def test_a_scenario_fails_for_every_change(file: str, tmp_path: Path) -> None:
    text = (PROMETHEUS / "rules" / file).read_text()
    assert survives(file, text, tmp_path), "the scenarios must hold for the shipped file"
    survivors = [name for name, mutant in mutants(text) if survives(file, mutant, tmp_path)]
    assert survivors == []
