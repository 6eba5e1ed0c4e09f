"""Which values, steps and shares are believed: by factor, by neighbours, by who measured."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from gramwatt_exporter.intensity import checks
from gramwatt_exporter.intensity.checks import checked, forecast_checked, mix_checked, restored
from gramwatt_exporter.intensity.providers.failures import Unavailable
from gramwatt_exporter.model import Basis, Factor, Fetched, ForecastPoint, Intensity, Method, Mix
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 3, 2, 12, 10, tzinfo=UTC).timestamp()
HOUR = 3600.0


def value(
    grams: float,
    ago: float = 0.0,
    factor: Factor = "direct",
    method: Method = "measured",
    basis: Basis = "average",
    fossil: float | None = None,
    estimation: str = "",
) -> Intensity:
    at = NOW - ago * HOUR
    return Intensity(
        grams, "FR", "test", basis, method, factor, at, fossil_ratio=fossil, estimation=estimation
    )


def grams(fetched: Fetched) -> list[float]:
    return [each.grams_per_kilowatt_hour for each in fetched.values]


# --- zeros


@pytest.mark.parametrize("amount", [0.0, -0.0, 0.389, 0.99])
def test_no_grid_has_nothing_over_the_life_cycle(amount: float) -> None:
    with pytest.raises(Unavailable, match="life cycle") as caught:
        checked(Fetched(values=(value(amount, factor="lifecycle"),)), "FR", NOW)
    assert caught.value.reason == "implausible"


@pytest.mark.parametrize(
    ("series", "kept"),
    [
        ([0], [0]),  # nothing is known that speaks against it
        ([0, 0, 0], [0, 0, 0]),  # a grid of hydropower
        ([12, 4, 0, 0, 3, 15], [12, 4, 0, 0, 3, 15]),
        ([130, 120, 0, 0], [130, 120]),  # placeholders at the end
        ([0, 0, 120], [120]),  # at the start
        ([130, 0, 120], [130, 120]),
        ([4, 0, 300], [4, 300]),  # one neighbour is enough
        ([130, 0, 5, 0, 3], [130, 5, 0, 3]),  # each run by its own neighbours
    ],
)
def test_a_direct_zero_is_judged_by_its_neighbours(series: list[float], kept: list[float]) -> None:
    rows = tuple(value(float(amount), ago=len(series) - index) for index, amount in enumerate(series))
    assert grams(checked(Fetched(values=rows), "FR", NOW)) == kept
    points = tuple(ForecastPoint(NOW + index * HOUR, float(amount)) for index, amount in enumerate(series))
    assert [point.grams_per_kilowatt_hour for point in forecast_checked(points, "direct")] == kept


def test_earlier_answers_are_neighbours_too() -> None:
    zero = Fetched(values=(value(0.0),))
    assert grams(checked(zero, "FR", NOW, [value(5.0, ago=1)])) == [0.0]
    with pytest.raises(Unavailable, match="far from 0") as caught:
        checked(zero, "FR", NOW, [value(500.0, ago=1)])
    assert caught.value.reason == "implausible"


@pytest.mark.parametrize(("usual", "believed"), [(None, True), (28.0, True), (150.0, True), (240.0, False)])
def test_a_zero_that_stands_alone_is_judged_by_the_yearly_average(
    usual: float | None, believed: bool
) -> None:
    zero = Fetched(values=(value(0.0),))
    if believed:
        assert grams(checked(zero, "FR", NOW, usual=usual)) == [0.0]
        assert grams(checked(zero, "FR", NOW, [value(0.0, ago=1)], usual)) == [0.0]
    else:
        with pytest.raises(Unavailable, match="far from 0"):
            checked(zero, "FR", NOW, usual=usual)
        assert grams(checked(zero, "FR", NOW, [value(6.0, ago=1)], usual)) == [0.0]  # neighbours know better
    assert checked(Fetched(), "FR", NOW, usual=usual).values == ()


@pytest.mark.parametrize("swapped", [False, True])
def test_of_two_rows_for_one_moment_a_zero_is_not_the_one_that_counts(swapped: bool) -> None:
    zero, estimate = value(0.0, ago=1), value(70.0, ago=1, method="estimated")
    rows = (estimate, zero) if swapped else (zero, estimate)
    assert grams(checked(Fetched(values=rows), "FR", NOW)) == [70.0]
    low = (value(0.0, ago=1), value(8.0, ago=1, method="estimated"))  # a grid of hydropower
    assert grams(checked(Fetched(values=low), "FR", NOW)) == [0.0]


@pytest.mark.parametrize(
    ("amount", "usual", "believed"),
    [
        (5.0, 700.0, False),
        (1.0, 240.0, False),
        (30.0, 700.0, True),
        (12.0, 250.0, True),
        (5.0, 28.0, True),
        (5.0, None, True),
    ],
)
def test_a_life_cycle_value_far_below_the_yearly_average_is_no_value(
    amount: float, usual: float | None, believed: bool
) -> None:
    """A grid with such an average burns something in every hour."""
    fetched = Fetched(values=(value(amount, factor="lifecycle"),))
    if believed:
        assert grams(checked(fetched, "FR", NOW, usual=usual)) == [amount]
    else:
        with pytest.raises(Unavailable, match="yearly average") as caught:
            checked(fetched, "FR", NOW, usual=usual)
        assert caught.value.reason == "implausible"


def test_a_zero_while_fossil_plants_run_is_no_value() -> None:
    assert grams(checked(Fetched(values=(value(0.0, fossil=0.0),)), "FR", NOW)) == [0.0]
    with pytest.raises(Unavailable, match="fossil"):
        checked(Fetched(values=(value(0.0, fossil=0.06),)), "FR", NOW)


def test_a_marginal_zero_is_a_curtailed_wind_farm() -> None:
    rows = (value(450.0, 1, basis="marginal"), value(0.0, basis="marginal"))
    assert grams(checked(Fetched(values=rows), "FR", NOW)) == [450.0, 0.0]
    points = (ForecastPoint(NOW, 450.0), ForecastPoint(NOW + 300, 0.0))
    assert forecast_checked(points, "direct", "marginal") == points


# --- forecasts


def test_zeros_never_enter_a_life_cycle_forecast() -> None:
    points = [ForecastPoint(NOW + hour * HOUR, 0.0 if hour in (1, 7, 8) else 50.0) for hour in range(9)]
    kept = forecast_checked(points)
    assert [(point.at - NOW) / HOUR for point in kept] == [0, 2, 3, 4, 5, 6]


def test_a_forecast_ends_where_hours_are_missing() -> None:
    points = [ForecastPoint(NOW + hour * HOUR, 50.0) for hour in (0, 1, 2, 3, 9, 10)]
    assert [(point.at - NOW) / HOUR for point in forecast_checked(points)] == [0, 1, 2, 3]


def test_a_forecast_of_two_steps_and_a_far_one_ends_before_it() -> None:
    points = [ForecastPoint(NOW + hour * HOUR, 50.0) for hour in (0, 1, 8760)]
    assert [(point.at - NOW) / HOUR for point in forecast_checked(points)] == [0, 1]


def test_a_forecast_of_zeros_is_judged_by_the_value_of_its_first_hour() -> None:
    zeros = [ForecastPoint(NOW + hour * HOUR, 0.0) for hour in range(6)]
    assert forecast_checked(zeros, "direct", known=[value(60.0)]) == ()
    assert len(forecast_checked(zeros, "direct", known=[value(6.0)])) == 6


def test_a_forecast_that_is_absurd_in_large_part_is_not_used() -> None:
    amounts = [776.0, 1080.0, 2684.0, 3243.0, 1547.0, 4460.0, 5513.0]
    points = [ForecastPoint(NOW + index * 900, amount) for index, amount in enumerate(amounts)]
    with pytest.raises(Unavailable) as caught:
        checked(Fetched(forecast=points), "FR", NOW)
    assert caught.value.reason == "implausible"


points = st.lists(
    st.builds(
        ForecastPoint,
        st.floats(NOW - HOUR, NOW + 48 * HOUR) | st.just(math.nan) | st.just(math.inf),
        st.floats(0, 2000) | st.just(0.0) | st.floats(),
    ),
    max_size=40,
)
factors: st.SearchStrategy[Factor] = st.sampled_from(["lifecycle", "direct"])


@pytest.mark.slow
@given(points, factors)
def test_any_forecast_comes_out_plausible_in_order_and_checking_again_changes_nothing(
    steps: list[ForecastPoint], factor: Factor
) -> None:
    once = forecast_checked(steps, factor)
    assert all(point in steps for point in once)
    assert all(checks.plausible(point.grams_per_kilowatt_hour, factor) for point in once)
    times = [point.at for point in once]
    assert times == sorted(set(times))
    assert forecast_checked(once, factor) == once


series = st.lists(
    st.tuples(st.sampled_from([0.0, 3.0, 15.0, 20.0, 21.0, 400.0]), st.integers(0, 30)), max_size=30
)


@pytest.mark.slow
@given(series, st.randoms())
def test_the_order_of_rows_does_not_matter(rows: list[tuple[float, int]], chance: object) -> None:
    unique = {ago: amount for amount, ago in rows}
    values = [value(amount, ago=ago) for ago, amount in unique.items()]
    shuffled = list(values)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]

    def outcome(ordered: list[Intensity]) -> object:
        try:
            return checked(Fetched(values=tuple(ordered)), "FR", NOW).values
        except Unavailable as error:
            return error.reason

    assert outcome(values) == outcome(shuffled)


@pytest.mark.slow
@given(series)
def test_a_zero_that_is_kept_has_no_neighbour_far_from_zero(rows: list[tuple[float, int]]) -> None:
    ordered = sorted({ago: amount for amount, ago in rows}.items(), reverse=True)
    kept = {
        each.at for each in checks.without_placeholders([value(amount, ago=ago) for ago, amount in ordered])
    }
    amounts = [amount for _, amount in ordered]
    for index, (ago, amount) in enumerate(ordered):
        before = next((other for other in reversed(amounts[:index]) if other), None)
        after = next((other for other in amounts[index + 1 :] if other), None)
        far = any(other is not None and other > checks.LOW_NEIGHBOUR for other in (before, after))
        assert (NOW - ago * HOUR in kept) == (amount > 0 or not far)


# --- who measured


@pytest.mark.parametrize(
    "methods", [("measured", "estimated"), ("measured", "forecast"), ("estimated", "forecast")]
)
def test_of_two_rows_for_one_moment_the_measured_one_counts(methods: tuple[Method, Method]) -> None:
    better, worse = value(118.0, method=methods[0]), value(125.0, method=methods[1])
    for rows in ((better, worse), (worse, better)):
        assert checked(Fetched(values=rows), "FR", NOW).values == (better,)


def test_of_two_rows_of_a_kind_the_later_told_counts() -> None:
    rows = (value(118.0), value(125.0))
    assert grams(checked(Fetched(values=rows), "FR", NOW)) == [125.0]


# --- shares


@pytest.mark.parametrize(
    "mix",
    [
        Mix(NOW, 1.2, None),
        Mix(NOW, -0.1, None),
        Mix(NOW, None, math.nan),
        Mix(NOW, 0.6, 0.6),  # what is renewable is not fossil
        Mix(NOW + HOUR, 0.3, 0.3),
        Mix(math.nan, 0.3, 0.3),
    ],
)
def test_shares_that_cannot_be_are_refused(mix: Mix) -> None:
    with pytest.raises(Unavailable) as caught:
        checked(Fetched(mix=mix), "FR", NOW)
    assert caught.value.reason in ("implausible", "future")


@pytest.mark.parametrize("mix", [Mix(NOW, 0.31, 0.06), Mix(NOW, 1.0, 0.0), Mix(NOW), Mix(NOW, 0.505, 0.505)])
def test_shares_that_can_be_stay(mix: Mix) -> None:
    assert mix_checked(mix, NOW) == mix


@pytest.mark.parametrize(
    ("amount", "fossil", "kept"),
    [
        (56.0, 0.05, True),
        (389.0, 0.517, True),
        (389.0, 0.00517, False),
        (56.0, 0.99, False),
        (56.0, 1.7, False),
    ],
)
def test_a_share_that_contradicts_the_intensity_is_dropped(amount: float, fossil: float, kept: bool) -> None:
    (found,) = checked(Fetched(values=(value(amount, fossil=fossil),)), "FR", NOW).values
    assert found.grams_per_kilowatt_hour == amount
    assert (found.fossil_ratio is not None) == kept


# --- what a cache gives back


def test_a_cache_of_before_these_rules_is_judged_like_an_answer() -> None:
    values = [value(130.0, 2, "lifecycle"), value(0.0, 1, "lifecycle"), value(1e9, 0.5, "lifecycle")]
    steps = [ForecastPoint(NOW, 50.0), ForecastPoint(NOW + HOUR, 0.0)]
    assert restored(values, steps, Mix(NOW, 0.9, 0.9)) == ([values[0]], [steps[0]], None)
    direct = [value(130.0, 2), value(0.0, 1)]
    assert restored(direct, [], Mix(NOW, 0.3, 0.3)) == ([direct[0]], [], Mix(NOW, 0.3, 0.3))


def test_nothing_of_a_cache_with_sandbox_data_is_kept() -> None:
    values = [value(130.0, 2), value(131.0, 1, estimation="SANDBOX_MODE_DATA")]
    assert restored(values, [ForecastPoint(NOW, 50.0)], Mix(NOW, 0.3, 0.3)) == ([], [], None)
