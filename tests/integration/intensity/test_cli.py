"""``gramwatt-exporter intensity``: what a person sees, and what it says to fix."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.config import load
from gramwatt_exporter.intensity import cli, registry
from gramwatt_exporter.intensity.refresher import Refresher


class Shell:
    """The command with a configuration file, a state directory and the grid's clock."""

    def __init__(self, grid: Any, environ: dict[str, str], folder: Path) -> None:
        self.grid, self.environ = grid, environ
        self.config = folder / "gramwatt.yml"
        self.state = folder / "state"
        self.state.mkdir()
        self.configure(f"[{{kind: co2signal, base_url: '{grid.url}'}}, {{kind: annual}}]")

    def configure(self, providers: str, zone: str = "FR") -> None:
        self.config.write_text(
            f"state: {{dir: {self.state}}}\nintensity:\n  zone: '{zone}'\n  providers: {providers}\n"
        )

    def run(self, *words: str) -> tuple[int, str]:
        out = io.StringIO()
        argv = [words[0], "--config.file", str(self.config), *words[1:]]
        code = cli.run(argv, self.environ, out, clock=lambda: self.grid.now)
        return code, out.getvalue()

    def exporter(self, hours: float) -> None:
        """The exporter runs for a while, then ends."""
        config = load(str(self.config)).config.intensity
        providers = registry.build(config, self.environ, self.state)
        keeper = Refresher(config, providers, self.state, lambda: self.grid.now)
        for _ in range(int(hours * 60)):
            keeper.refresh_once(self.grid.now)
            self.grid.now += 60
        keeper.refresh_once(self.grid.now)  # it ends just after a refresh, so none is overdue


@pytest.fixture
def shell(grid: Any, environ: dict[str, str], tmp_path: Path) -> Shell:
    return Shell(grid, environ, tmp_path)


def test_show_tells_what_the_exporter_uses_without_a_call(shell: Shell) -> None:
    shell.exporter(hours=1)
    calls = len(shell.grid.calls)
    code, text = shell.run("show")
    assert code == 0
    assert "g/kWh for FR from co2signal (estimated, lifecycle, average, TIME_SLICER_AVERAGE)" in text
    assert "min old" in text
    assert "next refresh  in" in text
    assert "no forecast from this provider" in text
    assert len(shell.grid.calls) == calls


def test_show_as_json(shell: Shell) -> None:
    shell.exporter(hours=1)
    code, text = shell.run("show", "--json")
    answer = json.loads(text)
    assert code == 0
    assert answer["zone"] == "FR"
    assert answer["average"]["provider"] == "co2signal"
    assert 0 <= answer["average"]["age_seconds"] <= 3600
    assert [provider["name"] for provider in answer["providers"]] == ["co2signal", "annual"]


def test_show_names_the_problem_the_fix_and_when_it_is_tried_again(shell: Shell) -> None:
    shell.grid.fault = "401"
    shell.exporter(hours=0.5)
    code, text = shell.run("show")
    assert code == 0  # the yearly average is in force
    assert "from annual (annual" in text
    assert "refused the token (401)" in text
    assert "check the token" in text
    assert "asked again in" in text
    assert shell.environ["GRAMWATT_CO2SIGNAL_TOKEN"] not in text


def test_show_says_why_it_knows_nothing(shell: Shell) -> None:
    assert "nothing has been fetched into" in shell.run("show")[1]
    (shell.state / "intensity.json").mkdir()
    assert "cannot read" in shell.run("show")[1]
    shell.state = Path()
    shell.config.write_text(shell.config.read_text().partition("\n")[2])
    assert "state.dir is not set" in shell.run("show")[1]


def test_show_without_a_zone_says_how_to_set_one(shell: Shell) -> None:
    shell.configure("[{kind: annual}]", zone="")
    code, text = shell.run("show")
    assert code == 1
    assert "set intensity.zone" in text


