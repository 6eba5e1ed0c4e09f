"""What makes `make up` restart a stack that runs."""

from __future__ import annotations

from pathlib import Path

from stack.native import programs


def test_a_changed_program_is_another_stack_and_what_python_caches_is_none(tmp_path: Path) -> None:
    package = tmp_path / "labeler" / "gramwatt_labeler"
    (package / "__pycache__").mkdir(parents=True)
    page = package / "page.html.j2"
    page.write_text("old")
    before = programs(tmp_path)
    assert [line.partition(":")[0] for line in before] == ["labeler/gramwatt_labeler/page.html.j2"]
    (package / "__pycache__" / "page.pyc").write_bytes(b"compiled")
    page.touch()  # the same bytes, checked out again
    assert programs(tmp_path) == before
    page.write_text("new")
    assert programs(tmp_path) != before
