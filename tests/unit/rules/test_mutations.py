"""Every threshold, window and operator of the rules matters to some scenario.

Each mutant is the shipped file with one of them changed; a scenario must fail for it. All mutants of all files take
an hour of CPU time: set GRAMWATT_TEST_MUTATIONS=1, or the name of one file. Without it those of the smallest files are
tried. GRAMWATT_TEST_MUTATIONS_LOG names a file that gets a line for each mutant and the scenario that fails for it; a
later run with the same file and the same rules goes on where it ended.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
PROMETHEUS = ROOT / "prometheus"
EVERYTHING = os.environ.get("GRAMWATT_TEST_MUTATIONS", "")
LOG = os.environ.get("GRAMWATT_TEST_MUTATIONS_LOG", "")
# File -> scenarios that load it, cheapest first.
SCENARIOS = {
    "gramwatt-stack.yml": ("stack",),
    "gramwatt-recording.yml": ("recording",),
    "gramwatt-dashboards.yml": ("dashboards",),
    "gramwatt-alerts.yml": ("alerts",),
    "gramwatt-budgets.yml": (
        "pause",
        "thresholds",
        "windows",
        "budgets",
        "budgets-memory",
        "calendar",
        "outage",
        "both-engines",
        "budgets-days",
        "recorded-hours",
        "recorded-midnight",
        "recorded-days",
    ),
}
QUICK = ("gramwatt-stack.yml", "gramwatt-dashboards.yml")
# How long recorded series remember. They need each other's memory, so one that remembers longer changes nothing: this
# window is changed in all of them at once.
MEMORY = "[2d]"
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
    (re.compile(r"(?<=^)( *)or$", re.MULTILINE), lambda found: f"{found[1]}and"),
)


def mutants(text: str) -> Iterator[tuple[str, str]]:
    """What was changed, and the file with it."""
    groups = yaml.safe_load(text)["groups"]
    for number, rule in enumerate(rule for group in groups for rule in group["rules"]):
        name = f"{rule.get('record') or rule['alert']}: rule {number}"
        expression = rule["expr"]
        for pattern, change in CHANGES:
            for found in pattern.finditer(expression):
                around = expression[found.start() - 1 : found.end() + 2]
                if "record" in rule and around == MEMORY:
                    continue
                new = expression[: found.start()] + change(found) + expression[found.end() :]
                yield f"{name}, {found[0].strip()} at {found.start()}", _with(groups, rule, expr=new)
        if "alert" in rule and rule["for"] != "0s":
            yield f"{name}, for {rule['for']}", _with(groups, rule, **{"for": "40h"})
    if MEMORY in text:
        yield f"memory: {MEMORY}", text.replace(MEMORY, "[4d]")


def _with(groups: list[dict[str, Any]], changed: dict[str, Any], **new: str) -> str:
    copy = [
        {**group, "rules": [{**rule, **new} if rule is changed else rule for rule in group["rules"]]}
        for group in groups
    ]
    return yaml.safe_dump({"groups": copy}, sort_keys=False, width=10_000)


@dataclass
class Scenarios:
    """The scenarios of one rule file, each in a file of its own. Those that failed for the same rule before come first,
    then those that name it, the quickest of them first."""

    file: str
    folder: Path
    texts: dict[str, str] = field(default_factory=dict)
    failed: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))  # CPU time of the last run

    def __post_init__(self) -> None:
        shutil.copytree(PROMETHEUS / "rules", self.folder / "rules")
        (self.folder / "tests").mkdir()
        for name in SCENARIOS[self.file]:
            tree = yaml.safe_load((PROMETHEUS / "tests" / f"{name}.test.yml").read_text())
            for number, test in enumerate(tree["tests"]):
                text = yaml.safe_dump({**tree, "tests": [test]}, sort_keys=False, width=10_000)
                self.texts[f"{name}.{number}.yml"] = text
                (self.folder / "tests" / f"{name}.{number}.yml").write_text(text)

    def failing(self, text: str, rule: str = "") -> str:
        """The first scenario that fails with this text in place of the file, "" when none does."""
        promtool = shutil.which("promtool") or str(ROOT / ".tools/bin/promtool")
        (self.folder / "rules" / self.file).write_text(text)
        known = self.failed[rule]
        order = sorted(
            self.texts, key=lambda name: (-known[name], rule not in self.texts[name], self.seconds[name])
        )
        for name in order:
            command = [promtool, "test", "rules", name]
            before = _cpu_seconds_of_children()
            done = subprocess.run(command, cwd=self.folder / "tests", capture_output=True, check=False)
            self.seconds[name] = _cpu_seconds_of_children() - before
            if done.returncode != 0:
                self.failed[rule][name] += 1
                return name
        return ""


def _cpu_seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def tried() -> list[str]:
    return list(SCENARIOS) if EVERYTHING == "1" else [EVERYTHING] if EVERYTHING else list(QUICK)


def _before(file: str, text: str) -> set[str]:
    """Mutants of exactly this text that a scenario failed for in an earlier run."""
    if not (LOG and Path(LOG).exists()):
        return set()
    mark = f"{file}\t{zlib.crc32(text.encode()):08x}\t"
    lines = [line.removeprefix(mark) for line in Path(LOG).read_text().splitlines() if line.startswith(mark)]
    return {line.split("\t")[0] for line in lines if line.split("\t")[1]}


def _note(file: str, text: str, name: str, failing: str) -> None:
    if LOG:
        with Path(LOG).open("a") as log:
            log.write(f"{file}\t{zlib.crc32(text.encode()):08x}\t{name}\t{failing}\n")


@pytest.mark.slow
@pytest.mark.parametrize("file", tried())
def test_a_scenario_fails_for_every_change(file: str, tmp_path: Path) -> None:
    text = (PROMETHEUS / "rules" / file).read_text()
    scenarios = Scenarios(file, tmp_path)
    assert scenarios.failing(text) == "", "the scenarios must hold for the shipped file"
    before = _before(file, text)
    survivors = []
    for name, mutant in mutants(text):
        if name in before:
            continue
        failing = scenarios.failing(mutant, name.partition(": ")[0])
        _note(file, text, name, failing)
        if not failing:
            survivors.append(name)
    assert survivors == []
