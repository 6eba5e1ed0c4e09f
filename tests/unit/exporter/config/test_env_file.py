"""Settings from an environment file, and files that change on disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from gramwatt_exporter.changed_files import ChangedFiles
from gramwatt_exporter.config import load
from gramwatt_exporter.config.env_file import with_file
from gramwatt_exporter.errors import ConfigError


def test_a_file_sets_what_the_environment_does_not(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "# ours\nexport GRAMWATT_INTENSITY_ZONE='FR'\nGRAMWATT_PRICE_CURRENCY=EUR # money\n"
        'GRAMWATT_CO2SIGNAL_TOKEN="a#b"\nGRAMWATT_LOG_LEVEL=debug\nGRAMWATT_PUE=\nSTACK_BIND=::1\n'
    )
    merged = with_file({"GRAMWATT_LOG_LEVEL": "error", "PATH": "/bin"}, str(file))
    assert merged == {
        "PATH": "/bin",
        "GRAMWATT_LOG_LEVEL": "error",
        "GRAMWATT_INTENSITY_ZONE": "FR",
        "GRAMWATT_PRICE_CURRENCY": "EUR",
        "GRAMWATT_CO2SIGNAL_TOKEN": "a#b",
    }


def test_an_empty_variable_of_the_environment_is_not_set(tmp_path: Path) -> None:
    """Compose hands on `NAME=` as an empty text."""
    file = tmp_path / ".env"
    file.write_text("GRAMWATT_INTENSITY_ZONE=FR\n")
    assert (
        load(environ=with_file({"GRAMWATT_INTENSITY_ZONE": "", "GRAMWATT_PUE": ""}, str(file))).config.pue
        == 1.0
    )
    assert with_file({"GRAMWATT_INTENSITY_ZONE": ""}, str(file))["GRAMWATT_INTENSITY_ZONE"] == "FR"


def test_a_missing_file_adds_nothing_and_an_unreadable_one_is_named(tmp_path: Path) -> None:
    assert with_file({"A": "1"}, str(tmp_path / "none")) == {"A": "1"}
    assert with_file({"A": "1"}, "") == {"A": "1"}
    with pytest.raises(ConfigError, match=r"--config\.env-file"):
        with_file({}, str(tmp_path))
    (tmp_path / "bad").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        with_file({}, str(tmp_path / "bad"))


def changes(files: ChangedFiles, looks: int = 3) -> list[bool]:
    return [files.look() for _ in range(looks)]


def test_a_new_file_in_the_place_of_the_old_one_is_a_change_even_with_the_same_time(tmp_path: Path) -> None:
    file = tmp_path / "exporter.yml"
    file.write_text("pue: 1.1\n")
    files = ChangedFiles([str(file), ""])
    assert changes(files) == [False, False, False]
    times = file.stat().st_atime_ns, file.stat().st_mtime_ns
    new = tmp_path / "new"
    new.write_text("pue: 1.2\n")
    os.utime(new, ns=times)
    new.replace(file)
    assert changes(files) == [False, True, False], "once, after it has held for one look"


def test_a_file_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "exporter.yml"
    file.write_text("")
    files = ChangedFiles([str(file)])
    for step in range(3):
        file.write_text("x" * (step + 1))
        assert not files.look()
    assert files.look()


def test_a_swapped_link_is_a_change_and_so_is_a_file_that_goes_and_comes(tmp_path: Path) -> None:
    """As Kubernetes changes a ConfigMap."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "exporter.yml").write_text("pue: 1.1\n")
    (tmp_path / "data").symlink_to("one")
    files = ChangedFiles([str(tmp_path / "data" / "exporter.yml")])
    (tmp_path / "new").symlink_to("two")
    (tmp_path / "new").replace(tmp_path / "data")
    assert changes(files) == [False, True, False]
    (tmp_path / "data").unlink()
    assert changes(files) == [False, True, False]


def test_a_change_that_is_taken_back_at_once_is_none(tmp_path: Path) -> None:
    file, other = tmp_path / "a", tmp_path / "b"
    file.write_text("1")
    other.write_text("2")
    files = ChangedFiles([str(file)])
    file.rename(tmp_path / "kept")
    assert not files.look()
    (tmp_path / "kept").rename(file)
    assert changes(files) == [False, False, False]
