"""`gramwatt-exporter budgets`: what it writes, what it keeps, what it refuses and what it says."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from gramwatt_exporter.budget_command import edit, outlook
from gramwatt_exporter.budget_command.cli import run
from gramwatt_exporter.config import Duration, Mass, Period
from gramwatt_exporter.config.schema import Budget
from gramwatt_exporter.errors import ConfigError
from hypothesis import given
from hypothesis import strategies as st

ITEM = {"name": "new", "limit": "50kg", "period": "month", "match": {"user": "alice|bob"}}
FILES = {
    "no budgets": "# mine\nsampling: {interval: 5s}  # often\n",
    "no newline at the end": "sampling: {interval: 5s}",
    "empty": "",
    "only a comment": "# nothing yet\n",
    "block": "budgets:\n  # 1st\n  - name: a  # A\n    limit: 1kg\n\n  - {name: b, limit: 2kg}  # B\n# end\npue: 1.2\n",
    "not indented": "budgets:\n- name: a\n  limit: 1kg\n  match:\n    user: x # who\npue: 1.2\n",
    "flow": "pue: 1.2\nbudgets: [{name: a, limit: 1kg}]  # A\nprice: {}\n",
    "flow of several lines": "budgets: [\n  {name: a, limit: 1kg},  # A\n  {name: b, limit: 1kg}\n]\n",
    "empty list": "budgets: []  # none\npue: 1.2\n",
    "empty value": "budgets:\npue: 1.2\n",
    "last line": "pue: 1.2\nbudgets:\n  - name: a\n    limit: 1kg",
    "block scalar": "budgets:\n  - name: a\n    limit: 1kg\n    match:\n      user: |-\n        x\n# end\n",
}  # fmt: skip


def comments(text: str) -> list[str]:
    return [part.split("#", 1)[1] for part in text.splitlines() if "#" in part]


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_a_budget_is_added_and_everything_else_stays(text: str) -> None:
    new = edit.added(text, ITEM)
    old = yaml.safe_load(text) or {}
    assert yaml.safe_load(new) == {**old, "budgets": [*(old.get("budgets") or []), ITEM]}
    assert comments(new) == comments(text)
    assert [line for line in text.splitlines() if "budgets" not in line and line not in new] == []


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_a_budget_is_removed_without_a_trace(text: str) -> None:
    new = edit.removed(edit.added(text, ITEM), "new")
    old = yaml.safe_load(text) or {}
    assert yaml.safe_load(new) == {**old, "budgets": old.get("budgets") or []}
    assert comments(new) == comments(text)


@pytest.mark.parametrize("name", ["a", "b"])
def test_any_of_several_is_removed(name: str) -> None:
    for text in (FILES["block"], FILES["flow of several lines"]):
        left = [each["name"] for each in yaml.safe_load(edit.removed(text, name))["budgets"]]
        assert left == [each for each in ("a", "b") if each != name]


@pytest.mark.slow
@given(name=st.text(min_size=1, max_size=20), expression=st.text(max_size=20))
def test_any_name_and_expression_is_written_as_it_is(name: str, expression: str) -> None:
    try:
        new = edit.added(FILES["block"], {"name": name, "limit": "1g", "match": {"user": expression}})
    except ConfigError:
        return  # YAML has no form for some control characters
    assert yaml.safe_load(new)["budgets"][-1] == {"name": name, "limit": "1g", "match": {"user": expression}}


def test_what_cannot_be_edited_is_refused_and_not_written() -> None:
    for text in ("budgets: 7\n", "{budgets: []}\n", "budgets: [\n"):
        with pytest.raises(ConfigError):
            edit.added(text, ITEM)


def command(file: Path, *words: str) -> tuple[int, str]:
    stdout = io.StringIO()
    environ = {"GRAMWATT_CONFIG_FILE": str(file), "GRAMWATT_WEB_LISTEN_ADDRESS": "127.0.0.1:9"}
    environ["GRAMWATT_PROMETHEUS_URL"] = "http://127.0.0.1:9"
    environ["GRAMWATT_SOCKET_PATH"] = str(file.parent / "no.sock")  # the machine may have an exporter
    environ["GRAMWATT_SENSORS_NVML_ENABLED"] = environ["GRAMWATT_SENSORS_AMDSMI_ENABLED"] = "false"
    return run(words, environ, stdout), stdout.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "exporter.yml"
    path.write_text("# mine\npue: 1.5\n")
    return path


@pytest.mark.slow
def test_the_commands_and_what_they_say(file: Path) -> None:
    file.chmod(0o640)
    status, said = command(file, "list")
    assert (status, "has no budget; add one: gramwatt-exporter budgets add" in said) == (0, True)
    status, said = command(
        file, "add", "team", "--limit", "50kg", "--period", "quarter", "--user", "alice|bob"
    )
    assert status == 0
    assert f"added to {file}: team: 50kg per quarter, user alice|bob" in said
    assert "at most: unknown, there is no grid intensity" in said
    assert "takes the budget over when it starts" in said
    status, said = command(
        file, "add", "all", "--limit", "1t", "--match", "kind=slurm", "--match", "command=x"
    )
    assert status == 0
    assert "emissions are not kept by command" in said
    assert command(file, "list")[1].splitlines()[1:] == [
        "  team: 50kg per quarter, user alice|bob",
        "  all: 1000kg per 30d, rolling, kind slurm and command x",
    ]
    assert "team: 50kg" in command(file, "show", "team")[1]
    assert command(file, "remove", "team")[0] == 0
    assert [each["name"] for each in yaml.safe_load(file.read_text())["budgets"]] == ["all"]
    assert file.read_text().startswith("# mine\npue: 1.5\n")
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", "x", "--limit", "5"], "$.budgets[0].limit: expected a mass"),
        (["add", "x", "--limit", "0g"], "more than 0g"),
        (["add", "x", "--limit", "5kg", "--period", "moon"], "day, week, month, quarter, year or a duration"),
        (["add", "x", "--limit", "5kg", "--user", "("], "not a regular expression"),
        (
            ["add", "x", "--limit", "5kg", "--match", "usr=a"],
            "with one of these labels: user, workload, kind, command, model, project",
        ),
        (["remove", "x"], "there is no budget 'x'; there are: none"),
        (["show", "x"], "there is no budget 'x'; there are: none"),
    ],
)
def test_wrong_words_change_nothing(
    file: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = file.read_text()
    assert command(file, *words)[0] == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert file.read_text() == before


def test_a_name_is_unique(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(file, "add", "x", "--limit", "5kg")
    assert command(file, "add", "x", "--limit", "5kg")[0] == 2
    assert "used twice" in capsys.readouterr().err


def test_a_file_that_is_missing_is_made_and_none_named_is_said(tmp_path: Path) -> None:
    assert command(tmp_path / "new.yml", "add", "x", "--limit", "5kg")[0] == 0
    assert yaml.safe_load((tmp_path / "new.yml").read_text())["budgets"][0]["name"] == "x"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_may_not_be_written_is_said(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.chmod(0o400)
    file.parent.chmod(0o500)
    assert command(file, "add", "x", "--limit", "5kg")[0] == 2
    assert f"cannot write {file}" in capsys.readouterr().err


def budget(**match: str) -> Budget:
    return Budget("b", Mass(50_000), Period(rolling=Duration(30 * 86400)), cast(dict[Any, str], match))


def test_what_a_machine_can_reach_is_its_full_power_for_a_whole_period() -> None:
    # 1 kW x 30 d = 720 kWh; x 600 g/kWh = 432 kg, 8.64 times 50 kg.
    assert outlook.at_most(budget(), 1000, 600) == (
        "at most: 432 kg in a period, at 1000 W day and night and 600 g/kWh: 8.6 times the limit"
    )
    assert outlook.at_most(budget(), 100, 56).endswith("this machine alone cannot spend it")


def test_what_was_emitted_lately_is_scaled_to_a_period() -> None:
    asked = []

    def prometheus(url: str) -> str:
        asked.append(url)
        value = "240" if "count_over_time" in url else "5000"  # 240 hours of it; 5 kg
        return f'{{"data": {{"result": [{{"value": [0, "{value}"]}}]}}}}'

    assert outlook.last_month(budget(user="a|b"), "http://p/", prometheus) == (
        "last 10.0 days: 5 kg on all machines; a whole period at that pace is 15 kg, 30% of the limit"
    )
    assert "gramwatt_workload_emissions_grams_total%7Buser%3D~%22a%7Cb%22%7D" in asked[0]
    assert "unknown, emissions are not kept by command" in outlook.last_month(
        budget(command="x"), "http://p", prometheus
    )


def test_a_value_is_found_by_its_labels() -> None:
    text = '# HELP m x\nm{budget="a"} 1\nm{budget="b\\"c"} 2\nn 3\n'
    assert outlook.metric(text, "m", budget='b"c') == 2
    assert outlook.metric(text, "n") == 3
    assert outlook.metric(text, "m", budget="d") is None
