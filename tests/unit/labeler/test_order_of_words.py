"""Settings stand before a command's verb or after it, with the same effect."""

from __future__ import annotations

from pathlib import Path

import pytest
from gramwatt_labeler.__main__ import main
from gramwatt_labeler.cli.parser import given_settings, parser

VERBS = [
    ["scale", "list"], ["scale", "show", "gramwatt"], ["scale", "check", "file"], ["scale", "diff", "a", "b"],
    ["scale", "new"], ["user", "add", "ann"], ["user", "passwd", "ann"], ["user", "token", "ann"],
    ["user", "role", "ann", "viewer"], ["user", "disable", "ann"], ["user", "enable", "ann"], ["user", "list"],
    ["study", "sync"], ["study", "import", "file"], ["study", "curate", "o/m", "size", "1"], ["study", "analyse"],
    ["study", "export"],
]  # fmt: skip
SETTINGS = ["--data.dir", "elsewhere", "--config.file", "mine.yml", "--log.level=debug"]


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_before_and_after_the_verb(words: list[str]) -> None:
    command, *verb = words
    for line in (
        [command, *SETTINGS, *verb],
        [command, verb[0], *SETTINGS, *verb[1:]],
        [*words, *SETTINGS],
        [command, *SETTINGS[:2], *verb, *SETTINGS[2:]],
    ):
        options = parser().parse_args(line)
        assert given_settings(options) == {"data.dir": "elsewhere", "log.level": "debug"}, line
        assert options.config_file == "mine.yml", line


def test_what_stands_last_wins() -> None:
    options = parser().parse_args(["scale", "--data.dir", "one", "list", "--data.dir", "two"])
    assert given_settings(options) == {"data.dir": "two"}


@pytest.mark.parametrize("command", ["user", "study"])
def test_json_before_and_after(command: str) -> None:
    verb = {"user": "list", "study": "analyse"}[command]
    assert parser().parse_args([command, verb, "--json"]).json is True
    assert parser().parse_args([command, "--json", verb]).json is True
    assert parser().parse_args([command, verb]).json is False


@pytest.mark.slow
def test_a_scales_folder_named_last_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = str(tmp_path / "none")
    assert main(["scale", "list", "--grading.scales-dir", missing]) != 0
    assert missing in capsys.readouterr().err
    assert main(["scale", "list", "--grading.scales-dir", str(tmp_path)]) == 0
    assert "gramwatt" in capsys.readouterr().out
