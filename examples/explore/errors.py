"""What a user can mend."""

from __future__ import annotations

import sys
from pathlib import Path


class Unusable(Exception):
    """An argument that cannot be used, or a package that is not installed. The text names it and what is allowed."""


def install(*packages: str) -> str:
    """The command that installs packages for the Python that runs this."""
    python, here = Path(sys.executable), Path.cwd()
    shown = python.relative_to(here) if python.is_relative_to(here) else python
    return f"{shown} -m pip install {' '.join(packages)}"
