"""`gramwatt-labeler grade --scheme`: the exact input, output and exit codes."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gramwatt_labeler.__main__ import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run `grade` with a text or JSON value on standard input; exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(given: Any, *arguments: str) -> tuple[int, str, str]:
        text = given if isinstance(given, str) else json.dumps(given)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8"))
        code = main(["grade", *arguments, *([] if "--input" in arguments else ["--input", "-"])])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def graded(run: Run, given: Any, *arguments: str) -> Any:
    _, out, err = run(given, *arguments)
    assert out, err
    return json.loads(out)


def test_one_object_in_one_object_out(run: Any) -> None:
    code, out, err = run({"phase": "training", "metrics": {"co2_eq_emissions": 10.0}}, "--scheme", "gaissa")
    tree = json.loads(out)
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert set(tree) >= {"grade", "scheme", "metrics", "missing", "scale", "reasons"}
    assert (tree["grade"], tree["scheme"]) == ("A", "gaissa")
    assert tree["metrics"] == {"co2_eq_emissions": {"value": 10.0, "index": 14920.0, "grade": "A"}}
    assert set(tree["scale"]) == {"name", "version", "sha256"}
    assert len(tree["missing"]) == 4


def test_lines_in_lines_out_and_a_list_in_a_list_out(run: Any) -> None:
    rows = [{"name": str(n), "metrics": {"co2_eq_emissions": 10.0**n}} for n in range(5)]
    _, out, _ = run("\n".join(map(json.dumps, rows)), "--scheme", "gaissa")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["name"] for line in lines] == list("01234")
    assert graded(run, rows, "--scheme", "gaissa") == lines


def test_a_table(run: Any) -> None:
    table = "modelId,co2_eq_emissions,likes,phase\na,10,3,training\nb,nan,4,\nc,,5,\nd,much,6,\n"
    code, out, err = run(table, "--scheme", "gaissa")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 3
    assert [(line["name"], line["grade"]) for line in lines] == [
        ("a", "A"),
        ("b", None),
        ("c", None),
        ("d", None),
    ]
    assert "co2_eq_emissions is 'much', not a number" in lines[3]["reasons"]
    assert "does not use: likes" in err


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("NaN", "nan"), ("Infinity", "inf"), ("-Infinity", "-inf"), ("-1", "-1"), ("0", "0"), ('"10"', "a text"),
        ("true", "true or false"), ("null", "not given"), ("1e999", "inf"), ("9" * 5000, "inf"),
    ],
)  # fmt: skip
def test_what_is_no_measurement_is_missing_with_the_reason(run: Any, value: Any, why: Any) -> None:
    code, out, _ = run(f'{{"metrics": {{"co2_eq_emissions": {value}}}}}', "--scheme", "gaissa")
    tree = json.loads(out)
    assert (code, tree["grade"]) == (3, None)
    assert "co2_eq_emissions" in tree["missing"]
    assert any(why in reason for reason in tree["reasons"]), tree["reasons"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "standard input: the file is empty"),
        ("{", "standard input: line 1, column 2: not JSON"),
        ('{"metrics": {}}\n{', "line 2, column 2: not JSON"),
        ('{"metrics": {"downloads": 1, "downloads": 2}}', "key 'downloads' is there twice"),
        ("[" * 100_000, "nested too deeply"),
        ("[3]", "$[0]: expected an object with name, phase"),
        ({}, '$.metrics: expected an object such as {"co2_eq_emissions": 10.0}, got nothing'),
        ({"metric": {}}, "$: unknown key 'metric'; did you mean 'metrics'?"),
        ({"metrics": [1, 2]}, "$.metrics: expected an object"),
        ({"metrics": {"downloads": [1]}}, "$.metrics.downloads: expected a number, got a list"),
        ({"metrics": {"download": 1}}, "$.metrics.download: unknown metric 'download'; did you mean 'downloads'?"),
        ({"metrics": {"co2_eq_emissions": {"value": 1, "unit": "J"}}}, "emissions: unit 'J' is not one of"),
        ({"phase": "trainig", "metrics": {}}, "$.phase: 'trainig' is not one of training, inference; did you mean"),
        ({"phase": 3, "metrics": {}}, "$.phase: expected a text, got a number"),
        ({"metrics": {"downloads": 1}, "weights": [1, 2]}, "$.weights: expected an object of numbers by metric"),
        ({"metrics": {"downloads": 1}, "weights": {"downloads": -1}}, "$.weights.downloads: expected a number"),
        ({"metrics": {"downloads": 1}, "weights": {"likes": 1}}, "$.weights.likes: unknown metric"),
        ('{"metrics": {"downloads": 1}}\n{"metrics": {"x": 1}}', "line 2: $.metrics.x: unknown metric 'x'"),
        ("name,downloads\na\n", "line 2 has 1 of 2 fields"),
        ("name,co2_eq_emission\na,1\n", "line 1: unknown column 'co2_eq_emission'; did you mean 'co2_eq_emissions'?"),
        ("name,colour\na,1\n", "line 1: no column of a metric"),
        ("name;downloads\na;1\n", "separated by semicolons"),
    ],
)  # fmt: skip
def test_bad_input_names_line_path_and_what_is_allowed(run: Any, given: Any, said: Any) -> None:
    code, out, err = run(given, "--scheme", "gaissa")
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err


def test_files_that_are_not_there_or_too_large(
    run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code, _, err = run("", "--scheme", "gaissa", "--input", "nothing.json")
    assert (code, "nothing.json: cannot read it" in err) == (2, True)
    monkeypatch.setattr("gramwatt_labeler.sources.facts_text.MOST_BYTES", 10)
    code, _, err = run({"metrics": {}}, "--scheme", "gaissa")
    assert (code, "more than" in err) == (2, True)
    (tmp_path / "latin.csv").write_bytes(b"name,downloads\n\xe9,1\n")
    monkeypatch.undo()
    code, _, err = run("", "--scheme", "gaissa", "--input", str(tmp_path / "latin.csv"))
    assert (code, "line 2: byte 0xe9 is not UTF-8" in err) == (2, True)


def test_more_rows_than_allowed(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("facts_text", "facts_file", "population_file"):
        monkeypatch.setattr(f"gramwatt_labeler.sources.{module}.MOST_ROWS", 2)
    rows = [{"name": str(n), "metrics": {"downloads": 1}} for n in range(3)]
    for given in (rows, "\n".join(map(json.dumps, rows)), "name,downloads\na,1\nb,1\nc,1\n"):
        code, out, err = run(given, "--scheme", "gaissa")
        assert (code, out, "more than 2" in err) == (2, "", True)
    strep = {"population": rows, "metrics": {"downloads": {"group": "Quality"}}}
    assert run(strep, "--scheme", "strep")[0] == 2


@pytest.mark.parametrize(("scheme", "said"), [("gaisa", "did you mean 'gaissa'?"), ("x", "known: ")])
def test_unknown_schemes(run: Any, scheme: Any, said: Any) -> None:
    code, out, err = run({"metrics": {}}, "--scheme", scheme)
    assert (code, out, said in err) == (2, "", True)


def test_units_and_weights(run: Any) -> None:
    kilograms = graded(
        run, {"metrics": {"co2_eq_emissions": {"value": 0.01, "unit": "kg"}}}, "--scheme", "gaissa"
    )
    assert kilograms["metrics"]["co2_eq_emissions"]["value"] == 10.0
    both = {"co2_eq_emissions": 10.0, "downloads": 1}  # A and E
    letters = [
        graded(run, {"metrics": both, "weights": {"downloads": weight}}, "--scheme", "gaissa")["grade"]
        for weight in (0, 0.35, 100)
    ]
    assert letters == ["A", "C", "E"]


MEMBERS = [{"name": f"m{n}", "metrics": {"energy": float(n), "accuracy": n / 20}} for n in range(1, 11)]
MEANING = {"energy": {"group": "Resources"}, "accuracy": {"group": "Quality", "higher_is_better": True}}


def test_size_and_co2_are_an_efficiency_where_the_scale_has_no_co2(run: Any) -> None:
    parts = {"size": 1e9, "co2_eq_emissions": {"value": 10, "unit": "kg"}}
    tree = graded(run, {"metrics": parts}, "--scheme", "gaissalabel")
    assert (tree["grade"], tree["metrics"]["size_efficency"]["value"]) == ("C", 100_000)
    code, _, err = run({"metrics": {"datasets_size": 1}}, "--scheme", "gaissalabel")
    assert (code, "known: co2_eq_emissions, performance_score, size, size_efficency" in err) == (2, True)


def test_a_population_for_strep(run: Any) -> None:
    found = graded(run, {"population": MEMBERS, "metrics": MEANING}, "--scheme", "strep")
    assert [one["name"] for one in found] == [f"m{n}" for n in range(1, 11)]
    assert "".join(one["metrics"]["energy"]["grade"] for one in found) == "AABBCCDDEE"
    assert found[0]["groups"] == {"Resources": "A", "Quality": "E"}
    assert found[0]["compound"] == pytest.approx(0.5 * 1 + 0.5 * 0.1)
    median = graded(run, {"population": MEMBERS, "metrics": MEANING, "mode": "median"}, "--scheme", "strep")
    assert found[0]["compound"] == median[0]["compound"]  # two halves: their mean
    heavy = MEANING | {"energy": {"group": "Resources", "weight": 9}}
    assert graded(run, {"population": MEMBERS, "metrics": heavy}, "--scheme", "strep")[0]["grade"] == "A"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mode": "max"}, "$.mode: 'max' is not one of mean, median"),
        ({"population": []}, "$.population: it is empty"),
        ({"population": None}, "$.population: expected a list"),
        ({"population": [{"metrics": {}}]}, "$.population[0].name: expected a text"),
        ({"population": [{"name": "a", "metrics": {"speed": 1}}]}, "metrics.speed: unknown metric"),
        ({"population": [*MEMBERS, {"name": "m1", "metrics": {"energy": 9}}]}, "'m1' is there twice with different"),
        ({"metrics": {"energy": {"higher_is_beter": True}}}, "$.metrics.energy: unknown key 'higher_is_beter'; did"),
        ({"metrics": {"energy": {"group": 3}}}, "$.metrics.energy: Expected `str`, got `float`"),
        ({"weights": {"speed": 1}}, "$.weights.speed: unknown metric"),
    ],
)  # fmt: skip
def test_bad_populations(run: Any, change: Any, said: Any) -> None:
    code, out, err = run({"population": MEMBERS, "metrics": MEANING} | change, "--scheme", "strep")
    assert (code, out) == (2, "")
    assert said in err


def test_a_population_in_a_file(run: Any, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps(MEMBERS))
    (tmp_path / "p.csv").write_text("name,energy\n" + "".join(f"m{n},{n}\n" for n in range(1, 11)))
    for file in ("p.json", "p.csv"):
        one = {"metrics": {"energy": 3.5}}
        found = graded(run, one, "--scheme", "quintiles", "--population", file)
        assert (found["grade"], found["notes"]) == ("B", ["place among 10 in the population"])
        stars = graded(run, one, "--scheme", "ai-energy-score-rank", "--population", file)
        assert stars["grade"] == "4"
    code, _, err = run({"metrics": {"enrgy": 1}}, "--scheme", "quintiles", "--population", "p.json")
    assert (code, "did you mean 'energy'?" in err) == (2, True)
    assert run({"metrics": {"energy": 1}}, "--scheme", "quintiles")[0] == 3
    # An absolute grade does not depend on who else there is.
    facts = {"metrics": {"co2_eq_emissions": 10.0}}
    assert graded(run, facts, "--scheme", "gaissa", "--population", "p.json") == graded(
        run, facts, "--scheme", "gaissa"
    )


def test_runs_that_did_not_finish_are_left_out(run: Any) -> None:
    table = "params.model,status,metrics.power_draw\na,FINISHED,1\nb,FINISHED,2\nb,FAILED,\nc,RUNNING,\n"
    code, out, err = run(table, "--scheme", "strep")
    assert (code, [json.loads(line)["grade"] for line in out.splitlines()]) == (0, ["A", "E"])
    assert "2 row(s) of runs that did not finish" in err


def test_other_formats(run: Any) -> None:
    rows = [{"name": "=1+1", "metrics": {"co2_eq_emissions": 10.0}}, {"name": "b", "metrics": {}}]
    code, out, _ = run(rows, "--scheme", "gaissa", "--format", "csv")
    table = list(csv.DictReader(io.StringIO(out)))
    assert (code, [row["grade"] for row in table]) == (3, ["A", ""])
    assert table[0]["name"] == "'=1+1"  # a spreadsheet must not compute it
    assert table[0]["co2_eq_emissions_grade"] == "A"
    _, out, _ = run(rows, "--scheme", "gaissa", "--format", "text")
    assert out.splitlines()[0].startswith("=1+1: A (A-D) on gaissa 2023")
    assert "not graded: any of" in out.splitlines()[1]


def test_energy_on_a_published_scale(run: Any) -> None:
    chat = {"phase": "inference", "task": "text-generation"}
    for metrics in (
        {"energy": {"value": 1, "unit": "kWh"}, "tokens": 1_000_000}, {"energy_kwh": 1, "tokens": 1_000_000},
        {"wh_per_million_output_tokens": 1000}, {"energy_per_token": 3.6},
    ):  # fmt: skip
        assert graded(run, chat | {"metrics": metrics}, "--scheme", "comparia")["grade"] == "D"


def test_arguments_that_do_not_go_together(run: Any) -> None:
    code, _, err = run({"metrics": {}}, "--input", "-")
    assert (code, "--scheme" in err) == (2, True)
