"""The rule files: promtool's own checks and scenarios, and the table they are made from."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PROMETHEUS = ROOT / "prometheus"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def program(name: str) -> str:
    found = shutil.which(name) or next((str(p) for p in (ROOT / ".tools").rglob(f"bin/{name}")), None)
    assert found, f"{name} is neither on PATH nor in .tools: run `make setup`"
    return found


def groups() -> list[dict[str, Any]]:
    files = sorted((PROMETHEUS / "rules").glob("*.yml"))
    return [group for path in files for group in yaml.safe_load(path.read_text())["groups"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for group in groups() for rule in group["rules"] if "alert" in rule]


def test_prometheus_accepts_configuration_and_rules() -> None:
    result = run(program("promtool"), "check", "config", "prometheus/prometheus.yml")
    assert result.returncode == 0, result.stdout + result.stderr


def test_alertmanager_accepts_its_configuration() -> None:
    examples = sorted(str(path) for path in (PROMETHEUS / "examples").glob("alertmanager-*.yml"))
    assert len(examples) == 3
    result = run(program("amtool"), "check-config", "prometheus/alertmanager.yml", *examples)
    assert result.returncode == 0, result.stdout + result.stderr


# Scenarios of days that take the longest, and the one of the same file that shows the same alert more quickly.
LONG = {
    "budgets-days": {
        "on budget": "daily budget",
        "the forecast's date": "slow burn and forecast of a calendar period",
    },
    "budgets-memory": {"a clock far behind": "a clock behind at midnight"},
}


def scenarios() -> Iterator[Any]:
    """Files of scenarios; of files with long ones, each scenario."""
    for path in sorted((PROMETHEUS / "tests").glob("*.test.yml")):
        name = path.name.removesuffix(".test.yml")
        if name not in LONG:
            yield pytest.param(path, "", id=name)
            continue
        for scenario in re.findall(r"^  - name: (.+)$", path.read_text(), re.MULTILINE):
            marks = [pytest.mark.thorough] if scenario in LONG[name] else []
            yield pytest.param(path, scenario, id=f"{name}: {scenario}", marks=marks)


@pytest.mark.parametrize(("path", "scenario"), list(scenarios()))
def test_scenarios(path: Path, scenario: str, tmp_path: Path) -> None:
    """``scenario`` is the name of the one that is tried, "" where all of the file are."""
    if scenario:
        tree = yaml.safe_load(path.read_text())
        tree["rule_files"] = [str(path.parent / file) for file in tree["rule_files"]]
        tree["tests"] = [one for one in tree["tests"] if one["name"] == scenario]
        assert len(tree["tests"]) == 1
        path = tmp_path / "one.test.yml"
        path.write_text(yaml.safe_dump(tree, sort_keys=False, width=10_000))
    result = run(program("promtool"), "test", "rules", str(path))
    assert result.returncode == 0, result.stdout + result.stderr


def test_each_long_scenario_has_a_quick_one_beside_it() -> None:
    for name, long in LONG.items():
        there = {case.id for case in scenarios() if not case.marks}
        assert {f"{name}: {quick}" for quick in long.values()} <= there


@pytest.mark.slow
def test_the_committed_rules_are_those_of_the_table() -> None:
    result = run(sys.executable, "-m", "prometheus.generator", "--check")
    assert result.returncode == 0, result.stderr


@pytest.mark.slow
def test_a_changed_rule_file_is_found(tmp_path: Path) -> None:
    shutil.copytree(PROMETHEUS, tmp_path / "prometheus")
    target = tmp_path / "prometheus" / "rules" / "gramwatt-budgets.yml"
    target.write_text(target.read_text().replace("> 6", "> 7", 1))
    command = [sys.executable, "-m", "prometheus.generator", "--check"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "out of date" in result.stderr


@pytest.mark.slow
def test_scenarios_evaluate_every_group_they_load_in_order() -> None:
    """Without group_eval_order promtool's answers depend on chance."""
    by_file = {
        path.name: [group["name"] for group in yaml.safe_load(path.read_text())["groups"]]
        for path in [*(PROMETHEUS / "rules").glob("*.yml"), *(PROMETHEUS / "peers").glob("*.yml")]
    }
    folder = {
        path.name: path.parent.name
        for kind in ("rules", "peers")
        for path in (PROMETHEUS / kind).glob("*.yml")
    }
    for path in (PROMETHEUS / "tests").glob("*.test.yml"):
        test = yaml.safe_load(path.read_text())
        patterns = [Path(name) for name in test["rule_files"]]
        loaded = {
            name
            for file, names in by_file.items()
            if any(Path(file).match(p.name) and folder[file] == p.parent.name for p in patterns)
            for name in names
        }
        assert set(test["group_eval_order"]) == loaded, path.name


@pytest.mark.slow
def test_every_alert_is_fired_by_a_scenario() -> None:
    fired = set()
    for path in (PROMETHEUS / "tests").glob("*.test.yml"):
        for scenario in yaml.safe_load(path.read_text())["tests"]:
            fired |= {one["alertname"] for one in scenario.get("alert_rule_test", []) if one["exp_alerts"]}
            wanted = [one for one in scenario.get("promql_expr_test", []) if "ALERTS" in one["expr"]]
            text = str([(one["expr"], one["exp_samples"]) for one in wanted if one["exp_samples"]])
            fired |= set(re.findall(r'alertname="(Gramwatt\w+)"', text))
    assert fired == {rule["alert"] for rule in alerts()}


def test_every_recording_rule_is_named_level_metric_operation() -> None:
    for group in groups():
        for rule in group["rules"]:
            if "record" in rule:
                level, metric, operation = rule["record"].split(":")
                assert level
                assert operation
                assert metric.startswith("gramwatt_")


def test_alerts_say_what_and_where_and_how_bad() -> None:
    for rule in alerts():
        assert rule["labels"]["severity"] in ("critical", "warning", "info", "none"), rule["alert"]
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}, rule["alert"]
        assert rule["for"], rule["alert"]


def test_a_well_chosen_budget_can_reach_every_burn_threshold() -> None:
    """Power has an upper end: a 1 kW machine at 600 g/kWh, on 50 kg for 30 days, burns at most 8.64."""
    highest = 1.0 * 600 / (50_000 / (30 * 24))
    thresholds = {
        float(line.split(">")[1])
        for rule in alerts()
        if rule["alert"] == "GramwattBudgetBurn"
        for line in rule["expr"].splitlines()
        if " > " in line
    }
    assert len(thresholds) == 4
    assert max(thresholds) < highest
    assert min(thresholds) > 1
