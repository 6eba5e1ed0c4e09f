"""The catalogue, the rules, the dashboards and the docs agree about every metric, label and alert.

Labels are inferred the way PromQL makes them: a legend, a table column or an annotation that names a label the
expression does not have would be silently empty.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import promql_parser as promql
import pytest
import yaml
from gramwatt_exporter.metrics.catalogue import BY_NAME
from gramwatt_labeler.metrics import METRICS as LABELER_METRICS

ROOT = Path(__file__).parents[2]
TARGET = {"job", "instance"}  # added by Prometheus
LABELER = {metric.name: set(metric.labels) for metric in LABELER_METRICS}
KINDS = {metric.name: metric.kind for metric in BY_NAME.values()} | {
    metric.name: metric.kind for metric in LABELER_METRICS
}

# What Prometheus itself makes. The labels of ALERTS are those of any of our alerts.
OWN = {
    "up": set(),
    "ALERTS": {"alertname", "alertstate", "severity", "budget", "sensor"},
    "prometheus_config_last_reload_successful": set(),
    "prometheus_notifications_alertmanagers_discovered": set(),
    "prometheus_notifications_dropped_total": set(),
    "prometheus_rule_evaluation_failures_total": {"rule_group"},
    "prometheus_rule_group_iterations_missed_total": {"rule_group"},
    "alertmanager_config_last_reload_successful": set(),
    "alertmanager_notifications_failed_total": {"integration"},
    "scrape_samples_scraped": set(),
    "prometheus_rule_group_last_evaluation_timestamp_seconds": {"rule_group"},
}

# What Grafana fills in before Prometheus sees an expression.
VARIABLES = {
    "$__rate_interval": "20s",
    "$__range_s": "3600",
    "$__range": "3600s",
    "$__interval": "15s",
    "$job": ".+",
    "$instance": ".+",
    "${shift}": "1",
}

BOARDS = {
    path.stem: json.loads(path.read_text()) for path in (ROOT / "grafana" / "dashboards").glob("*.json")
}


def rules() -> list[dict[str, Any]]:
    files = sorted((ROOT / "prometheus" / "rules").glob("*.yml"))
    return [
        rule for f in files for group in yaml.safe_load(f.read_text())["groups"] for rule in group["rules"]
    ]


def filled(expr: str) -> str:
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    return re.sub(r'="\$\w+"', '="x"', re.sub(r'=~"\$\w+"', '=~".+"', expr))


def known() -> dict[str, set[str]]:
    """Every metric an expression may use, with its labels. Recorded ones by what their rule gives."""
    metrics = {name: set(metric.labels) | TARGET for name, metric in BY_NAME.items()}
    metrics |= {name: labels | TARGET for name, labels in (LABELER | OWN).items()}
    for rule in rules():
        if rule.get("record", "").startswith(("budget:", "budget_period:", "machine_budget:")):
            # They read their own past and each other's, so their labels are those their name says.
            metrics[rule["record"]] = set(rule["record"].split(":")[0].split("_"))
    for rule in rules():
        if "record" in rule:
            metrics[rule["record"]] = labels_of(promql.parse(rule["expr"]), metrics)
    return metrics


def labels_of(expr: Any, metrics: dict[str, set[str]]) -> set[str]:
    """The labels of an expression's result. Fails when it names a metric or label that does not exist."""
    match expr:
        case promql.VectorSelector():
            assert expr.name in metrics, f"no metric {expr.name}"
            for matcher in expr.matchers.matchers:
                assert matcher.name in metrics[expr.name], f"{expr.name} has no label {matcher.name}"
            return set(metrics[expr.name])
        case promql.MatrixSelector():
            return labels_of(expr.vector_selector, metrics)
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            return labels_of(expr.expr, metrics)
        case promql.NumberLiteral() | promql.StringLiteral():
            return set()
        case promql.Call() if expr.func.name == "absent":
            labels_of(expr.args[0], metrics)
            return {matcher.name for matcher in expr.args[0].matchers.matchers}
        case promql.Call() if expr.func.name in ("label_replace", "label_join"):
            return labels_of(expr.args[0], metrics) | {expr.args[1].val}
        case promql.Call() if expr.func.name == "scalar":
            labels_of(expr.args[0], metrics)
            return set()
        case promql.Call():
            return set().union(*(labels_of(argument, metrics) for argument in expr.args))
        case promql.AggregateExpr():
            inner = labels_of(expr.expr, metrics)
            if str(expr.op) in ("topk", "bottomk"):
                return inner
            made = {cast(Any, expr.param).val} if str(expr.op) == "count_values" else set()
            if expr.modifier is None:
                return made
            named = set(expr.modifier.labels)
            if expr.modifier.type == promql.AggModifierType.Without:
                return inner - named
            assert named <= inner, f"{named - inner} is no label of {expr.expr.prettify()}"
            return named | made
        case promql.BinaryExpr():
            return _binary(expr, metrics)
    raise AssertionError(f"a kind of expression this test does not know: {type(expr).__name__}")


