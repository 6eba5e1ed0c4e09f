"""Rows and columns of an uploaded file that say two things, over REST: none makes a run look more efficient."""

from __future__ import annotations

import json
from typing import Any

import pytest
from api_site import RUN, Site, error
from xlsx import workbook

KWH = 3.6e6


def imported(site: Site, name: str, content: str | bytes, **fields: str) -> list[dict[str, Any]]:
    """A line of the report for each run; of an added one its energy, samples and failure."""
    data = content.encode() if isinstance(content, str) else content
    answer = site.client.post(
        "/api/v1/evaluations/import", files={"files": (name, data)},
        data={"phase": "training", "model": "m"} | fields, headers=site.headers(),
    )  # fmt: skip
    assert answer.status_code == 201, answer.text
    lines = []
    for line in answer.json()["lines"]:
        kept = site.get(f"evaluations/{line['id']}").json() if line["id"] else {}
        lines.append(line | {name: kept.get(name) for name in ("energy_joules", "values", "failure")})
    return lines


CODECARBON = "timestamp;project_name;run_id;duration;emissions;energy_consumed;samples\n"


@pytest.mark.parametrize(
    "rows",
    [
        "2026-01-01T00:00:00;p;r1;100;0,1;1,35;100\n2026-01-01T00:01:00;p;r1;100;0,001;0,01;900\n",
        "2026-01-01T00:01:00;p;r1;100;0,001;0,01;900\n2026-01-01T00:00:00;p;r1;100;0,1;1,35;100\n",
        "2026-01-01T00:00:00;p;r1;100;0,1;1350 Wh;100\n2026-01-01T00:01:00;p;r1;100;0,001;1340 Wh;900\n",
    ],
)
def test_the_row_with_the_most_energy_is_the_last_of_a_run(site: Site, rows: str) -> None:
    (line,) = imported(site, "emissions.csv", CODECARBON + rows)
    assert (line["energy_joules"], line["values"]) == (1.35 * KWH, {"samples": 100.0})


def test_a_row_that_is_no_number_is_not_left_out_of_its_run(site: Site) -> None:
    rows = "2026-01-01T00:00:00;p;r1;100;0,1;abc;1\n2026-01-01T00:01:00;p;r1;100;0,001;0,01;1\n"
    (line,) = imported(site, "emissions.csv", CODECARBON + rows)
    assert (line["outcome"], "“abc” is not a number" in line["message"]) == ("not added", True)


@pytest.mark.parametrize(("reduce", "joules"), [("sum", 2.25 * KWH), ("mean", 1.125 * KWH)])
def test_rows_are_added_up_as_they_are_written(site: Site, reduce: str, joules: float) -> None:
    columns = [
        {"column_name": "job", "field": "run"},
        {"column_name": "used", "field": "energy", "unit": "kWh"},
        {"column_name": "hits", "field": "accuracy", "unit": "%"},
    ]
    tool = {"name": "ours", "description": "ours", "enabled": True, "reduce": reduce, "columns": columns}
    assert site.post("tools", tool, "manager").status_code == 201
    (line,) = imported(site, "a.csv", "job;used;hits\na;1,75;50\na;500 Wh;40\n", tool="ours")
    assert line["energy_joules"] == joules
    assert line["values"] == ({"accuracy": 0.9} if reduce == "sum" else {"accuracy": 0.45})
    (line,) = imported(site, "a.csv", "job;used;hits\nb;1,75;50\nb;many;40\n", tool="ours")
    assert line["outcome"] == "not added"


def test_two_columns_of_one_number_must_not_differ(site: Site) -> None:
    (line,) = imported(site, "a.csv", "energy_joules,energy (kWh)\n1,5\n")
    assert "say different things" in line["message"]
    (line,) = imported(site, "a.csv", "energy_joules,energy (kWh)\n18000000,5\n")
    assert line["energy_joules"] == 5 * KWH
    (line,) = imported(site, "a.csv", "n_samples,samples,energy_joules\n1000,10,5\n")
    assert "say different things" in line["message"]
    (line,) = imported(site, "a.csv", "tokens,output_tokens,energy_joules\n9000,10,5\n", phase="inference")
    assert line["values"] == {"tokens": 10.0}  # of tokens those that were made


def test_a_run_that_failed_by_any_column_has_failed(site: Site) -> None:
    (line,) = imported(site, "a.csv", "status,exit_code,energy_joules\nok,3,5\n")
    assert line["failure"] == "exit code 3"
    (line,) = imported(site, "a.json", '[{"energy_joules": 6, "outcome": false}]')
    assert line["failure"] == "outcome False"
    (line,) = imported(site, "a.xlsx", workbook([["energy_joules", "status"], [7.0, "FALSE"]]))
    assert line["failure"] == "status FALSE"
    ends = [{"exit_code": 1}, {"exception": "MemoryError"}, {"signal": "SIGKILL"}, {"exit_code": 0}]
    runs = [{"window": f"w{at}", "energy_joules": 5, "duration_seconds": 2, "outcome": end}
            for at, end in enumerate(ends)]  # fmt: skip
    lines = imported(site, "a.jsonl", "\n".join(map(json.dumps, runs)))
    assert [bool(line["failure"]) for line in lines] == [True, True, True, False]


def test_a_point_beside_decimal_commas_is_asked_back(site: Site) -> None:
    lines = imported(site, "a.csv", "model;energy (kWh)\na;1,35\nb;1.500\nc;1.500,5\nd;0.125\n")
    assert [line["outcome"] for line in lines] == ["added", "not added", "added", "added"]
    assert "1500 or 1,5" in lines[1]["message"]
    assert lines[2]["energy_joules"] == 1500.5 * KWH
    (line,) = imported(site, "a.csv", "model;energy (kWh)\na;1.500\n")  # nothing says that it is a thousand
    assert line["energy_joules"] == 1.5 * KWH


def test_a_key_that_is_there_twice_is_refused(site: Site) -> None:
    content = '[{"model": "m", "energy_joules": 5e6, "energy_joules": 5}]'
    answer = site.client.post(
        "/api/v1/evaluations/import", files={"files": ("a.json", content.encode())}, headers=site.headers()
    )
    assert answer.status_code == 422
    assert "'energy_joules' is there twice" in answer.text
    body = '{"phase": "training", "model": "m", "values": {"energy": 5e6, "energy": 5}}'
    headers = site.headers() | {"Content-Type": "application/json"}
    answer = site.client.post("/api/v1/evaluations", content=body, headers=headers)
    assert error(answer) == (400, "bad_json", "$")
    assert "'energy' is there twice" in answer.text


@pytest.mark.parametrize("name", ["samples", "accuracy", "energy", "size", "downloads"])
def test_a_further_metric_is_no_second_value_of_a_field(site: Site, name: str) -> None:
    answer = site.post("evaluations", RUN | {"extra": {name: 1e9}})
    assert error(answer) == (422, "invalid", "$.extra")
