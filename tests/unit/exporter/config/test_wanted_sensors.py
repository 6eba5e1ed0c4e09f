"""Which sensors the user switched on, by file, environment or flag: their absence is worth a warning."""

from __future__ import annotations

from pathlib import Path

from gramwatt_exporter.config import load
from gramwatt_exporter.flags import wanted_sensors


def test_nothing_is_wanted_by_default() -> None:
    assert wanted_sensors(load()) == set()


def test_what_the_file_switches_on_is_wanted(tmp_path: Path) -> None:
    file = tmp_path / "gw.yml"
    file.write_text(
        "sensors: {rapl: {enabled: true}, ipmi: {enabled: true}, nvml: {enabled: false}, hwmon: {}}\n"
    )
    assert wanted_sensors(load(str(file))) == {"rapl", "ipmi"}


def test_so_is_what_the_environment_switches_on_and_a_trace_to_replay() -> None:
    environ = {"GRAMWATT_SENSORS_IPMI_ENABLED": "true", "GRAMWATT_SENSORS_REPLAY_FILE": "trace.jsonl"}
    assert wanted_sensors(load(environ=environ)) == {"ipmi", "replay"}
