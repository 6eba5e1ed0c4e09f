"""What a server's own words are taken for."""

from __future__ import annotations

from typing import Any

import pytest
from gramwatt_exporter.intensity.providers import words
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ('No recent data for zone "US-MIDW-MISO"', "no_value"),
        ("There is no data for zone FR at the moment", "no_value"),
        ("No value for zone FR", "no_value"),
        ("Data not available for zone FR", "no_value"),
        ("zone FR is currently unavailable", "no_value"),
        ("carbon intensity data is missing for this hour", "no_value"),
        ("Zone 'DE' does not exist.", "zone"),
        ("Zone not found", "zone"),
        ("Unknown countryCode DE", "zone"),
        ("Invalid zoneKey XX", "zone"),
        ("No zone found for XX", "zone"),
        ("Could not find zone XX", "zone"),
        ("Region CAISO not found", "zone"),
        ("Balancing authority not recognized: region X", "zone"),
        ("Invalid auth-token", "token"),
        ("Invalid authentication credentials", "token"),
        ("Request unauthorized for zoneKey=IT,requestType=latest", "token"),
        ("Your token does not include forecasts", "token"),
        ("Access denied", "token"),
        ("No data available in your plan", "token"),
        ("Rate limit is exceeded. Try again in 42 seconds.", "quota"),
        ("Out of call volume quota. Quota will be replenished in 01:12:04.", "quota"),
        ("API rate limit exceeded", "quota"),
        ("Too many requests for this token", "quota"),
        ("You are over the limit", "quota"),
        ("Not Found", "route"),
        ("404 page not found", "route"),
        ("no Route matched with those values", "route"),
        ("Cannot GET /v9/carbon-intensity/latest", "route"),
        ("The requested dataset eco2mix-national-tr does not exist.", "route"),
        ("This endpoint needs a key that is not in SANDBOX mode", "sandbox"),
        ("Please enter a valid date in ISO8601 format", ""),
        ("ODSQL query is malformed", ""),
        ("", ""),
    ],
)
def test_an_error_text_is_read(text: str, meaning: str) -> None:
    assert words.meaning(text) == meaning
    assert words.meaning(text.upper()) == meaning


@pytest.mark.parametrize(
    "answer",
    [
        {"estimationMethod": "SANDBOX_MODE_DATA"},
        {"history": [{"estimationMethod": None}, {"estimationMethod": "SandboxModeData"}]},
        {"_disclaimer": "You are using a token in SANDBOX MODE"},
        {"_disclaimer": "This data is intentionally inaccurate"},
        {"_disclaimer": "The values are not accurate"},
        {"meta": {"note": "for testing purposes only"}},
        {"meta": {"environment": "test"}},
        {"data": {"isSandbox": True}},
        {"test_data": True},
        {"source": "TEST_DATA"},
        {"message": "This is demo data"},
        {"warnings": [{"message": "random numbers, not real"}]},
    ],
)
def test_an_answer_that_says_it_is_no_real_data_is_noticed(answer: Any) -> None:
    assert words.sandbox_mark(answer)


@pytest.mark.parametrize(
    "answer",
    [
        {"estimationMethod": "TIME_SLICER_AVERAGE"},
        {"estimationMethod": "GENERAL_PURPOSE_ZONE_DEVELOPMENT"},
        {"estimationMethod": "FORECASTS_HIERARCHY"},
        {"_disclaimer": "This data is the exclusive property of its owner. Contact hello@example.org"},
        {"_disclaimer": "Estimates may not be accurate; no warranty"},
        {"token": "eyJ-demo-sandbox_x"},
        {"test": False, "latest": True, "isEstimated": True},
        {"nature": "Donn\u00e9es temps r\u00e9el", "perimetre": "France"},
        {"index": "very low", "zone": "DE"},
        [1, None, "x"],
    ],
)
def test_an_ordinary_answer_has_no_mark(answer: Any) -> None:
    assert words.sandbox_mark(answer) == ""


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"error": {"code": "400 Bad Request", "message": "no such day"}}', "no such day"),
        (b'{"detail": [{"loc": ["query"], "msg": "zone is unknown"}]}', "zone is unknown"),
        (b'{"errors": ["first", "second"]}', "first; second"),
        (b'{"Message": "Not Found"}', "Not Found"),
        (b'"No recent data"', "No recent data"),
        (b"Access denied\n", "Access denied"),
        (b"<html><title>Not Found</title>", ""),
        (b'{"carbonIntensity": 12}', ""),
        (b"", ""),
        (b"\xff\xfe" * 1000, ""),
    ],
)
def test_the_explanation_is_found_in_every_usual_shape(body: bytes, text: str) -> None:
    assert words.explanation_of(body) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Try again in 42 seconds.", 42.0),
        ("replenished in 01:12:04", 4324.0),
        ("wait; back in 5 min", 300.0),
        ("try again in 2 hours", 7200.0),
        ("too many calls in this hour", None),
    ],
)
def test_a_wait_is_read_from_the_words(text: str, seconds: float | None) -> None:
    assert words.seconds_to_wait(text) == seconds


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.slow
@given(anything, st.binary(max_size=500), st.text(max_size=300))
def test_nothing_a_server_sends_breaks_the_reading(answer: Any, body: bytes, text: str) -> None:
    words.sandbox_mark(answer)
    words.explanation(answer)
    words.says_error(answer)
    words.explanation_of(body)
    words.meaning(text)
    words.seconds_to_wait(text)
