"""Budgets: what counts for which, periods by the calendar and rolling, clocks that step, restarts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from gramwatt_exporter import units
from gramwatt_exporter.budgets import BudgetBook, period_at
from gramwatt_exporter.config import Duration, Mass, Period
from gramwatt_exporter.config.schema import Budget
from hypothesis import given
from hypothesis import strategies as st

HOUR = 3600
DAY = 86400


class Clock:
    """A wall clock that stands where it is put."""

    def __init__(self, text: str = "2026-03-10T12:00:00") -> None:
        self.now = at(text)

    def __call__(self) -> float:
        return self.now


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def budget(name: str = "b", period: str = "30d", limit: str = "50kg", **match: str) -> Budget:
    return Budget(
        name=name, limit=Mass.parse(limit), period=Period.parse(period), match=cast(dict[Any, str], match)
    )


def spent(book: BudgetBook) -> int:
    return book.frozen()[0].period_emission_units


# --- what counts for which budget


@pytest.mark.parametrize(
    ("match", "labels", "expected"),
    [
        ({}, {"user": "alice"}, True),
        ({"user": "alice|bob"}, {"user": "alice"}, True),
        ({"user": "alice|bob"}, {"user": "bobby"}, False),
        ({"user": "alice|bob"}, {"user": "malice"}, False),
        ({"user": "alice"}, {"workload": "train.service"}, False),
        ({"workload": ".*"}, {"user": "alice"}, True),
        ({"workload": ".+"}, {"user": "alice"}, False),
        ({"user": "alice", "kind": "container"}, {"user": "alice", "kind": "unit"}, False),
        ({"user": "alice", "kind": "container"}, {"user": "alice", "kind": "container"}, True),
        ({"workload": "a.b"}, {"workload": "a\nb"}, True),  # as in Prometheus 3
    ],
)
def test_every_expression_must_match_the_whole_label(match: Any, labels: Any, expected: Any) -> None:
    book = BudgetBook([budget("b", **match)], Clock())
    assert book.matches(labels) == (("b",) if expected else ())
    assert book.matches(labels) == (("b",) if expected else ())  # from the cache too


def test_emissions_may_count_for_several_budgets() -> None:
    book = BudgetBook([budget("all"), budget("alice", user="alice"), budget("bob", user="bob")], Clock())
    assert book.matches({"user": "alice", "workload": "x"}) == ("all", "alice")


@pytest.mark.slow
def test_more_label_combinations_than_are_remembered_still_match() -> None:
    book = BudgetBook([budget("even", workload=".*[02468]")], Clock())
    for number in range(9000):
        assert book.matches({"workload": f"w{number}"}) == (("even",) if number % 2 == 0 else ())
    assert book.matches({"workload": "w0"}) == ("even",)


# --- periods


@pytest.mark.parametrize(
    ("period", "now", "start", "days"),
    [
        ("day", "2026-03-10T12:00:00", "2026-03-10T00:00:00", 1),
        ("week", "2026-03-10T12:00:00", "2026-03-09T00:00:00", 7),  # a Tuesday
        ("week", "2026-03-09T00:00:00", "2026-03-09T00:00:00", 7),
        ("week", "2026-03-08T23:59:59", "2026-03-02T00:00:00", 7),
        ("week", "2027-01-01T06:00:00", "2026-12-28T00:00:00", 7),
        ("month", "2026-03-10T12:00:00", "2026-03-01T00:00:00", 31),
        ("month", "2026-02-28T23:59:59", "2026-02-01T00:00:00", 28),
        ("month", "2028-02-29T23:59:59", "2028-02-01T00:00:00", 29),
        ("month", "2026-12-31T23:59:59", "2026-12-01T00:00:00", 31),
        ("30d", "2026-03-31T00:00:00", "2026-03-01T00:00:00", 30),
    ],
)
def test_where_a_period_begins_and_how_long_it_is(period: Any, now: Any, start: Any, days: Any) -> None:
    assert period_at(Period.parse(period), at(now)) == (at(start), days * DAY)


def test_a_calendar_month_begins_at_nothing() -> None:
    clock = Clock("2026-01-31T23:59:50")
    book = BudgetBook([budget(period="month")], clock)
    book.charge("b", 700)
    assert spent(book) == 700
    clock.now += 20
    view = book.frozen()[0]
    assert (view.period_emission_units, view.emission_units) == (0, 700)
    assert (view.period_start, view.period_seconds) == (at("2026-02-01T00:00:00"), 28 * DAY)
    book.charge("b", 5)
    assert spent(book) == 5


def test_a_rolling_budget_forgets_what_is_older_than_its_period() -> None:
    clock = Clock()
    book = BudgetBook([budget(period="30d")], clock)
    book.charge("b", 700)
    clock.now += 29 * DAY
    book.charge("b", 5)
    assert spent(book) == 705
    clock.now += 1 * DAY + HOUR
    assert spent(book) == 5
    assert book.frozen()[0].emission_units == 705


def test_the_limit_and_what_is_spent_are_grams() -> None:
    book = BudgetBook([budget(limit="2g")], Clock())
    book.charge("b", units.emission_units(units.microjoules(3_600_000), 500_000))  # 1 kWh at 500 g/kWh
    view = book.frozen()[0]
    assert view.limit_grams == 2.0
    assert units.grams(view.period_emission_units) == 500.0


def test_what_cannot_be_charged_is_refused() -> None:
    book = BudgetBook([budget()], Clock())
    with pytest.raises(ValueError, match="negative"):
        book.charge("b", -1)
    assert spent(book) == 0


def test_a_budget_that_is_no_more_is_passed_over() -> None:
    book = BudgetBook([budget()], Clock())
    book.charge("of before the reload", 1)
    assert spent(book) == 0


# --- clocks


@pytest.mark.parametrize("period", ["month", "week", "30d"])
def test_a_clock_that_was_wrong_for_a_while_loses_nothing(period: Any) -> None:
    """Ahead by decades, or back in 1970 as on a board without a clock battery."""
    for wrong in ("2099-01-01T00:00:00", "1970-01-01T00:10:00", "2025-11-30T10:00:00"):
        clock = Clock("2026-03-10T12:00:00")
        book = BudgetBook([budget(period=period)], clock)
        book.charge("b", 1000)
        right, clock.now = clock.now, at(wrong)
        book.frozen()
        clock.now += 60
        book.frozen()
        clock.now = right + 60
        assert spent(book) == 1000, wrong


def test_emissions_dated_in_the_future_count_now_and_end_with_the_period() -> None:
    clock = Clock("2099-01-01T00:00:00")
    book = BudgetBook([budget(period="day")], clock)
    book.charge("b", 1000)
    clock.now = at("2026-03-10T12:00:00")
    assert spent(book) == 1000
    for _ in range(13):
        clock.now += HOUR
        book.frozen()
    assert spent(book) == 0  # 11 March
    assert book.frozen()[0].emission_units == 1000


@pytest.mark.parametrize("period", ["day", "month", "quarter", "30d"])
def test_a_machine_that_runs_for_hours_before_its_clock_is_set_loses_nothing(period: Any) -> None:
    """A board without a clock battery or a network begins each time in 1970."""
    clock = Clock("2026-03-10T12:00:00")
    book = BudgetBook([budget(period=period)], clock)
    book.charge("b", 1000)
    clock.now = at("1970-01-01T00:00:10")
    book = restarted(book, [budget(period=period)], clock)
    for _ in range(3):
        clock.now += HOUR
        book.charge("b", 10)
        assert spent(book) >= 1000
    book = restarted(book, [budget(period=period)], clock)
    clock.now = at("2026-03-10T15:00:10")
    assert spent(book) == 1030
    clock.now = at("2026-07-01T00:00:00")
    assert spent(book) == 0


@pytest.mark.parametrize("wrong", ["1970-01-01T00:00:10", "2021-01-01T00:00:00"])
@pytest.mark.parametrize("period", ["day", "month", "30d"])
def test_a_clock_far_behind_loses_nothing_where_all_buckets_are_in_use(period: Any, wrong: str) -> None:
    """After months every new bucket takes the place of one: never of one that has just begun."""
    clock = Clock("2026-03-10T12:30:00")
    book = BudgetBook([budget(period=period)], clock)
    for hour in range(100 * 24):
        clock.now = at("2026-03-10T12:30:00") + hour * HOUR
        book.charge("b", 1)
    right = clock.now
    before = spent(book)
    clock.now = at(wrong)
    for _ in range(3):
        clock.now += 15 * 60
        book.charge("b", 1000)
        book = restarted(book, [budget(period=period)], clock)
    assert spent(book) >= before + 3000
    clock.now = right
    if wrong.startswith("1970"):
        assert spent(book) == before + 3000


@pytest.mark.slow
def test_buckets_are_bounded_however_long_it_runs() -> None:
    clock = Clock()
    book = BudgetBook([budget(period="month")], clock)
    for _ in range(2 * 366 * 24):
        clock.now += HOUR
        book.charge("b", 1)
    hours = datetime.fromtimestamp(clock.now, UTC)
    assert spent(book) == (hours.day - 1) * 24 + hours.hour + 1
    assert len(book.state()["budgets"]["b"]["buckets"]) <= 2160


# --- restarts


def restarted(book: BudgetBook, budgets: list[Budget], clock: Clock) -> BudgetBook:
    other = BudgetBook(budgets, clock)
    assert other.restore(json.loads(json.dumps(book.state()))) == []
    return other


def test_a_changed_period_keeps_what_was_emitted_when() -> None:
    clock = Clock("2026-03-10T12:00:00")
    book = BudgetBook([budget(period="month")], clock)
    book.charge("b", 1000)
    clock.now += 2 * DAY
    book.charge("b", 10)
    assert spent(restarted(book, [budget(period="1d")], clock)) == 10
    assert spent(restarted(book, [budget(period="30d", limit="1g")], clock)) == 1010


def test_budgets_come_and_go_with_the_configuration() -> None:
    clock = Clock()
    book = BudgetBook([budget("old"), budget("kept")], clock)
    book.charge("old", 1)
    book.charge("kept", 2)
    views = restarted(book, [budget("kept"), budget("new")], clock).frozen()
    assert [(view.name, view.emission_units) for view in views] == [("kept", 2), ("new", 0)]


@pytest.mark.parametrize(
    "saved",
    [
        {},
        {"total": "x", "buckets": []},
        {"total": "-1", "buckets": []},
        {"total": "1", "buckets": [[0, "-5"]]},
        {"total": "1", "buckets": [["nan", "5"]]},
        {"total": "1", "buckets": [["inf", "5"]]},
        {"total": "1", "buckets": 7},
        None,
    ],
)
def test_a_damaged_budget_begins_anew_and_says_so(saved: Any) -> None:
    clock = Clock()
    book = BudgetBook([budget("b"), budget("c")], clock)
    problems = book.restore({"budgets": {"b": saved, "c": {"total": "7", "buckets": [[clock.now, "7"]]}}})
    assert len(problems) == 1
    assert "'b'" in problems[0]
    assert [view.emission_units for view in book.frozen()] == [0, 7]


def test_a_state_that_is_not_one_is_said() -> None:
    assert BudgetBook([budget()], Clock()).restore({"budgets": 3}) != []


# --- properties

charges = st.lists(
    st.tuples(st.integers(0, 40 * HOUR), st.integers(0, 10**22), st.booleans()), min_size=1, max_size=60
)


@pytest.mark.slow
@given(charges, st.sampled_from(["day", "week", "month"]))
def test_calendar_periods_are_exact(steps: Any, period: Any) -> None:
    clock = Clock()
    settings = [budget(period=period)]
    book = BudgetBook(settings, clock)
    log: list[tuple[float, int]] = []
    for wait, amount, restart in steps:
        clock.now += wait
        book.charge("b", amount)
        log.append((clock.now, amount))
        if restart:
            book = restarted(book, settings, clock)
        view = book.frozen()[0]
        assert view.period_emission_units == sum(amount for when, amount in log if when >= view.period_start)
        assert view.emission_units == sum(amount for _, amount in log)


@pytest.mark.slow
@given(charges, st.sampled_from([10 * 60, HOUR, DAY, 7 * DAY, 30 * DAY]))
def test_rolling_periods_are_exact_to_one_bucket(steps: Any, seconds: Any) -> None:
    clock = Clock()
    settings = [Budget(name="b", limit=Mass(1), period=Period(rolling=Duration(seconds)))]
    book = BudgetBook(settings, clock)
    bucket = max(10, seconds / 720)
    log: list[tuple[float, int]] = []
    for wait, amount, restart in steps:
        clock.now += wait
        book.charge("b", amount)
        log.append((clock.now, amount))
        if restart:
            book = restarted(book, settings, clock)
        view = book.frozen()[0]
        least = sum(amount for when, amount in log if when >= clock.now - seconds)
        most = sum(amount for when, amount in log if when >= clock.now - seconds - bucket)
        assert least <= view.period_emission_units <= most
        assert (view.period_start, view.period_seconds) == (clock.now - seconds, seconds)


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.integers(-400 * DAY, 400 * DAY), st.integers(0, 10**20)), min_size=1, max_size=40),
    st.sampled_from(["day", "month", "1h", "30d"]),
)
def test_whatever_the_clock_does_totals_are_monotonic_and_the_present_counts(steps: Any, period: Any) -> None:
    clock = Clock()
    book = BudgetBook([budget(period=period)], clock)
    total = 0
    for jump, amount in steps:
        clock.now += jump
        book.charge("b", amount)
        total += amount
        view = book.frozen()[0]
        assert view.emission_units == total
        assert amount <= view.period_emission_units <= total


@pytest.mark.parametrize(
    ("period", "now", "start", "end"),
    [
        ("quarter", "2026-03-10T12:00:00", "2026-01-01T00:00:00", "2026-04-01T00:00:00"),
        ("quarter", "2024-12-31T23:59:59", "2024-10-01T00:00:00", "2025-01-01T00:00:00"),
        ("quarter", "2026-07-01T00:00:00", "2026-07-01T00:00:00", "2026-10-01T00:00:00"),
        ("year", "2024-02-29T12:00:00", "2024-01-01T00:00:00", "2025-01-01T00:00:00"),
        ("year", "2026-12-31T23:59:59", "2026-01-01T00:00:00", "2027-01-01T00:00:00"),
    ],
)
def test_quarters_and_years(period: str, now: str, start: str, end: str) -> None:
    assert period_at(Period.parse(period), at(now)) == (at(start), at(end) - at(start))


def test_a_year_holds_all_its_emissions_and_the_next_begins_at_nothing() -> None:
    clock = Clock("2026-01-01T00:00:00")
    book = BudgetBook([budget(period="year")], clock)
    for _ in range(365):
        book.charge("b", 1)
        clock.now += DAY
    clock.now -= 1
    assert spent(book) == 365
    clock.now += 1
    assert spent(book) == 0


def test_a_view_names_its_period() -> None:
    clock = Clock()
    book = BudgetBook([budget("a", "month"), budget("b", "30d")], clock)
    assert [view.period for view in book.frozen()] == ["month", "30d"]
