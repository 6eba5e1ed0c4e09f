"""Settings: every one documented, every error at the right address, every source in its rank."""

from pathlib import Path

import pytest
from gramwatt_exporter.config import Duration, Mass, Period, describe, load, settings
from gramwatt_exporter.config.docs import page
from gramwatt_exporter.errors import ConfigError
from hypothesis import given
from hypothesis import strategies as st

DOCS = Path(__file__).parents[4] / "docs" / "configuration.md"


def test_the_page_is_made_from_the_schema_and_explains_every_key() -> None:
    text = page()
    assert DOCS.read_text() == text, "run: python -m gramwatt_exporter.config.docs > docs/configuration.md"
    for key in settings():
        assert f"`{key}`" in text
    unexplained = [line for line in text.splitlines() if line.startswith("| `") and line.endswith("|  |")]
    assert unexplained == []


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "c.yml"
    file.write_text("sampling: {interval: 2s}\npue: 1.1\nlog: {level: error}\n")
    environ = {"GRAMWATT_SAMPLING_INTERVAL": "3s", "GRAMWATT_PUE": "1.2", "HOME": "/"}
    loaded = load(str(file), environ, {"sampling.interval": "4s"})
    assert loaded.config.sampling.interval == 4.0
    assert loaded.config.pue == 1.2
    assert loaded.config.log.level == "error"
    assert loaded.origins["web.listen_address"] == "default"
    assert "sampling.interval" in describe(loaded)


def test_an_unknown_variable_of_ours_is_told_and_tokens_are_not_taken_for_one() -> None:
    loaded = load("", {"GRAMWATT_SAMPLING_INTERVALL": "1s", "GRAMWATT_CO2SIGNAL_TOKEN": "secret"})
    assert len(loaded.warnings) == 1
    assert "GRAMWATT_SAMPLING_INTERVALL" in loaded.warnings[0]


@pytest.mark.parametrize("key", settings())
def test_every_setting_refuses_nonsense_at_its_own_path(key: str, tmp_path: Path) -> None:
    tree = "{nonsense: [1]}"
    for part in reversed(key.split(".")):
        tree = f"{{{part}: {tree}}}"
    file = tmp_path / "c.yml"
    file.write_text(tree)
    with pytest.raises(ConfigError) as caught:
        load(str(file))
    assert caught.value.path.startswith(f"$.{key}")


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("- a", "expected a mapping"),
        ("a: [", "is not YAML"),
        ("\x00", "is not YAML"),
        ("budgets: [{name: a, limit: 1kg}, {name: a, limit: 1kg}]", "used twice"),
        ("budgets: [{name: a, limit: 0g}]", "more than 0g"),
        ("budgets: [{name: a, limit: 1kg, match: {user: '('}}]", "not a regular expression"),
        ("budgets: [{name: a, limit: 1kg, match: {users: a}}]", "users"),
        ("price: {hourly: [1, 2], currency: EUR}", "24 values"),
        ("price: {per_kilowatt_hour: 0.3}", "currency"),
        ("intensity: {providers: [{kind: static, hourly: [1]}]}", "24 values"),
        ("pue: 0.9", "1.0"),
        ("sampling: {interval: 50ms}", "100ms to 10s"),
        ("pue: .inf", "$.pue"),
        ("pue: .nan", "$.pue"),
        ("sensors: {rapl: {max_watts: .inf}}", "$.sensors.rapl.max_watts"),
        ("sensors: {nvml: {idle_watts: .inf}}", "$.sensors.nvml.idle_watts"),
        ("sensors: {ipmi: {interval: 0s}}", "1s and longer"),
        ("sensors: {redfish: {interval: 500ms}}", "1s and longer"),
        (f"state: {{save_interval: {'9' * 400}s}}", "expected a duration"),
        (f"budgets: [{{name: a, limit: {'9' * 400}kg}}]", "expected a mass"),
    ],
)
def test_rules_between_values(text: str, fragment: str, tmp_path: Path) -> None:
    file = tmp_path / "c.yml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(str(file))
    assert fragment in str(caught.value)


def test_a_missing_file_says_so() -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*nowhere.yml"):
        load("/nonexistent/nowhere.yml")


@pytest.mark.slow
@given(st.integers(1, 10**6), st.sampled_from(["ms", "s", "m", "h", "d", "w"]))
def test_durations_are_read_back_as_they_are_written(number: int, unit: str) -> None:
    duration = Duration.parse(f"{number}{unit}")
    assert Duration.parse(str(duration)) == pytest.approx(float(duration), abs=0.0005)


@pytest.mark.parametrize("text", ["", "5", "5 s", "s", "-5s", "5s!", "5s5", 5, None])
def test_durations_need_a_unit(text: object) -> None:
    with pytest.raises(ValueError, match="500ms"):
        Duration.parse(text)


def test_composite_values() -> None:
    assert Duration.parse("1h30m") == 5400
    assert Mass.parse("1.5t") == 1_500_000
    assert str(Mass.parse("50kg")) == "50kg"
    assert Period.parse("month").calendar == "month"
    assert Period.parse("30d").rolling == 30 * 86400
    with pytest.raises(ValueError, match="day, week, month, quarter, year"):
        Period.parse("fortnight")


@pytest.mark.parametrize(
    ("text", "allowed"), [("1h", True), ("10y", True), ("59m", False), ("0s", False), ("11y", False)]
)
def test_a_rolling_period_is_one_that_a_rule_can_divide_by(text: str, allowed: bool, tmp_path: Path) -> None:
    file = tmp_path / "c.yml"
    file.write_text(f"budgets: [{{name: b, limit: 1kg, period: {text}}}]\n")
    if allowed:
        assert str(load(str(file)).config.budgets[0].period)
        return
    with pytest.raises(ConfigError, match="from 1h to 10y") as caught:
        load(str(file))
    assert caught.value.path.endswith(".period")
