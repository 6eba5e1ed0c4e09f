"""Numbers, run times and times of day as spreadsheets of several countries write them, and what is asked back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from gramwatt_labeler.forms.entry import read_entry
from gramwatt_labeler.forms.mistakes import Mistake, Mistakes
from gramwatt_labeler.forms.quantities import BYTES, COUNT, ENERGY, TIME, Kind, read_quantity
from gramwatt_labeler.forms.signs import signs_of, written
from gramwatt_labeler.moments import OddMoment, moment, settled
from gramwatt_labeler.roi.asked import read
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "kind", "unit", "words"),
    [
        ("10.000", COUNT, "", "“10.000” can mean 10000 or 10; write 10000 or 10"),
        ("1.500", COUNT, "", "can mean 1500 or 1.5;"),
        ("440.000 B", BYTES, "MB", "can mean 440000 or 440;"),
        ("60,000", COUNT, "", "can mean 60000 or 60; write 60000 or 60$"),  # and not "60."
        ("100,000", ENERGY, "J", "can mean 100000 or 100;"),
    ],
)
def test_a_count_with_three_digits_behind_its_point_is_asked_back(
    text: str, kind: Kind, unit: str, words: str
) -> None:
    with pytest.raises(Mistake, match=words):
        read_quantity(text, kind, unit)


@pytest.mark.parametrize(
    ("text", "kind", "unit", "expected"),
    [
        ("10.000", COUNT, "k", 10_000.0),
        ("1.234 M", COUNT, "", 1_234_000.0),
        ("1.500", ENERGY, "kWh", 1.5 * 3.6e6),
        ("0.500", COUNT, "", 0.5),
        ("1.5000", COUNT, "", 1.5),
        ("60000.000", COUNT, "", 60_000.0),
    ],
)
def test_where_one_reading_makes_sense_it_is_taken(text: str, kind: Kind, unit: str, expected: float) -> None:
    assert read_quantity(text, kind, unit) == pytest.approx(expected, rel=1e-12)


FORM = {"phase": "training", "model": "m", "energy": "0,5", "energy_unit": "kWh"}


def test_a_point_beside_a_decimal_comma_of_the_same_form_is_asked_back() -> None:
    with pytest.raises(Mistakes) as raised:
        read_entry(FORM | {"emissions": "1.500", "emissions_unit": "g", "size": "1.500", "size_unit": "MB"})
    assert raised.value.by_field.keys() == {"emissions", "size"}
    assert "can mean 1500 or 1,5, as other fields have a decimal comma" in raised.value.by_field["size"]
    with pytest.raises(Mistakes, match=r"emissions.*as other fields have points between thousands"):
        read_entry(
            FORM | {"energy": "5", "samples": "1.200.000", "emissions": "1.500", "emissions_unit": "g"}
        )
    for form in (FORM | {"extra": "loss: 1.500"}, FORM | {"energy": "1", "extra": "bleu: 31,4, loss: 1.500"}):
        with pytest.raises(Mistakes, match=r"loss: “1\.500” can mean 1500 or 1,5, as other fields"):
            read_entry(form)
    assert read_entry(FORM | {"energy": "0.5", "emissions": "1.500"}).values["emissions"] == 1.5
    asked = {"old": "0,5", "new": "0,3", "price": "0,30", "calls_per_day": "10.000", "cost": "1.500"}
    assert read(asked)[1].keys() == {"calls_per_day", "cost"}
    assert read(asked | {"calls_per_day": "10 000", "cost": "1.500,00"})[1] == {}


@given(st.floats(min_value=1e-6, max_value=1e15))
def test_what_a_program_hands_on_is_never_asked_back(value: float) -> None:
    assert read_quantity(written(value), COUNT) == value


@pytest.mark.parametrize(
    ("texts", "text", "expected"),
    [
        (["60,000", "1,200,000"], "60,000", "60000"),
        (["60.000", "1.200.000"], "60.000", "60000"),
        (["60,000 J", "1,234.5"], "60,000 J", "60000 J"),
        (["0,25", "12,500"], "12,500", "12.5000"),
        (["512.000", "60000.000"], "512.000", "512.0000"),
        (["-1,500", "1,234,567"], "-1,500", "-1500"),
        (["60,000", "500"], "60,000", "60,000"),  # nothing says it
        (["1,500", "1,200,000", "0,5"], "1,500", "1,500"),  # it says both
        (["1.500", "1.200.000", "0.5"], "1.500", "1.500"),
        (["1.500e3", "1.200.000"], "1.500e3", "1.500e3"),
        (["many", "1,200,000"], "many", "many"),
        (["60,000", "1 234,5"], "60,000", "60.0000"),  # groups of blanks, and a decimal comma
        (["60,000", "12, see note"], "60,000", "60,000"),  # what is no number says nothing of numbers
        (["60,000", "1,500examples"], "60,000", "60,000"),
        (["60,000", "12,"], "60,000", "60,000"),
    ],
)
def test_a_column_says_which_sign_groups_its_digits(texts: list[str], text: str, expected: str) -> None:
    assert signs_of(texts).settled(text) == expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2:30:00", 9000), ("00:00:01.5", 1.5), ("100:00:00", 360_000), ("1 day, 2:30:00", 95_400),
        ("2 days, 0:00:01", 172_801), ("0 days 02:30:00.250", 9000.25), ("2h 30min", 9000), ("2 h 30 min 5 s", 9005),
        ("2m30.5s", 150.5), ("1d 2h", 93_600), ("0m2,5s", 2.5), ("2.5 h", 9000), ("90 min", 5400),
    ],
)  # fmt: skip
def test_a_run_time_may_be_of_several_parts(text: str, seconds: float) -> None:
    assert read_quantity(text, TIME, "h") == seconds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2:30", "can mean 2 h 30 min or 2 min 30 s; write 2:30:00 or 0:02:30"),
        ("150:30", "write 150:30:00 or 2:30:30"),
        ("2:75:00", "is not a unit of time"),
        ("2m", "is not a unit of time"),  # minutes, months, or milli
    ],
)
def test_a_run_time_of_two_readings_is_asked_back(text: str, words: str) -> None:
    with pytest.raises(Mistake, match=words):
        read_quantity(text, TIME, "s")


NOON = datetime(2026, 11, 20, 14, 5, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T14:05:00", "2026-11-20 14:05", "20.11.2026 14:05", "20.11.2026, 14:05:00", "20. 11. 2026 14:05",
        "11/20/2026 2:05 PM", "11/20/2026 14:05", "20/11/2026 14:05", "20-11-2026 14:05", "2026/11/20 14:05:00",
        "2026-11-20 2:05 p.m.", "2026-11-20T15:05+01:00", str(int(NOON)),
        str(int(NOON * 1000)),
    ],
)  # fmt: skip
def test_a_time_is_read_as_a_spreadsheet_writes_it(text: str) -> None:
    assert moment(text, UTC) == NOON


def test_milliseconds_are_no_day_of_long_ago() -> None:
    """Python reads these digits as 1612-10-20T04:05."""
    assert moment("1612102030405", UTC) == 1612102030.405


def test_a_time_is_in_the_zone_that_is_meant() -> None:
    assert moment("20.11.2026 15:05", timezone(timedelta(hours=1))) == NOON
    assert moment("2026-11-20T14:05Z", timezone(timedelta(hours=1))) == NOON


def test_noon_and_midnight_are_those_of_a_clock_of_twelve_hours() -> None:
    day = datetime(2026, 11, 20, tzinfo=UTC).timestamp()
    assert [moment(f"11/20/2026 {clock}", UTC) - day for clock in ("12:00 AM", "12:00 PM", "11:59:59 pm")] == [
        0, 43_200, 86_399,
    ]  # fmt: skip
    assert moment("5/5/2026", UTC) == datetime(2026, 5, 5, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("11/3/2026 2:05 PM", "can mean 2026-11-03 or 2026-03-11; write one of these"),
        ("31.02.2026 10:00", "is not a time such as"),
        ("13/13/2026", "is not a time such as"),
        ("11/20/2026 14:05 PM", "is not a time such as"),
        ("20.11.26 10:00", "is not a time such as"),
        ("yesterday", "is not a time such as"),
        ("1900-01-01T02:30:00", "is before 1970"),  # 26.5 hours, as a workbook has a length without [h]
    ],
)
def test_a_time_of_two_days_or_of_none_is_asked_back(text: str, words: str) -> None:
    with pytest.raises(OddMoment, match=words):
        moment(text, UTC)


def test_a_column_of_times_says_which_number_is_the_month() -> None:
    assert settled(["11/3/2026 2:05 PM", "11/13/2026"]) == {"11/3/2026 2:05 PM": "2026-11-03T14:05"}
    assert settled(["3/11/2026", "13/11/2026", "2026-11-20"]) == {"3/11/2026": "2026-11-03"}
    assert settled(["3/11/2026", "4/11/2026"]) == {}  # nothing says it
    assert settled(["3/11/2026", "45/11/2026"]) == {}  # a slip says nothing
    assert settled(["3-11-2026", "11/13/2026"]) == {}  # two ways of writing: two countries
    assert settled(["3/11/2026 14:05 PM", "13/11/2026"]) == {
        "3/11/2026 14:05 PM": "2026-11-03T14:05 PM"
    }  # no time
    assert settled(["3/11/2026", "13/11/2026", "11/13/2026"]) == {}  # it says both