def _binary(expr: Any, metrics: dict[str, set[str]]) -> set[str]:
    left, right = labels_of(expr.lhs, metrics), labels_of(expr.rhs, metrics)
    modifier = expr.modifier
    scalars = (promql.NumberLiteral, promql.Call)
    matching = modifier.matching if modifier else None
    if modifier and modifier.card == promql.VectorMatchCardinality.OneToMany:
        left, right = right, left  # group_right: the right side is the one with more
    if matching is not None and matching.type == promql.LabelModifierType.Include:
        shared = set(matching.labels)
        assert shared <= left & right, f"{shared - (left & right)} is not on both sides of {expr.prettify()}"
    elif matching is None and str(expr.op) in ("and", "unless", "/", "*", "-", "+") and left and right:
        # Without on() both sides must have the same labels, or nothing would ever match.
        assert left == right, f"{left ^ right} is on one side only of {expr.prettify()}"
    if str(expr.op) == "or":
        return left | right
    if not left and isinstance(expr.lhs, scalars):
        return right
    if matching is None or str(expr.op) in ("and", "unless"):
        return left
    if modifier.card == promql.VectorMatchCardinality.OneToOne and not modifier.return_bool:
        # Comparisons that filter keep the left side, arithmetic keeps what was matched on.
        return left if str(expr.op) in (">", "<", ">=", "<=", "==", "!=") else set(matching.labels)
    return left | set(modifier.group_labels or ())


def selectors(expr: str) -> Iterator[Any]:
    found: list[Any] = []

    def visit(node: Any) -> bool:
        if isinstance(node, promql.VectorSelector):
            found.append(node)
        return True

    promql.walk(promql.parse(filled(expr)), visit)
    return iter(found)


def dashboard_queries() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    return [
        (f"{uid}: {panel['title']} {target['refId']}", panel, target)
        for uid, board in sorted(BOARDS.items())
        for panel in board["panels"]
        for target in panel.get("targets", [])
    ]


QUERIES = dashboard_queries()
RULES = rules()
METRICS = known()


@pytest.mark.parametrize(
    "wrong",
    [
        "gramwatt_no_such_metric",
        'gramwatt_processes{colour="red"}',
        "sum by (devise) (gramwatt_device_power_watts)",
        "sum by (job) (gramwatt_processes) / on (instance) gramwatt_processes",
        "gramwatt_device_power_watts * gramwatt_device_power_uncertainty_ratio",
    ],
)
def test_wrong_expressions_are_found(wrong: str) -> None:
    with pytest.raises(AssertionError):
        labels_of(promql.parse(wrong), METRICS)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("record") or rule["alert"])
def test_rules_use_what_exists(rule: dict[str, Any]) -> None:
    labels = labels_of(promql.parse(rule["expr"]), METRICS)
    if "alert" in rule:
        text = " ".join(rule["annotations"].values())
        used = set(re.findall(r"\$labels\.(\w+)", text))
        assert used <= labels | rule["labels"].keys()
        if "budget" in labels:
            assert "budget" in used, "the message must say which budget"
        if "instance" in labels:
            assert "instance" in used, "the message must say which machine"


@pytest.mark.parametrize(("where", "panel", "target"), QUERIES, ids=[query[0] for query in QUERIES])
def test_dashboards_use_what_exists(where: str, panel: dict[str, Any], target: dict[str, Any]) -> None:
    labels = labels_of(promql.parse(filled(target["expr"])), METRICS)
    assert set(re.findall(r"\{\{\s*(\w+)\s*\}\}", target["legendFormat"])) <= labels


@pytest.mark.parametrize(
    ("uid", "panel"),
    [
        (uid, panel)
        for uid, board in sorted(BOARDS.items())
        for panel in board["panels"]
        if panel["type"] == "table"
    ],
    ids=lambda value: value if isinstance(value, str) else value["title"],
)
def test_table_columns_exist(uid: str, panel: dict[str, Any]) -> None:
    targets = panel["targets"]
    columns = {"Time", "Value"} | {f"Value #{one['refId']}" for one in targets if len(targets) > 1}
    for target in targets:
        columns |= labels_of(promql.parse(filled(target["expr"])), METRICS)
    steps = {step["id"]: step["options"] for step in panel["transformations"]}
    columns |= {f"Trend #{ref}" for ref in steps.get("timeSeriesTable", {})}
    options = steps["organize"]
    assert options["indexByName"].keys() <= columns
    assert options["excludeByName"].keys() <= columns
    several = (
        len(targets) > 1
    )  # then Value is another name of the first query's column, where that is the only one
    names = [name for name in options["indexByName"] if not (several and name == "Value")]
    shown = [options["renameByName"].get(name, name) for name in names]
    overrides = [one["matcher"] for one in panel["fieldConfig"]["overrides"]]
    assert {one["options"] for one in overrides if one["id"] == "byName"} <= set(shown)
    assert len(shown) == len(set(shown))


