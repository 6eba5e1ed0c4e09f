"""Fonts for names in any script: what the system has of Noto is registered before the first picture is drawn."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from pathlib import Path

import vl_convert

# Where Debian, Fedora, Arch and people put Noto. The image of the labeler installs fonts-noto-cjk and -color-emoji.
_FOLDERS = (
    "/usr/share/fonts/opentype/noto", "/usr/share/fonts/truetype/noto", "/usr/share/fonts/noto",
    "/usr/share/fonts/noto-cjk", "/usr/share/fonts/google-noto-cjk", "/usr/share/fonts/google-noto-emoji",
    "/usr/local/share/fonts", "~/.local/share/fonts",
)  # fmt: skip


@cache
def register(folder: str = "") -> tuple[str, ...]:
    """Make the fonts of the known folders, and of ``folder``, usable; returns the folders that are there. Once each."""
    found = []
    for name in (*_FOLDERS, *([folder] if folder else [])):
        with suppress(OSError, RuntimeError):  # a home that this user may not read, or no home at all
            path = Path(name).expanduser()
            if path.is_dir():
                vl_convert.register_font_directory(str(path))
                found.append(str(path))
    return tuple(found)
