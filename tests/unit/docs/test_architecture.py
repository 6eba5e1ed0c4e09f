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


def named(text: str) -> set[str]:
    return set(PATH.findall(text))


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_every_path_exists() -> None:
    homes = [ROOT, *PACKAGES.values()]
    written = {path for path in named(PAGE) if not path.endswith("NAME.py")}
    assert len(written) > 80
    missing = {path for path in written if not any((home / path).exists() for home in homes)}
    assert not missing


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_every_room_is_named(name: str) -> None:
    package = PACKAGES[name]
    files = {path.name for path in package.glob("*.py") if path.name != "__init__.py"}
    folders = {f"{path.name}/" for path in package.iterdir() if any(path.glob("*.py"))}
    on_the_map = named(section(f"Rooms of the {name}"))
    missing = sorted((files | folders) - on_the_map)
    assert not missing
