"""Settings stand before a command and its verb, between them, or after them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gramwatt_exporter.command import main
from gramwatt_exporter.flags import word_first


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([], []),
        (["--config.file", "a.yml"], ["--config.file", "a.yml"]),
        (["--state.dir", "budgets", "budgets", "list"], ["budgets", "--state.dir", "budgets", "list"]),
        (["--log.level=info", "sensors", "--json"], ["sensors", "--log.level=info", "--json"]),
        (["--json", "show"], ["show", "--json"]),
        (["show", "--json"], ["show", "--json"]),
        (["--help", "budgets"], ["budgets", "--help"]),
    ],
)
def test_the_word_first(words: list[str], wanted: list[str]) -> None:
    assert word_first(words) == wanted


@pytest.mark.slow
@pytest.mark.parametrize("place", [0, 1, 2])
def test_budgets_estimate_and_intensity_read_the_named_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: int
) -> None:
    file = tmp_path / "exporter.yml"
    file.write_text("{budgets: [{name: of-this-file, limit: 1kg, period: 30d}], intensity: {zone: FR}}\n")

    def said(*words: str) -> str:
        line = list(words)
        line[place:place] = ["--config.file", str(file)]
        assert main(line) in (0, 1), line  # 1: no intensity is known yet
        return capsys.readouterr().out

    assert "of-this-file" in said("budgets", "list")
    assert "load" in said("estimate", "show").lower()
    assert json.loads(said("intensity", "show", "--json"))["zone"] == "FR"
    file.write_text("nonsense: true\n")
    line = ["budgets", "list"]
    line[place:place] = ["--config.file", str(file)]
    assert main(line) == 2
    assert "nonsense" in capsys.readouterr().err


def test_an_unknown_word_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--log.level", "info", "budget"])
    assert ended.value.code == 2
    assert "budget" in capsys.readouterr().err
