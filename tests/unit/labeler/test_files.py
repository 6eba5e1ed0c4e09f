"""Label files appear whole, with their own mode, and never through a planted link."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from gramwatt_labeler.files import replace


def test_bytes_are_flushed_before_the_name_is_given_and_the_name_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    fsync, renamed = os.fsync, Path.replace

    def flushed(descriptor: int) -> None:
        calls.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def rename(path: Path, target: Path) -> Path:
        calls.append("rename")
        return renamed(path, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", rename)
    replace(tmp_path / "label.svg", b"<svg/>")
    assert calls == ["file", "rename", "directory"]
    assert (tmp_path / "label.svg").read_bytes() == b"<svg/>"


def test_the_mode_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o777)
    try:
        replace(tmp_path / "label.svg", b"<svg/>")
    finally:
        os.umask(before)
    assert (tmp_path / "label.svg").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("name", ["label.svg", f".label.svg.{os.getpid()}.part"])
def test_a_planted_link_is_not_followed(tmp_path: Path, name: str) -> None:
    precious = tmp_path / "precious"
    precious.write_text("of somebody")
    (tmp_path / name).symlink_to(precious)
    replace(tmp_path / "label.svg", b"<svg/>")
    assert precious.read_text() == "of somebody"
    assert not (tmp_path / "label.svg").is_symlink()
    assert not list(tmp_path.glob(".*.part"))
