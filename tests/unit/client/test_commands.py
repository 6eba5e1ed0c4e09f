"""windows, show, top, when and completion, as a person or a script calls them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from typing import Any

import gramwatt as client
import pytest

pytestmark = pytest.mark.slow

HOUR = 3600.0


def test_windows_lists_newest_first_and_filters(gramwatt: Any, exporter: Any) -> None:
    assert gramwatt("windows").stderr == "no windows\n"
    with client.window("first", phase="training"):
        pass
    w = client.window("second", phase="inference").start()
    lines = gramwatt("windows").stdout.splitlines()
    assert lines[0].split() == [
        "WINDOW",
        "NAME",
        "PHASE",
        "STATE",
        "START",
        "DURATION",
        "ENERGY",
        "CO2",
        "POWER",
    ]
    assert [line.split()[:4] for line in lines[1:]] == [
        ["w2", "second", "inference", "open"], ["w1", "first", "training", "finished"],
    ]  # fmt: skip
    found = json.loads(gramwatt("windows", "--json", "--state", "open").stdout)
    assert [window["window"] for window in found] == [w.id]


def test_a_name_cannot_paint_the_terminal(gramwatt: Any, exporter: Any) -> None:
    with client.window("evil\x1b[2J\nname", phase="training"):
        pass
    for done in (gramwatt("windows"), gramwatt("show", "last")):
        assert "\x1b" not in done.stdout
        assert "evil?[2J?name" in done.stdout


@pytest.mark.parametrize("field", ["window", "phase", "state", "ended_by"])
def test_nor_can_any_other_word_of_an_exporter(gramwatt: Any, exporter: Any, field: str) -> None:
    """Over TCP it may be anybody's."""
    with client.window("run", phase="training"):
        pass
    exporter.only()[field] = "\x1b[2Jgone"
    for command in (("windows",), ("show", "last")):
        assert "\x1b" not in gramwatt(*command).stdout