def test_test_asks_every_provider_once(shell: Shell) -> None:
    code, text = shell.run("test")
    assert code == 0
    assert [line.split(":")[0] for line in text.splitlines()] == ["ok      co2signal", "ok      annual"]
    assert len(shell.grid.calls) == 1


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("401", "check the token"),
        ("html", "login page"),
        ("redirect", "set base_url"),
        ("huge", "not between 0 and 2000"),
        ("wrong_zone", "CA-QC"),
        ("future", "clock"),
    ],
)
def test_test_says_what_to_fix(shell: Shell, fault: str, told: str) -> None:
    shell.grid.fault = fault
    code, text = shell.run("test")
    assert code == 1
    assert text.startswith("FAILED  co2signal:")
    assert told in text
    assert shell.environ["GRAMWATT_CO2SIGNAL_TOKEN"] not in text


@pytest.mark.parametrize(
    ("status", "answer", "told"),
    [
        (200, {"_disclaimer": "SANDBOX MODE"}, "sends sandbox data, not real values"),
        (200, {"carbonIntensity": 0}, "no grid has less than 1 over the life cycle"),
        (200, {"datetime": "2026-02-27T12:00:00.000Z"}, "the newest value is 3 days old"),
        (404, {"error": 'No recent data for zone "FR"'}, "has no value for FR just now"),
        (404, {"message": "Not Found"}, "check base_url"),
        (401, {"message": "Rate limit is exceeded"}, "limit of calls is used up"),
    ],
)
def test_test_judges_as_the_exporter_does(
    shell: Shell, status: int, answer: dict[str, Any], told: str
) -> None:
    shell.configure(f"[{{kind: electricitymaps, base_url: '{shell.grid.url}'}}, {{kind: annual}}]")
    body: Any = (lambda whole: {**whole, **answer}) if status == 200 else answer
    shell.grid.replaced = {"latest": (status, body)}
    code, text = shell.run("test")
    assert code == 1
    assert text.splitlines()[0].startswith("FAILED  electricitymaps:")
    assert told in text
    assert "ok      annual" in text
    shell.exporter(hours=0.2)
    code, shown = shell.run("show")
    assert code == 0
    assert told in shown
    assert "from annual (annual, lifecycle, average, Our World in Data 2023, CC BY 4.0)" in shown


def test_test_with_an_unknown_zone_and_a_blocked_network(shell: Shell) -> None:
    shell.configure(f"[{{kind: electricitymaps, base_url: '{shell.grid.url}'}}]", zone="DE")
    assert "does not know the zone DE" in shell.run("test")[1]
    shell.configure("[{kind: electricitymaps, base_url: 'http://127.0.0.1:9'}]")
    assert "check the network and DNS" in shell.run("test")[1]


def test_testing_in_a_loop_keeps_to_what_the_exporter_leaves_of_the_hour(shell: Shell) -> None:
    for _ in range(20):
        shell.grid.now += 60
        code, text = shell.run("test")
    assert code == 1
    assert "tested 6 times in the last hour" in text
    assert len(shell.grid.calls) == 6
    shell.exporter(hours=1)
    assert len(shell.grid.calls) <= 6 + 24


def test_import_creates_the_table_the_exporter_reads(shell: Shell, tmp_path: Path) -> None:
    table = tmp_path / "owid.csv"
    table.write_text("Entity,Code,Year,Carbon intensity of electricity\nFrance,FRA,2025,41\nX,QQQ,2025,1\n")
    code, text = shell.run("import", str(table))
    assert code == 1
    assert "1 created, 0 updated" in text
    assert "line 3 left out: 'QQQ'" in text
    shell.configure("[{kind: annual}]")
    assert "41 g/kWh for FR from annual" in shell.run("show")[1]


def test_import_needs_a_place(shell: Shell, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["import", str(tmp_path / "x.csv")], {}, io.StringIO()) == 2
    assert "--output" in capsys.readouterr().err


def test_wrong_settings_are_refused_by_name(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    assert shell.run("show", "--intensity.zone", "Atlantis")[0] == 2
    assert "intensity.zone" in capsys.readouterr().err


def test_the_log_is_left_as_it_was(shell: Shell, caplog: pytest.LogCaptureFixture) -> None:
    shell.configure("[{kind: annual}]", zone="")
    shell.run("show")
    assert caplog.records == []
    Refresher(load().config.intensity, [], None, lambda: 2e9)
    assert len(caplog.records) == 1
