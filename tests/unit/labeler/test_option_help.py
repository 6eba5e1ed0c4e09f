"""``--help`` explains every option."""

from __future__ import annotations

import pytest
from gramwatt_labeler.cli.parser import parser
from gramwatt_labeler.cli.setting_help import TEXTS
from gramwatt_labeler.config import settings
from gramwatt_labeler.grafana.command import _parser
from option_help import unexplained


def test_every_option_has_a_help_text() -> None:
    assert unexplained(parser()) == []
    assert unexplained(_parser({})) == []


def test_every_setting_has_a_text_and_no_other() -> None:
    assert list(TEXTS) == list(settings())


@pytest.mark.parametrize("command", ["watch", "import", "user", "scale"])
def test_help_is_printed(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """argparse fails on a percent sign in a help text only when it prints it."""
    with pytest.raises(SystemExit) as ended:
        parser().parse_args([command, "--help"])
    assert ended.value.code == 0
    assert "web.allowed-hosts" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["roi"], ["study", "sync"], ["scale", "new"]])
def test_the_commands_own_words_come_before_the_settings(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parser(words).parse_args([*words, "--help"])
    text = capsys.readouterr().out
    usage, _, rest = text.partition("\n\n")
    assert usage.startswith(" ".join(["usage: gramwatt-labeler", *words]))
    assert "--data.dir" not in usage
    assert rest.index("options:") < rest.index("settings:") < rest.index("--data.dir")
