"""The rules for VictoriaMetrics: the same scenarios on its own engine, where vmalert-tool is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
PROMETHEUS = ROOT / "prometheus"
TOOL = os.environ.get("GRAMWATT_VMALERT_TOOL") or shutil.which("vmalert-tool")
# Those whose steps are short enough for recorded series that are seen one step later, and whose rates are not of them.
SCENARIOS = ("both-engines", "alerts", "stack")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        TOOL is None,
        reason="vmalert-tool is not on PATH (Debian 13: package victoria-metrics; or set GRAMWATT_VMALERT_TOOL)",
    ),
]


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenarios_hold_on_its_engine(name: str, tmp_path: Path) -> None:
    test = yaml.safe_load((PROMETHEUS / "tests" / f"{name}.test.yml").read_text())
    test["rule_files"] = [
        str(PROMETHEUS / "victoriametrics" / Path(file).name) for file in test["rule_files"]
    ]
    for each in test["tests"]:
        if "promql_expr_test" in each:
            each["metricsql_expr_test"] = each.pop("promql_expr_test")
    file = tmp_path / "test.yml"
    file.write_text(yaml.safe_dump(test, sort_keys=False))
    command = [str(TOOL), "unittest", "--disableAlertgroupLabel", f"--files={file}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
