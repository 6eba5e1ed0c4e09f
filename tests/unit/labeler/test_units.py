"""Numbers as people read them: three digits, and the unit that those three digits call for."""

from __future__ import annotations

import pytest
from gramwatt_labeler import units
from gramwatt_labeler.charts.drawing import draw
from gramwatt_labeler.charts.specs import letter_bars, power_curve
from gramwatt_labeler.render.quantity import quantity


@pytest.mark.parametrize(
    ("joules", "text"),
    [
        (0.0, "0 J"), (0.9996, "1 J"), (3599.9, "1 Wh"), (3594.0, "3,590 J"), (3.6e6, "1 kWh"), (3.5999e6, "1 kWh"),
        (1.287e6 * 3.6e6, "1.29 GWh"), (999.9 * 3.6e6, "1 MWh"), (1e15, "278 GWh"), (4.2e-3, "4.2 mJ"),
    ],
)  # fmt: skip
def test_energy_is_in_the_unit_of_its_rounded_value(joules: float, text: str) -> None:
    assert units.energy(joules) == text


@pytest.mark.parametrize(
    ("grams", "text"), [(999.9, "1 kg"), (999.4, "999 g"), (-999.9, "-1 kg"), (0.0, "0 g"), (1e-3, "1 mg")]
)
def test_mass_is_in_the_unit_of_its_rounded_value(grams: float, text: str) -> None:
    assert units.mass(grams) == text


def test_a_moment_that_is_not_known_is_no_date() -> None:
    assert units.moment(0) == "not known"
    assert units.moment(1) == "1970-01-01 00:00:01 UTC"
    assert units.moment(1e18) == "?"


def test_bytes_go_up_with_their_rounded_value() -> None:
    assert quantity(999_999, "bytes") == "1 MB"


@pytest.mark.parametrize(
    ("value", "text"),
    [(167_178.0, "167,178"), (0.98222, "0.982"), (0.0, "0"), (1e18, "1.00e+18"), (float("inf"), "?")],
)
def test_a_whole_number_is_written_to_its_last_digit(value: float, text: str) -> None:
    assert units.counted(value) == text


@pytest.mark.slow
def test_a_chart_has_one_name_and_its_own_size() -> None:
    svg = draw(letter_bars([("A", 3), ("B", 1)], ["#111111", "#222222"]), 'letters of "x"')
    assert svg.count("aria-label=") == 1
    assert 'aria-label="letters of &quot;x&quot;"' in svg
    assert 'width="' in svg.split(">", 1)[0]


@pytest.mark.parametrize(("seconds", "form"), [(22, "%H:%M:%S"), (3600, "%H:%M"), (14 * 86_400, "%m-%d")])
def test_the_axis_of_a_power_curve_is_as_fine_as_its_run(seconds: float, form: str) -> None:
    axis = power_curve([(0.0, 1.0), (seconds, 2.0)])["encoding"]["x"]["axis"]
    assert (axis["format"], axis["labelOverlap"]) == (form, "greedy")
