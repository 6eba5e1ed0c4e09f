"""Every table through Grafana's own transformations and field overrides (@grafana/data from npm): `make test-grafana`.

The package is not part of this project: it is installed under var/ and used from there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from boards import BOARDS, panels

MODULES = os.environ.get("GRAMWATT_NODE_MODULES", "")
pytestmark = pytest.mark.skipif(
    not MODULES or not shutil.which("node"), reason="needs @grafana/data: run `make test-grafana` (npm)"
)

TABLES = [
    (uid, panel) for uid, board in BOARDS.items() for panel in panels(board) if panel["type"] == "table"
]
# A text of digits in every label, as a PID or a user without a name is one.
LABEL = "19459"


def labels_of(panel: dict[str, Any]) -> list[str]:
    organize = panel["transformations"][-1]["options"]
    return [name for name in organize["indexByName"] if not name.startswith(("Value", "Trend"))]


def results(panel: dict[str, Any], answering: str) -> list[dict[str, Any]]:
    """One row of every query in ``answering``: its letter is its value, and its labels are those of the first one."""
    row = dict.fromkeys(labels_of(panel), LABEL)
    return [
        {
            "refId": target["refId"],
            "curve": bool(target.get("range")),
            "rows": [{"metric": row, "value": 1000 + ord(target["refId"])}]
            if target["refId"] in answering
            else [],
        }
        for target in panel["targets"]
    ]


def ask(questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = subprocess.run(
        ["node", str(Path(__file__).with_name("tables.cjs"))],
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"NODE_PATH": MODULES, "NODE_NO_WARNINGS": "1"},
        timeout=120,
    )
    assert found.returncode == 0, found.stderr
    answers: list[dict[str, Any]] = json.loads(found.stdout)
    return answers


def test_every_table_shows_texts_as_texts_and_keeps_its_columns() -> None:
    """With all queries, with the first alone, and with every other one missing: no column changes its name."""
    cases = []
    for uid, panel in TABLES:
        letters = "".join(target["refId"] for target in panel["targets"])
        for answering in dict.fromkeys(
            [letters, letters[0], *(letters.replace(one, "") for one in letters[1:])]
        ):
            cases.append((uid, panel, answering))
    answers = ask([{"panel": panel, "results": results(panel, answering)} for _, panel, answering in cases])
    wrong = []
    for (uid, panel, answering), answer in zip(cases, answers, strict=True):
        organize = panel["transformations"][-1]["options"]
        names = organize["renameByName"]
        values = {}
        for target in panel["targets"]:
            ref = target["refId"]
            column = "Value" if len(panel["targets"]) == 1 else f"Value #{ref}"
            column = f"Trend #{ref}" if target.get("range") else column
            if ref in answering and not organize["excludeByName"].get(column):
                values[names.get(column, column)] = 1000 + ord(ref)
        texts = {
            names.get(label, label) for label in labels_of(panel) if not organize["excludeByName"].get(label)
        }
        where = f"{uid} {panel['title']} with {answering}"
        if set(answer["columns"]) != texts | values.keys():
            wrong.append(f"{where}: columns {sorted(set(answer['columns']) ^ (texts | values.keys()))}")
            continue
        (row,) = answer["rows"]
        shown = dict(zip(answer["columns"], row, strict=True))
        wrong += [f"{where}: {name} reads {shown[name]}" for name in texts if shown[name] != LABEL]
        wrong += [
            f"{where}: {name} is empty"
            for name in values
            if not re.search(r"\d|up|down|done|to do|ago", shown[name] or "")
        ]
    assert wrong == []


def test_a_curve_is_a_cell_of_its_row() -> None:
    """Of a process the curve of its power stands beside it, and nothing where it has none."""
    panel = next(panel for uid, panel in TABLES if (uid, panel["title"]) == ("gramwatt-live", "Processes"))
    (curve,) = [target["refId"] for target in panel["targets"] if target.get("range")]
    rows = [
        dict.fromkeys(labels_of(panel), LABEL) | {"pid": pid, "command": f"c{pid}"} for pid in ("1", "2", "3")
    ]
    for row in rows:
        row["kind"] = row["name"] = ""
    keys = ("instance", "pid", "command", "user", "workload")
    short = [{key: row[key] for key in keys} for row in rows]
    asked = [
        {
            "refId": "A",
            "curve": False,
            "rows": [{"metric": one, "value": 10.0 * n} for n, one in enumerate(short, 1)],
        },
        {
            "refId": curve,
            "curve": True,
            "rows": [{"metric": one, "value": 10.0 * n} for n, one in enumerate(short[:2], 1)],
        },
    ]
    (answer,) = ask([{"panel": panel, "results": asked}])
    shown = {row[answer["columns"].index("PID")]: row for row in answer["rows"]}
    at, power = answer["columns"].index("Curve"), answer["columns"].index("Power")
    assert {pid: (row[at], row[power]) for pid, row in shown.items()} == {
        "1": ("curve of 2 points, last 10", "10 W"),
        "2": ("curve of 2 points, last 20", "20 W"),
        "3": (None, "30 W"),
    }


def test_units_are_those_of_the_columns() -> None:
    """A few golden texts: what a person reads in Grafana."""
    tables = {(uid, panel["title"]): panel for uid, panel in TABLES}
    chosen = [
        ("gramwatt-machines", "Machines", {"C": 236.82, "E": 3417.8, "F": 1414.07, "H": 0.5, "B": 0}),
        ("gramwatt-runs", "Runs", {"A": 1, "D": 1163520, "H": 1.7737, "J": 5.05, "C": 5760}),
        ("gramwatt-budgets", "Budgets", {"A": 0.861, "F": 2.6193, "I": 16500}),
    ]
    questions = []
    for uid, title, values in chosen:
        panel = tables[uid, title]
        asked = results(panel, "".join(one["refId"] for one in panel["targets"]))
        for one in asked:
            one["rows"][0]["value"] = values.get(one["refId"], 0)
        questions.append({"panel": panel, "results": asked})
    machines, runs, budgets = (
        dict(zip(one["columns"], one["rows"][0], strict=True)) for one in ask(questions)
    )
    assert {name: machines[name] for name in ("Machine", "State", "Power", "Energy", "CO2", "Measured")} == {
        "Machine": LABEL, "State": "down", "Power": "237 W", "Energy": "3.42 kWh", "CO2": "1.41 kg", "Measured": "50%",
    }  # fmt: skip
    assert {name: runs[name] for name in ("Energy", "Per unit", "CO2 per 1,000 calls", "Duration")} == {
        "Energy": "1.16 MJ", "Per unit": "1.77 J", "CO2 per 1,000 calls": "5.05 g", "Duration": "1.60 hours",
    }  # fmt: skip
    assert {name: budgets[name] for name in ("Spent", "Burn 1 h", "Limit")} == {
        "Spent": "86%", "Burn 1 h": "2.62 ×", "Limit": "16.5 kg",
    }  # fmt: skip
