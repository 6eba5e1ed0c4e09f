"""What YAML drops, repeats or fails on without a word is refused in every file that people write, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from gramwatt_exporter.budget_command.edit import added
from gramwatt_exporter.config import load
from gramwatt_exporter.errors import ConfigError
from gramwatt_exporter.webconfig import WebConfig

BAD = [
    ("{one: 1, two: 2}\n---\n{}\n", "expected a single document"),
    ("pue: 1.1\npue: 1.2\n", "line 2: the key 'pue' is given twice"),
    ("log: {level: info, level: error}\n", "line 1: the key 'level' is given twice"),
    ("? [\n", "YAML"),
    ("pue: 2026-13-45\n", "a date or a number that does not exist"),
    ("pue: " + "9" * 5000, "a date or a number that does not exist"),
    ("[" * 100_000, "nested too deeply"),
    ("budgets: &again [*again]\n", "an alias stands inside its own anchor"),
    ("basic_auth_users: &again {prom: *again}\n", "an alias stands inside its own anchor"),
    ('pue: "\\ud800"\n', "surrogate"),
    ('state: {dir: "/tmp/a\\0b"}\n', "NUL"),
    ("a: \xff\n".encode("latin-1"), "that are no text in UTF-8"),
]


def write(directory: Path, text: str | bytes) -> str:
    file = directory / "file.yml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(file)


@pytest.mark.parametrize(("text", "message"), BAD, ids=range(len(BAD)))
def test_every_reader_says_what_is_wrong(tmp_path: Path, text: str | bytes, message: str) -> None:
    file = write(tmp_path, text)
    for read in (lambda: load(file), lambda: WebConfig(file)):
        with pytest.raises(ConfigError) as caught:
            read()
        assert message in str(caught.value)
    if isinstance(text, str):
        with pytest.raises(ConfigError, match="is not YAML"):
            added(text, {"name": "lab", "limit": "50kg", "period": "month"})


def test_a_second_section_does_not_drop_the_first_one(tmp_path: Path) -> None:
    text = "sensors: {rapl: {max_watts: 250.0}}\nlog: {level: debug}\nsensors: {ipmi: {enabled: true}}\n"
    with pytest.raises(ConfigError, match="line 3: the key 'sensors' is given twice"):
        load(write(tmp_path, text))


def test_a_second_list_of_users_does_not_open_the_pages(tmp_path: Path) -> None:
    """An empty one after the real one would let everybody read."""
    with pytest.raises(ConfigError, match="given twice"):
        WebConfig(write(tmp_path, "basic_auth_users: {prom: x}\nbasic_auth_users: {}\n"))


def test_anchors_and_merged_keys_are_taken_as_yaml_says(tmp_path: Path) -> None:
    text = "sensors:\n  rapl: &own {enabled: false, idle_watts: 3}\n  hwmon: {<<: *own, enabled: true}\n"
    sensors = load(write(tmp_path, text)).config.sensors
    assert (sensors.hwmon.enabled, sensors.hwmon.idle_watts) == (True, 3)


def test_an_anchor_used_many_times_over_is_looked_at_once(tmp_path: Path) -> None:
    """Nine lines that stand for a thousand million values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 10)]
    with pytest.raises(ConfigError, match="unknown field"):
        load(write(tmp_path, "\n".join(lines)))


@pytest.mark.parametrize("name", ["GRAMWATT_LOG_LEVEL", "GRAMWATT_INTENSITY_ZONE", "GRAMWATT_STATE_DIR"])
def test_bytes_that_are_no_text_in_a_variable_or_a_flag_are_named(name: str) -> None:
    key = name.removeprefix("GRAMWATT_").lower().replace("_", ".", 1)
    with pytest.raises(ConfigError, match=f"^{name}: .* is not text in UTF-8"):
        load("", {name: "D\udcff"})
    with pytest.raises(ConfigError, match=f"^--{key}: .* is not text in UTF-8"):
        load("", {}, {key: "D\udcff"})


def test_a_name_that_no_file_can_have_is_said() -> None:
    for read in (lambda: load("a\0b"), lambda: WebConfig("a\0b")):
        with pytest.raises(ConfigError, match="is not the name of a file"):
            read()
