"""The Helm chart: rendered by Helm's own engine, held against Kubernetes' schemas, and wired as the rules expect."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
CHART = ROOT / "deploy" / "helm" / "gramwatt"
KUBERNETES = ("1.29", "1.34")
VALUES: dict[str, dict[str, Any]] = {
    "default": {},
    "everything": {
        "exporter": {
            "config": {"intensity": {"zone": "FR"}, "budgets": [{"name": "cluster", "limit": "500kg"}]},
            "existingSecret": "tokens",
            "webConfigSecret": "web",
            "extraCapabilities": ["SYS_PTRACE"],
            "runtimeClassName": "nvidia",
            "nvidia": True,
            "nodeSelector": {"gramwatt": "yes"},
        },
        "labeler": {
            "replicas": 2,
            "existingSecret": "database",
            "persistence": {"enabled": False},
            "env": {"GRAMWATT_LABELER_LOG_LEVEL": "debug"},
        },
    },
    "nothing": {
        name: {"enabled": False}
        for name in ("labeler", "podMonitor", "prometheusRule", "dashboards", "networkPolicy")
    },
}


def render(values: dict[str, Any]) -> list[dict[str, Any]]:
    chart = pytest.importorskip("helm_python.chart", reason="needs helm-python-sdk")
    with chart.Chart.load(str(CHART)) as loaded:
        files = loaded.render(values=values, name="gramwatt", namespace="measuring")
    texts = [text for name, text in files.items() if not name.endswith("NOTES.txt")]
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


def one(documents: list[dict[str, Any]], kind: str, ending: str = "") -> dict[str, Any]:
    (found,) = [d for d in documents if d["kind"] == kind and d["metadata"]["name"].endswith(ending)]
    return found


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("name", sorted(VALUES))
def test_what_is_rendered_is_what_kubernetes_takes(name: str, version: str) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="needs kubernetes-validate")
    documents = render(VALUES[name])
    assert {"DaemonSet", "ServiceAccount", "ConfigMap"} <= {document["kind"] for document in documents}
    for document in documents:
        if document["apiVersion"] != "monitoring.coreos.com/v1":
            validate.validate(document, version, strict=True)


def test_the_exporter_has_two_capabilities_and_the_host_s_processes() -> None:
    spec = one(render({}), "DaemonSet")["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    security = container["securityContext"]
    assert security["capabilities"] == {"drop": ["ALL"], "add": ["DAC_READ_SEARCH", "NET_ADMIN"]}
    assert security["readOnlyRootFilesystem"]
    assert not security["allowPrivilegeEscalation"]
    assert spec["hostPID"]
    assert spec["hostNetwork"]
    assert spec["automountServiceAccountToken"] is False
    mounts = {mount["mountPath"]: mount.get("readOnly", False) for mount in container["volumeMounts"]}
    writable = {path for path, read_only in mounts.items() if not read_only}
    assert writable == {"/run/gramwatt", "/var/lib/gramwatt"}
    assert "/host/var/log/pods" in mounts, "pods are named by it"


def test_no_rights_in_the_api_are_asked_for() -> None:
    kinds = {document["kind"] for document in render(VALUES["everything"])}
    assert not kinds & {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}


def test_a_changed_configuration_makes_new_pods() -> None:
    def digest(zone: str) -> str:
        documents = render({"exporter": {"config": {"intensity": {"zone": zone}}}})
        annotations = one(documents, "DaemonSet")["spec"]["template"]["metadata"]["annotations"]
        return str(annotations["checksum/config"])

    assert digest("FR") == digest("FR") != digest("DE")


def test_the_configuration_is_one_that_the_exporter_takes(tmp_path: Path) -> None:
    from gramwatt_exporter.config import load

    for values in VALUES.values():
        data = one(render(values), "ConfigMap", "-exporter")["data"]
        (tmp_path / "exporter.yml").write_text(data["exporter.yml"])
        load(str(tmp_path / "exporter.yml"))


def test_prometheus_finds_it_under_the_job_and_instance_that_rules_expect() -> None:
    documents = render({})
    monitor = one(documents, "PodMonitor", "-exporter")["spec"]
    labels = one(documents, "DaemonSet")["spec"]["template"]["metadata"]["labels"]
    assert monitor["selector"]["matchLabels"].items() <= labels.items()
    (endpoint,) = monitor["podMetricsEndpoints"]
    set_labels = {
        rule["targetLabel"]: rule.get("replacement", rule.get("sourceLabels"))
        for rule in endpoint["relabelings"]
        if "targetLabel" in rule
    }
    assert set_labels == {"job": "gramwatt", "instance": ["__meta_kubernetes_pod_node_name"]}
    (drop,) = [rule["regex"] for rule in endpoint["relabelings"] if rule.get("action") == "labeldrop"]
    assert re.fullmatch(drop, "pod"), "a replaced pod must not begin new series"


def test_series_of_a_measured_pod_get_its_namespace_and_name() -> None:
    (endpoint,) = one(render({}), "PodMonitor", "-exporter")["spec"]["podMetricsEndpoints"]
    found = {}
    for rule in endpoint["metricRelabelings"]:
        assert rule["sourceLabels"] == ["kind", "workload"]
        match = re.fullmatch(rule["regex"], "pod;shop/cart-7")
        assert match is not None
        assert not re.fullmatch(rule["regex"], "unit;shop/cart-7")
        found[rule["targetLabel"]] = match.expand(rule["replacement"].replace("$", "\\"))
    assert found == {"namespace": "shop", "pod": "cart-7"}


def test_rules_and_dashboards_are_the_repository_s_own(tmp_path: Path) -> None:
    documents = render({})
    groups = one(documents, "PrometheusRule")["spec"]["groups"]
    wanted = [
        group
        for path in sorted((ROOT / "prometheus" / "rules").glob("*.yml"))
        for group in yaml.safe_load(path.read_text())["groups"]
    ]
    assert groups == wanted
    if promtool := shutil.which("promtool"):
        (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": groups}))
        done = subprocess.run(
            [promtool, "check", "rules", tmp_path / "rules.yml"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    boards = {path.name: path.read_text() for path in (ROOT / "grafana" / "dashboards").glob("*.json")}
    shown = {
        name: text
        for document in documents
        if document["kind"] == "ConfigMap" and document["metadata"]["labels"].get("grafana_dashboard") == "1"
        for name, text in document["data"].items()
    }
    assert {name: text.strip() for name, text in shown.items()} == {
        name: text.strip() for name, text in boards.items()
    }


def test_several_labelers_need_a_database_that_they_share() -> None:
    with pytest.raises(Exception, match="needs PostgreSQL"):
        render({"labeler": {"replicas": 2}})
