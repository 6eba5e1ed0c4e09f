"""Rule files and alertmanager.yml as one installation wants them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from prometheus.generator import adapt

ROOT = Path(__file__).parents[3]
PROMETHEUS = ROOT / "prometheus"
RULES = {path.name: path.read_text() for path in (PROMETHEUS / "rules").glob("*.yml")}


def alerts(text: str) -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(text)["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def test_without_a_choice_the_files_are_the_shipped_ones() -> None:
    text = RULES["gramwatt-alerts.yml"]
    assert adapt.rules(text, adapt.Choices()) == text


@pytest.mark.slow
def test_runbooks_get_an_address() -> None:
    text = adapt.rules(
        RULES["gramwatt-alerts.yml"], adapt.Choices(runbooks="https://wiki.example.org/runbooks/")
    )
    for name, rule in alerts(text).items():
        assert rule["annotations"]["runbook_url"] == f"https://wiki.example.org/runbooks/{name}.md"


@pytest.mark.slow
def test_alerts_are_left_out_and_everything_else_stays() -> None:
    text = RULES["gramwatt-alerts.yml"]
    adapted = adapt.rules(text, adapt.Choices(off=("GramwattIntensityAnnual", "GramwattEmissionsAbsent")))
    assert alerts(text).keys() - alerts(adapted).keys() == {
        "GramwattIntensityAnnual",
        "GramwattEmissionsAbsent",
    }
    assert alerts(adapted).items() <= alerts(text).items()


@pytest.mark.slow
def test_an_alert_that_is_none_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(
        adapt.UnknownAlert, match=r"no alert GramwattAnual; there are: .*GramwattIntensityAnnual"
    ):
        adapt.check_off(["GramwattAnual"], RULES.values())


def test_receivers_get_their_webhooks() -> None:
    shipped = (PROMETHEUS / "alertmanager.yml").read_text()
    choices = adapt.Choices(webhook="http://127.0.0.1:1/a", watchdog="http://127.0.0.1:1/b")
    tree = yaml.safe_load(adapt.alertmanager(shipped, choices))
    hooks = {each["name"]: each["webhook_configs"] for each in tree["receivers"]}
    assert hooks == {
        "people": [{"url": "http://127.0.0.1:1/a", "send_resolved": True}],
        "watchdog": [{"url": "http://127.0.0.1:1/b", "send_resolved": False}],
    }
    assert adapt.alertmanager(shipped, adapt.Choices()) == shipped


def test_two_hundred_machines_down_are_one_message_and_the_watchdog_goes_elsewhere() -> None:
    route = yaml.safe_load((PROMETHEUS / "alertmanager.yml").read_text())["route"]
    assert route["group_by"] == ["alertname", "budget"]
    first = route["routes"][0]
    assert (first["matchers"], first["receiver"]) == (['alertname="GramwattWatchdog"'], "watchdog")


@pytest.mark.slow
def test_the_command_writes_a_folder_that_the_tools_accept(tmp_path: Path) -> None:
    words = ["adapt", str(tmp_path), "--off", "GramwattIntensityAnnual", "--webhook", "http://127.0.0.1:1/a"]
    command = [
        sys.executable,
        "-m",
        "prometheus.generator",
        *words,
        "--runbooks",
        "https://wiki.example.org/r",
    ]
    subprocess.run(command, cwd=ROOT, check=True)
    promtool, amtool = (
        shutil.which(name) or str(ROOT / ".tools/bin" / name) for name in ("promtool", "amtool")
    )
    subprocess.run(
        [amtool, "check-config", str(tmp_path / "alertmanager.yml")], check=True, capture_output=True
    )
    files = [str(path) for path in (tmp_path / "rules").glob("*.yml")]
    assert len(files) == len(RULES)
    subprocess.run([promtool, "check", "rules", *files], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("sum(rate(a_total[5m]))", "sum((increase_prometheus(a_total[5m]) / 300))"),
        (
            'increase(a_total[5m]) / rate(b_total{c="d"}[2h])',
            'increase_prometheus(a_total[5m]) / (increase_prometheus(b_total{c="d"}[2h]) / 7200)',
        ),
        ("my_rate(a) + a_rate", "my_rate(a) + a_rate"),
        ("irate(a_total[5m])", "irate(a_total[5m])"),
    ],
)
def test_rates_keep_the_meaning_of_prometheus_in_metricsql(expression: str, expected: str) -> None:
    assert adapt.metricsql(expression) == expected


@pytest.mark.parametrize("expression", ["rate(a_total[1h:5m])", "rate(a_total[1h30m])", "rate(a_total)"])
def test_a_rate_whose_seconds_are_unknown_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="a window like"):
        adapt.metricsql(expression)