def test_a_list_of_windows_that_is_none_is_empty(gramwatt: Any, exporter: Any) -> None:
    body = b'{"windows": 5}'
    exporter.fault = lambda method, path: (
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    assert gramwatt("windows").stderr == "no windows\n"


def test_show_by_id_beginning_and_last(gramwatt: Any, exporter: Any) -> None:
    with client.window("fit", phase="training", model="mlp"), client.window("epoch", phase="training") as w:
        w.record(loss=0.5)
    for asked in ("w2", "last"):
        text = gramwatt("show", asked).stdout
        for part in ("epoch (training)", "window w2", "finished (by stop)", "loss=0.5", "part of     w1"):
            assert part in text
    assert json.loads(gramwatt("show", "w1", "--json").stdout)["model"] == "mlp"
    several = gramwatt("show", "w")
    assert several.returncode == 1
    assert "2 windows begin with 'w'" in several.stderr
    missing = gramwatt("show", "zz")
    assert (missing.returncode, missing.stderr) == (
        1,
        "gramwatt show: no such window; see gramwatt windows\n",
    )


@pytest.mark.parametrize(
    "command", [("windows",), ("show", "x"), ("top", "--once"), ("when", "--duration", "1h")]
)
def test_without_exporter_one_line_and_code_1(gramwatt: Any, command: Any) -> None:
    done = gramwatt(*command)
    assert done.returncode == 1
    assert done.stderr == f"gramwatt {command[0]}: no exporter at /nonexistent/gramwatt.sock\n"


def test_socket_option_wins(gramwatt: Any, exporter: Any) -> None:
    done = gramwatt("--socket", "/other.sock", "windows")
    assert "no exporter at /other.sock" in done.stderr
    assert (
        gramwatt("--socket", str(exporter.path), "windows", environ={"GRAMWATT_SOCKET_PATH": "/x"}).returncode
        == 0
    )


TOP: dict[str, Any] = {
    "at": 0.0,
    "devices": [{"component": "cpu", "device": "package-0", "source": "rapl", "power_watts": 100.0,
                 "energy_joules": 3600.0, "emissions_grams": 0.1, "uncertainty_ratio": 0.05}],
    "processes": [
        {"pid": 7, "command": "idle", "workload": "a.service", "kind": "unit", "user": "bob", "power_watts": 1.0,
         "power_by_component": {"cpu": 1.0}, "energy_joules": 900.0, "emissions_grams": None, "cpu_seconds": 3.0},
        {"pid": 9, "command": "train", "workload": "b", "kind": "command", "user": "alice", "power_watts": 90.0,
         "power_by_component": {"cpu": 90.0}, "energy_joules": 10.0, "emissions_grams": None, "cpu_seconds": 2.0},
    ],
    "workloads": [{"workload": "a.service", "kind": "unit", "user": "bob", "power_watts": 1.0,
                   "energy_joules": 900.0, "emissions_grams": None}],
    "budgets": [{"budget": "team", "limit_grams": 50000.0, "period_emissions_grams": 12500.0,
                 "period_start": 0.0, "period_seconds": 86400.0}],
    "windows_open": 2,
    "intensity": {"average": {"grams_per_kilowatt_hour": 50.0, "zone": "FR", "provider": "annual",
                              "basis": "average", "method": "annual", "factor": "lifecycle", "at": 0.0}},
}  # fmt: skip


def test_top_once_as_text(gramwatt: Any, exporter: Any) -> None:
    exporter.top = {
        **TOP,
        "intensity": {"average": {**TOP["intensity"]["average"], "at": time.time() - 3600}},
    }
    text = gramwatt("top", "--once").stdout
    assert text.startswith("node 100 W  |  5.00 g/h CO2e  |  50 g/kWh (FR annual, annual, 1 h")
    assert "2 open windows" in text
    assert "cpu        package-0  rapl    100 W  5.00 g/h" not in text  # the unit is in the header
    assert [line.split()[:2] for line in text.splitlines() if line.strip().startswith(("7 ", "9 "))] == [
        ["9", "train"], ["7", "idle"],
    ]  # fmt: skip
    assert "team    12.5 kg  50.0 kg  25 %" in text


def test_top_sorts_and_filters(gramwatt: Any, exporter: Any) -> None:
    exporter.top = TOP
    by_energy = gramwatt("top", "--once", "--sort", "energy").stdout
    assert by_energy.index("idle") < by_energy.index("train")
    filtered = gramwatt("top", "--once", "--filter", "ALICE").stdout
    assert "train" in filtered
    assert "idle" not in filtered
    assert json.loads(gramwatt("top", "--json").stdout) == TOP
    assert ("GET", "/v1/top?processes=3&workloads=3", None) not in exporter.calls
    gramwatt("top", "--json", "--count", "3")
    assert ("GET", "/v1/top?processes=3&workloads=3", None) in exporter.calls


def test_top_says_what_is_not_known(gramwatt: Any, exporter: Any) -> None:
    text = gramwatt("top").stdout
    assert "node power unknown" in text
    assert "no grid zone is set" in text


@pytest.mark.slow
def test_top_live_view_sorts_filters_and_survives_the_exporter(exporter: Any) -> None:
    pytest.importorskip("textual", reason="the live view needs the extra gramwatt[top]")
    from gramwatt.api import connect
    from gramwatt.cli.live import Board
    from textual.widgets import DataTable, Static

    exporter.top = TOP

    async def main() -> None:
        app = Board(connect(), sort="power", pattern="", count=50, interval=0.1)
        async with app.run_test(size=(140, 50)) as pilot:
            table = app.query_one("#processes", DataTable)

            def column(number: int) -> list[str]:
                return [str(table.get_row_at(row)[number]) for row in range(table.row_count)]

            async def until(condition: Any) -> None:
                for _ in range(300):
                    if condition():
                        return
                    await pilot.pause(0.02)
                raise AssertionError(column(1))

            await until(lambda: column(1) == ["train", "idle"])
            await pilot.press("e")
            await until(lambda: column(1) == ["idle", "train"])
            await pilot.press("slash", *"alice", "enter")
            await until(lambda: column(1) == ["train"])
            await pilot.press("escape")
            await until(lambda: len(column(1)) == 2)
            exporter.fault = lambda method, path: b""
            await until(lambda: app.query_one("#problem", Static).display)
            assert len(column(1)) == 2
            exporter.fault = None
            await until(lambda: not app.query_one("#problem", Static).display)
            await pilot.press("q")

    asyncio.run(main())


def _intensity(forecast: list[float], history: list[float] = [], now: float | None = 200.0) -> dict[str, Any]:  # noqa: B006
    at = time.time()
    average = {"grams_per_kilowatt_hour": now, "zone": "DE", "provider": "electricitymaps", "basis": "average",
               "method": "estimated", "factor": "lifecycle", "at": at, "age_seconds": 0.0}  # fmt: skip
    return {
        "average": average if now is not None else None, "marginal": None, "message": "no grid zone is configured",
        "forecast": [{"at": at + (i + 1) * HOUR, "grams_per_kilowatt_hour": v} for i, v in enumerate(forecast)],
        "history": [{"at": at - (len(history) - 1 - i) * HOUR, "grams_per_kilowatt_hour": v}
                    for i, v in enumerate(history)],
    }  # fmt: skip


def test_when_by_the_forecast(gramwatt: Any, exporter: Any) -> None:
    exporter.intensity = _intensity([180, 100, 100, 300, 300])
    answer = json.loads(gramwatt("when", "--duration", "2h", "--deadline", "6h", "--json").stdout)
    assert answer["start"] == exporter.intensity["forecast"][1]["at"]
    assert answer["saved_grams_per_kilowatt_hour"] == pytest.approx(190 - 100, abs=0.1)
    assert (answer["method"], answer["zone"], answer["provider"]) == ("forecast", "DE", "electricitymaps")
    text = gramwatt("when", "--duration", "2h", "--deadline", "6h").stdout
    assert "saves 90 g CO2e per kWh (47 % less)" in text
    assert "by the forecast for DE, electricitymaps" in text


def test_when_now_is_best(gramwatt: Any, exporter: Any) -> None:
    exporter.intensity = _intensity([300, 300, 300])
    done = gramwatt("when", "--duration", "1h", "--deadline", "3h")
    assert done.stdout.startswith("start now: 200 g/kWh, no later start is better")


def test_when_a_short_forecast_is_named(gramwatt: Any, exporter: Any) -> None:
    exporter.intensity = _intensity([180, 100])
    assert "where the data ends" in gramwatt("when", "--duration", "1h").stdout
    done = gramwatt("when", "--duration", "8h")
    assert done.returncode == 1
    assert "the forecast is shorter than the job" in done.stderr


def test_when_there_is_no_forecast_it_says_so(gramwatt: Any, exporter: Any) -> None:
    exporter.intensity = _intensity([])
    done = gramwatt("when", "--duration", "1h", "--json")
    assert done.returncode == 1
    assert "no forecast from this provider (electricitymaps)" in done.stderr
    answer = json.loads(done.stdout)
    assert answer["start"] is None
    assert "no forecast" in answer["message"]


def test_when_only_a_history_is_known_the_guess_is_named(gramwatt: Any, exporter: Any) -> None:
    exporter.intensity = _intensity([], history=[*[300.0] * 10, 50.0, 50.0, *[300.0] * 12, 200.0])
    text = gramwatt("when", "--duration", "2h").stdout
    assert "a guess, same as yesterday" in text
    answer = json.loads(gramwatt("when", "--duration", "2h", "--json").stdout)
    assert answer["method"] == "same as yesterday"
    assert answer["grams_per_kilowatt_hour"] == pytest.approx(50, abs=0.5)


def test_when_no_zone_or_another_one(gramwatt: Any, exporter: Any) -> None:
    exporter.intensity = _intensity([], now=None)
    assert "no grid zone is configured" in gramwatt("when", "--duration", "1h").stderr
    exporter.intensity = _intensity([100, 90])
    assert gramwatt("when", "--duration", "1h", "--zone", "DE").returncode == 0
    other = gramwatt("when", "--duration", "1h", "--zone", "FR")
    assert other.returncode == 1
    assert "knows the grid zone DE, not FR" in other.stderr


def test_when_wrong_arguments(gramwatt: Any, exporter: Any) -> None:
    assert "is not a duration" in gramwatt("when", "--duration", "four").stderr
    done = gramwatt("when", "--duration", "2h", "--deadline", "1h")
    assert done.returncode == 2
    assert "longer than the time until the deadline" in done.stderr


def _complete(script: str, *words: str) -> list[str]:
    line = " ".join(f"'{word}'" for word in words)
    state = f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}"
    code = f"{script}\n{state}; _gramwatt; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True)
    return sorted(done.stdout.split())


def test_bash_completion_completes(gramwatt: Any) -> None:
    script = gramwatt("completion", "bash").stdout
    assert _complete(script, "gramwatt", "w") == ["when", "windows"]
    assert _complete(script, "gramwatt", "run", "--ph") == ["--phase"]
    assert _complete(script, "gramwatt", "run", "--phase", "") == ["inference", "training"]
    assert _complete(script, "gramwatt", "--socket", "run", "top", "--so") == ["--sort"]
    assert _complete(script, "gramwatt", "completion", "") == ["--help", "bash", "fish", "zsh"]


def test_other_completions_name_every_subcommand(gramwatt: Any) -> None:
    for shell in ("zsh", "fish"):
        script = gramwatt("completion", shell).stdout
        for name in ("run", "windows", "show", "top", "when", "completion", "phase"):
            assert name in script


def test_version_and_help(gramwatt: Any) -> None:
    assert gramwatt("--version").stdout.startswith("gramwatt ")
    assert "windows" in gramwatt("--help").stdout
    assert gramwatt("no-such").returncode == 2
