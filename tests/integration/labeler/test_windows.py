"""Measuring windows from the raw samples of a real Prometheus."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from gramwatt_labeler.errors import NotFound, NotYet, TryAgain
from gramwatt_labeler.grading.gate import refusal
from gramwatt_labeler.model import Measurement, Window
from gramwatt_labeler.prometheus import Prometheus
from gramwatt_labeler.windows import find_by_id, find_by_name, finished, measure

DAY = 86_400.0


@pytest.fixture
def prometheus(prometheus_url: str) -> Prometheus:
    return Prometheus(prometheus_url, httpx.Client())


@pytest.fixture
def measured(prometheus: Prometheus, now: float) -> Any:
    def run(window: str) -> tuple[Window, Measurement]:
        return measure(prometheus, find_by_id(prometheus, window, now, 2 * DAY), now)

    return run


def test_a_window_between_two_scrapes_is_exact(measured: Any) -> None:
    window, measurement = measured("short")
    assert measurement.energy_joules == 15.0
    assert measurement.components == {"cpu": 12.5, "dram": 2.5}
    assert measurement.emissions_grams == 0.25
    assert measurement.coverage_ratio == 1.0
    assert measurement.uncertainty_ratio == 0.05
    assert measurement.sources == ("rapl",)
    assert refusal(measurement) == ""
    assert (window.name, window.seconds, dict(window.values)) == ("short-one", 2.0, {"samples": 10.0})


def test_nothing_is_extrapolated(measured: Any) -> None:
    _, measurement = measured("steady")
    assert measurement.energy_joules == 6000.0
    assert measurement.samples == 133  # 0, 5, ..., 660 s
    assert measurement.emissions_grams is None


def test_a_window_longer_than_one_answer(measured: Any) -> None:
    _, measurement = measured("long")
    assert measurement.energy_joules == 180_000.0
    assert measurement.coverage_ratio == 1.0


def test_a_reset_inside_is_counted_and_costs_coverage(measured: Any) -> None:
    _, measurement = measured("reset-long")
    # 0..595 s seen before the counter began again at 600 s: the five seconds in between are lost.
    assert measurement.energy_joules == 5950.0 + 6000.0
    assert measurement.resets == 1
    assert measurement.coverage_ratio == pytest.approx(1 - 5 / 1200)
    assert refusal(measurement) == ""


def test_a_reset_in_a_short_window_is_refused(measured: Any) -> None:
    _, measurement = measured("reset-short")
    assert "83.3 %" in refusal(measurement)


def test_an_exporter_that_was_away_costs_coverage_although_the_counter_never_fell(measured: Any) -> None:
    _, measurement = measured("restarted")
    assert measurement.resets == 0
    assert measurement.coverage_ratio == pytest.approx(1 - 120 / 600)
    assert "coverage" in refusal(measurement)


def test_a_lost_gpu_costs_coverage(measured: Any) -> None:
    _, measurement = measured("gpu-lost")
    assert measurement.coverage_ratio == pytest.approx(1 - 100 / 600)


def test_two_samples_are_refused_once_no_more_can_come(measured: Any) -> None:
    _, measurement = measured("two-samples")
    assert measurement.samples == 2
    assert refusal(measurement).startswith("samples (the energy counter has 2, 3 are needed)")


def test_a_fresh_window_is_waited_for(prometheus: Prometheus, now: float) -> None:
    with pytest.raises(NotYet, match="1 of 3 samples"):
        measure(prometheus, find_by_id(prometheus, "fresh", now, DAY), now)


def test_a_window_without_energy_is_refused(measured: Any) -> None:
    _, measurement = measured("zero")
    assert refusal(measurement) == "a usable energy (it is 0 J)"


def test_two_jobs_that_scrape_one_exporter_count_once(measured: Any) -> None:
    _, measurement = measured("twice")
    assert measurement.energy_joules == 6000.0


def test_open_windows_are_not_found_as_finished(prometheus: Prometheus, now: float) -> None:
    assert "open" not in {found.id for found in finished(prometheus, now, DAY)}
    with pytest.raises(NotYet, match="not finished"):
        find_by_id(prometheus, "open", now, DAY)
    with pytest.raises(NotFound, match="not finished"):
        find_by_name(prometheus, "open-one", now, DAY)


def test_windows_are_listed_by_their_end_and_only_within_the_lookback(
    prometheus: Prometheus, now: float
) -> None:
    ends = [found.end for found in finished(prometheus, now, DAY)]
    assert ends == sorted(ends)
    assert [found.id for found in finished(prometheus, now, 60)] == ["fresh"]


def test_names_with_any_character_are_found(prometheus: Prometheus, now: float) -> None:
    assert find_by_name(prometheus, 'a"b\\c\n<script>&', now, DAY).id == "hostile"
    with pytest.raises(NotFound, match="unknown"):
        find_by_name(prometheus, 'no"} or up{x="', now, DAY)
    with pytest.raises(NotFound, match="unknown"):
        find_by_id(prometheus, "no-such", now, DAY)


def test_no_server_is_a_failure_that_may_pass() -> None:
    with pytest.raises(TryAgain, match="connection failed"):
        Prometheus("http://127.0.0.1:1", httpx.Client(), 1).instant("up", 0)


def test_copies_told_apart_by_a_replica_label_are_one_window(measured: Any) -> None:
    _, measurement = measured("replicas")
    assert measurement.components == {"cpu": 6000.0, "gpu": 3000.0}
    assert measurement.emissions_grams == 0.25
    assert measurement.resets == 0
    assert refusal(measurement) == ""


def test_a_copy_that_lags_is_no_reset(measured: Any) -> None:
    _, measurement = measured("lagging")
    assert measurement.energy_joules == 6000.0
    assert (measurement.resets, measurement.coverage_ratio) == (0, 1.0)


def test_a_label_that_changes_inside_the_window_splits_nothing(measured: Any) -> None:
    _, measurement = measured("renamed")
    assert (measurement.energy_joules, measurement.emissions_grams, measurement.resets) == (6000.0, 0.5, 0)


def test_what_was_counted_before_a_change_of_labels_is_not_lost(measured: Any) -> None:
    _, measurement = measured("renamed-reset")
    assert measurement.energy_joules == 6000.0 + 6000.0
    assert measurement.resets == 1


@pytest.mark.parametrize(
    ("window", "failure"),
    [
        ("crashed", "exit code 1"), ("killed", "signal SIGKILL"), ("raised", "exception MemoryError"),
        ("vanished", "its process ended without stopping the window"), ("succeeded", ""), ("over", ""), ("steady", ""),
    ],
)  # fmt: skip
def test_how_a_run_ended_is_read(measured: Any, window: Any, failure: Any) -> None:
    found, _ = measured(window)
    assert found.failure.startswith(failure)
    assert bool(found.failure) == bool(failure)


def test_energy_below_the_floor_is_refused(measured: Any) -> None:
    _, measurement = measured("tiny")
    assert measurement.floor_joules == 1.0
    assert refusal(measurement).startswith(
        "energy that the sensors can resolve (it is 0.5 J, they resolve 1 J)"
    )
