"""What a command says that makes an account: where it is kept, and what it lacks to log in."""

from __future__ import annotations

from pathlib import Path

import pytest
from gramwatt_labeler.__main__ import main

pytestmark = pytest.mark.slow


def test_a_command_in_another_folder_says_that_it_made_a_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["user", "add", "ann"]) == 0
    said = capsys.readouterr()
    assert "token: gwl_" in said.out
    assert f"made a new database, {tmp_path / 'var' / 'labeler' / 'grades.db'}" in said.err
    assert main(["user", "list"]) == 0
    assert "new database" not in capsys.readouterr().err


def test_an_account_with_a_token_alone_says_how_to_log_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["user", "add", "--data.dir", str(tmp_path), "ann lee"]) == 0
    assert "gramwatt-labeler user passwd 'ann lee'" in capsys.readouterr().err