@pytest.mark.parametrize(("where", "panel", "target"), QUERIES, ids=[query[0] for query in QUERIES])
def test_dashboards_show_the_chosen_machines_only(
    where: str, panel: dict[str, Any], target: dict[str, Any]
) -> None:
    for selector in selectors(target["expr"]):
        matched = {matcher.name for matcher in selector.matchers.matchers}
        if selector.name.startswith("gramwatt_labeler_") or where.startswith("gramwatt-start: Set up"):
            continue  # the labeler is one for all machines
        if selector.name in LABELER:
            assert re.search(r"(and|\*) on \(window\) ", target["expr"]), "grades belong to the windows above"
        elif selector.name.startswith("budget:"):
            chosen = "budget" in matched or where.startswith("gramwatt-start")
            assert chosen or "on (budget)" in target["expr"], selector.name
        elif selector.name not in ("ALERTS", "prometheus_rule_group_last_evaluation_timestamp_seconds"):
            assert matched >= TARGET, selector.name


ALL = [(rule.get("record") or rule["alert"], rule["expr"]) for rule in RULES]
ALL += [(where, target["expr"]) for where, _, target in QUERIES]


@pytest.mark.parametrize(("where", "expr"), ALL, ids=[one[0] for one in ALL])
def test_rates_are_of_counters_and_of_rows_that_never_jump(where: str, expr: str) -> None:
    def visit(node: Any) -> bool:
        if isinstance(node, promql.Call) and node.func.name in ("rate", "increase", "irate"):
            selector = node.args[0].vector_selector
            # Those of Prometheus itself say so by their name, and one recorded counter is one per machine.
            counter = selector.name in OWN and selector.name.endswith("_total")
            counter = counter or selector.name == "machine_budget:gramwatt_budget_emissions_grams:total"
            assert counter or KINDS[selector.name] == "counter", selector.name
            if selector.name.startswith("gramwatt_process_"):
                written = {str(matcher) for matcher in selector.matchers.matchers}
                assert 'pid!=""' in written or {'pid=""', 'command="other"'} <= written, "departed rows jump"
        return True

    promql.walk(promql.parse(filled(expr)), visit)


def test_exporter_and_labeler_share_no_metric_name() -> None:
    assert not BY_NAME.keys() & LABELER.keys()


def test_dashboard_variables_ask_for_what_exists() -> None:
    for board in BOARDS.values():
        for one in board["templating"]["list"]:
            if one["type"] != "query":
                continue
            computed = re.fullmatch(r"query_result\((.+)\)", one["query"])
            if computed:
                labels_of(promql.parse(filled(computed[1])), METRICS)
                continue
            found = re.fullmatch(r"label_values\((.+), (\w+)\)", one["query"])
            assert found, one["query"]
            assert found[2] in labels_of(promql.parse(filled(found[1])), METRICS)


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    names = {rule["alert"] for rule in RULES if "alert" in rule}
    runbooks = {path.stem for path in (ROOT / "docs" / "runbooks").glob("Gramwatt*.md")}
    assert runbooks == names
    for rule in RULES:
        if "alert" in rule:
            assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "docs" / "runbooks").glob("Gramwatt*.md")), ids=lambda path: path.stem
)
def test_runbooks_say_what_it_means_and_what_to_do(path: Path) -> None:
    text = path.read_text()
    assert text.startswith(f"# {path.stem}\n")
    for heading in ("## Meaning", "## Look", "## Fix"):
        assert heading in text
    for expr in re.findall(r"```promql\n(.*?)```", text, re.DOTALL):
        labels_of(promql.parse(expr), METRICS)
    for name in re.findall(r"\bgramwatt_[a-z0-9_]+\b", text):
        assert name in METRICS or any(name in metric for metric in METRICS), name


def test_the_metric_reference_is_the_catalogue() -> None:
    command = [sys.executable, "-m", "gramwatt_exporter.metrics.docs"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert (ROOT / "docs" / "metrics.md").read_text() == printed
    rows = re.findall(r"^\| `(\w+)` \|", printed, re.MULTILINE)
    assert sorted(rows) == sorted(BY_NAME)
