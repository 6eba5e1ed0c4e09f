"""Where Prometheus comes from."""

from pathlib import Path

import pytest

from stack import tools
from stack.settings import StackError


def program(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho {name} of the system\n")
    path.chmod(0o755)
    return path


def test_programs_on_path_are_used_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = tmp_path / "system"
    for name in ("prometheus", "promtool", "prometheus-alertmanager", "amtool"):  # Debian's name of it
        program(system, name)
    monkeypatch.setenv("PATH", f"{system}:/usr/bin:/bin")
    bin_dir = tools.ensure(tmp_path / "tools")
    assert {path.name for path in bin_dir.iterdir()} == set(tools.PROGRAMS)
    assert (bin_dir / "alertmanager").resolve() == system / "prometheus-alertmanager"
    assert not (tmp_path / "tools" / "debian").exists()


def test_without_apt_it_says_what_to_put_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(program(tmp_path / "system", "promtool").parent))
    with pytest.raises(StackError, match="on PATH: prometheus, alertmanager"):
        tools.ensure(tmp_path / "tools")


def test_a_program_that_does_not_run_here_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = tmp_path / "system"
    for name in tools.PROGRAMS:
        program(system, name)
    (system / "prometheus").write_text("#!/bin/sh\nexit 3\n")
    monkeypatch.setenv("PATH", f"{system}:/usr/bin:/bin")
    with pytest.raises(StackError, match="put a working prometheus on PATH"):
        tools.ensure(tmp_path / "tools")


def test_a_second_run_keeps_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = tmp_path / "system"
    for name in tools.PROGRAMS:
        program(system, name)
    monkeypatch.setenv("PATH", f"{system}:/usr/bin:/bin")
    first = {path: path.lstat().st_ino for path in tools.ensure(tmp_path / "tools").iterdir()}
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert {path: path.lstat().st_ino for path in tools.ensure(tmp_path / "tools").iterdir()} == first
