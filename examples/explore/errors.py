"""What a user can mend."""

from __future__ import annotations


class Unusable(Exception):
    """An argument that cannot be used, or a package that is not installed. The text names it and what is allowed."""
