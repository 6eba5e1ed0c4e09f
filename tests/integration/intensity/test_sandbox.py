"""Data that say themselves that they are no real data price nothing, whoever sends them and wherever."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.intensity.providers.failures import Refused
from gramwatt_exporter.model import Aspect
from grid_providers import JSON_CASES, PROVIDERS, failure, fetch, keep, live, make, replace, settings

DISCLAIMER = "You are using a token in SANDBOX MODE: the data are deliberately not accurate."


@pytest.mark.parametrize(
    "mark",
    [
        {"_disclaimer": DISCLAIMER},
        {"estimationMethod": "SANDBOX_MODE_DATA"},
        {"meta_note": "this is demo data"},
        {"sandbox": True},
        {"rows": [{"estimationMethod": "TEST_DATA"}]},
        {"note": "Values are intentionally perturbed"},
        {"notice": "Not intended for production use."},
        {"estimationMethod": "DEVELOPMENT_MODE_DATA"},
        {"warning": "These numbers were randomised and are for evaluation only"},
        {"avertissement": "Données fictives"},
        {"livemode": False},
        {"environment": "staging"},
    ],
)
@pytest.mark.parametrize(("kind", "aspect"), JSON_CASES)
def test_sandbox_data_is_refused_with_the_fix(
    grid: Any, environ: dict[str, str], kind: str, aspect: Aspect, mark: dict[str, Any]
) -> None:
    provider = make(grid, environ, kind)
    fetch(provider, grid, aspect)  # without the mark it is used
    replace(grid, kind, aspect, 200, lambda answer: {**answer, **mark})
    error = failure(provider, grid, aspect)
    assert (type(error), error.reason) == (Refused, "sandbox")
    assert "another token" in error.fix
    assert "sandbox" in str(error)


@pytest.mark.parametrize(
    "words",
    [
        {"source": "a random forest model of 2024"},
        {"note": "not real-time: one hour late"},
        {"note": "production and consumption, data of the transmission operator"},
        {"docs": "https://example.com/latest/contest"},
        {"owner": "Ministry for Development"},
        {"test": False, "livemode": True, "production": {"wind": 3}},
    ],
)
def test_ordinary_words_beside_a_value_are_no_mark(
    grid: Any, environ: dict[str, str], words: dict[str, Any]
) -> None:
    provider = make(grid, environ, "electricitymaps")
    replace(grid, "electricitymaps", "latest", 200, lambda answer: {**answer, **words})
    assert fetch(provider, grid).values


@pytest.mark.parametrize(
    "header", [("X-Sandbox", "true"), ("X-Data-Mode", "sandbox"), ("X-Environment", "test")]
)
def test_a_mark_in_a_header_counts_as_well(
    grid: Any, environ: dict[str, str], header: tuple[str, str]
) -> None:
    provider = make(grid, environ, "electricitymaps")
    fetch(provider, grid)
    grid.headers = dict([header, ("X-Request-Id", "demo")])
    assert failure(provider, grid, "latest").reason == "sandbox"
    grid.headers = {"X-Request-Id": "demo"}
    assert fetch(provider, grid).values


def test_a_mark_in_one_row_of_a_series_is_enough(grid: Any, environ: dict[str, str]) -> None:
    provider = make(grid, environ, "electricitymaps")

    def marked(answer: Any) -> Any:
        rows = [dict(row) for row in answer["history"]]
        rows[7]["estimationMethod"] = "SANDBOX_MODE_DATA"
        return {**answer, "history": rows}

    replace(grid, "electricitymaps", "history", 200, marked)
    assert failure(provider, grid, "history").reason == "sandbox"


@pytest.mark.parametrize("kind", ["electricitymaps", "co2signal", "co2signal (old)"])
def test_a_sandbox_token_prices_nothing_and_says_so_once(
    grid: Any, environ: dict[str, str], tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    provider = settings(grid, kind)
    for end in PROVIDERS[kind][2].values():
        grid.replaced[end] = (200, lambda answer: {**answer, "_disclaimer": DISCLAIMER})
    state = live(keep(grid, environ, tmp_path, provider), grid, 5)
    assert state.average is not None
    assert state.average.provider == "annual"
    assert (state.forecast, state.history) == ((), ())
    assert set(state.refresh_failures) == {(provider.__struct_config__.tag, "sandbox")}
    said = [record.message for record in caplog.records if "sandbox data" in record.message]
    assert len(said) == 1
    assert "another token" in said[0]
    saved = json.loads((tmp_path / "intensity.json").read_text())
    assert all(not memory["values"] and not memory["forecast"] for memory in saved["slots"].values())


def test_sandbox_history_forecast_and_shares_beside_a_real_value_are_not_used(
    grid: Any, environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    provider = settings(grid, "electricitymaps")
    for aspect, end in PROVIDERS["electricitymaps"][2].items():
        if aspect != "latest":
            grid.replaced[end] = (200, lambda answer: {**answer, "_disclaimer": DISCLAIMER})
    state = live(keep(grid, environ, None, provider), grid, 6)
    assert state.average is not None
    assert (state.average.provider, state.average.renewable_ratio) == ("electricitymaps", None)
    assert state.forecast == ()
    assert len(state.history) <= 7  # the values that were in force, not the 24 h of the answer
    assert state.refresh_failures == {("electricitymaps", "sandbox"): 3}
    assert sum("sandbox data" in record.message for record in caplog.records) == 3


def test_a_cache_written_with_sandbox_data_is_not_restored(
    grid: Any, environ: dict[str, str], tmp_path: Path
) -> None:
    provider = settings(grid, "electricitymaps")
    live(keep(grid, environ, tmp_path, provider), grid, 3)
    file = tmp_path / "intensity.json"
    saved = json.loads(file.read_text())
    (memory,) = saved["slots"].values()
    memory["values"][0]["estimation"] = "SANDBOX_MODE_DATA"
    file.write_text(json.dumps(saved))
    state = keep(grid, environ, tmp_path, provider).current()
    assert state.average is not None
    assert state.average.provider == "annual"
    assert (state.forecast, state.history) == ((), ())
