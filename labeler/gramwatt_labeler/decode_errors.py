"""What msgspec says about a wrong field, taken apart."""

from __future__ import annotations

_AT = " - at `"


def message_and_path(text: str) -> tuple[str, str]:
    """``Expected `int` - at `$.a``` -> what is wrong, and where (``$`` when it is not said).

    From the end, in one pass: what stands in front may be a key that was written to look like it, many times.
    """
    message, at, path = text.rpartition(_AT)
    if at and path.endswith("`") and "`" not in path[:-1]:
        return message, path[:-1]
    return text, "$"
