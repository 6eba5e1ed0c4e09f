"""The map and the tree say the same: every path of docs/architecture.md exists, every room of the tree is on it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/architecture.md").read_text()
PACKAGES = {
    "exporter": ROOT / "exporter/gramwatt_exporter",
    "client": ROOT / "client/gramwatt",
    "labeler": ROOT / "labeler/gramwatt_labeler",
}
PATH = re.compile(r"`([\w./-]+(?:\.py|/))`")
NAME = re.compile(r"(?<![\w/.-])\w+\.py\b")


def named(text: str) -> set[str]:
    return set(PATH.findall(text))


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_every_path_exists() -> None:
    """A path without a package is below the exporter, but for the rooms of another package."""
    everywhere = {"Rooms of the client": "client", "Rooms of the labeler": "labeler"}
    parts = {title: section(title) for title in everywhere}
    rest = PAGE
    for part in parts.values():
        rest = rest.replace(part, "")
    written = [(path, "exporter") for path in named(rest) if not path.endswith("NAME.py")]
    written += [(path, everywhere[title]) for title, part in parts.items() for path in named(part)]
    assert len(written) > 80
    missing = [
        path for path, home in written if not any((at / path).exists() for at in (ROOT, PACKAGES[home]))
    ]
    assert not missing


@pytest.mark.slow
def test_every_file_that_a_comment_names_exists() -> None:
    files = [file for package in PACKAGES.values() for file in package.rglob("*.py")]
    known = {
        file.name
        for folder in ("exporter", "client", "labeler", "examples")
        for file in (ROOT / folder).rglob("*.py")
    }
    missing = {
        (file.relative_to(ROOT).as_posix(), name)
        for file in files
        for name in NAME.findall(file.read_text())
        if name not in known
    }
    assert not missing


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_every_room_is_named(name: str) -> None:
    package = PACKAGES[name]
    files = {path.name for path in package.glob("*.py") if path.name != "__init__.py"}
    folders = {f"{path.name}/" for path in package.iterdir() if any(path.glob("*.py"))}
    on_the_map = named(section(f"Rooms of the {name}"))
    missing = sorted((files | folders) - on_the_map)
    assert not missing
