"""What the refresher keeps over a restart: values, forecasts, call times; and damage to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.config.schema import (
    ElectricityMaps,
    Static,
)
from gramwatt_exporter.intensity import registry
from refreshing import DAY, HOUR, configured, live, started


def test_values_forecasts_and_call_times_survive_a_restart_without_network(
    grid: Any, environ: dict[str, str], tmp_path: Path
) -> None:
    config = configured(grid, ElectricityMaps(base_url=grid.url))
    before = live(started(grid, environ, config, tmp_path), grid, 2 * HOUR)
    grid.fault = "hang_up"
    after = started(grid, environ, config, tmp_path).current()
    assert (after.average, after.history, after.forecast) == (before.average, before.history, before.forecast)
    assert after.next_refresh is not None
    assert after.next_refresh > grid.now - 60
    text = (tmp_path / "intensity.json").read_text()
    assert environ["GRAMWATT_ELECTRICITYMAPS_TOKEN"] not in text


def test_another_zone_or_setting_never_gets_the_old_value(
    grid: Any, environ: dict[str, str], tmp_path: Path
) -> None:
    live(started(grid, environ, cache=tmp_path), grid, 600)
    germany = started(grid, environ, configured(grid, zone="DE"), tmp_path).current().average
    assert germany is not None
    assert (germany.zone, germany.provider) == ("DE", "annual")
    config = configured(grid, ElectricityMaps(base_url=grid.url))
    live(started(grid, environ, config, tmp_path), grid, 600)
    direct = configured(grid, ElectricityMaps(base_url=grid.url, factor="direct"))
    value = started(grid, environ, direct, tmp_path).current().average
    assert value is not None
    assert value.provider == "annual"


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"\x00\xff",
        b'{"zone": 1}',
        b'{"slots": {"co2signal": {"values": "x"}}}',
        b"[]",
        b'{"slots": ' + b"[" * 100_000,
    ],
    ids=range(7),
)
def test_a_damaged_cache_is_set_aside_and_said_once(
    grid: Any, environ: dict[str, str], tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "intensity.json").write_bytes(damage)
    keeper = started(grid, environ, cache=tmp_path)
    state = live(keeper, grid, HOUR)
    assert state.average is not None
    assert state.average.provider == "co2signal"
    assert (tmp_path / "intensity.json.corrupt").read_bytes() == damage
    assert json.loads((tmp_path / "intensity.json").read_bytes())["zone"] == "FR"
    assert sum("set aside" in record.message for record in caplog.records) == 1


def test_a_value_of_next_year_in_the_cache_does_not_keep_out_those_of_today(
    grid: Any, environ: dict[str, str], tmp_path: Path
) -> None:
    live(started(grid, environ, cache=tmp_path), grid, 600)
    file = tmp_path / "intensity.json"
    contents = json.loads(file.read_bytes())
    for memory in contents["slots"].values():
        memory["values"][-1]["at"] += 365 * 24 * HOUR
    file.write_text(json.dumps(contents))
    keeper = started(grid, environ, cache=tmp_path)
    for _ in range(2):
        value = live(keeper, grid, 2 * HOUR).average
        assert value is not None
        assert (value.provider, grid.now - value.at < 2 * HOUR) == ("co2signal", True)


def test_an_implausible_value_in_the_cache_is_not_believed(
    grid: Any, environ: dict[str, str], tmp_path: Path
) -> None:
    live(started(grid, environ, cache=tmp_path), grid, 600)
    file = tmp_path / "intensity.json"
    contents = json.loads(file.read_bytes())
    for memory in contents["slots"].values():
        for value in memory["values"]:
            value["grams_per_kilowatt_hour"] = 1e9
    file.write_text(json.dumps(contents))
    value = started(grid, environ, cache=tmp_path).current().average
    assert value is not None
    assert value.provider == "annual"


def test_a_folder_nobody_can_write_is_said_once_and_nothing_else_changes(
    grid: Any, environ: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    state = live(started(grid, environ, cache=blocked), grid, DAY)
    assert state.average is not None
    assert state.average.provider == "co2signal"
    assert [record.levelname for record in caplog.records if "cannot" in record.message].count("WARNING") <= 2
    assert sum("cannot save" in record.message for record in caplog.records) == 1


def test_reload_keeps_values_and_the_count_of_calls(grid: Any, environ: dict[str, str]) -> None:
    keeper = started(grid, environ)
    before = live(keeper, grid, 600)
    calls = len(grid.calls)
    config = configured(grid)
    keeper.reload(config, registry.build(config, environ, None))
    after = keeper.refresh_once(grid.now)
    assert after.average == before.average
    assert len(grid.calls) == calls
    config = configured(grid, Static(value=10.0))
    keeper.reload(config, registry.build(config, environ, None))
    value = keeper.refresh_once(grid.now).average
    assert value is not None
    assert value.provider == "static"
