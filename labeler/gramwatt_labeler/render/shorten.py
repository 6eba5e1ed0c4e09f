"""Long names cut in the middle: the ends of names distinguish them."""

from __future__ import annotations


def shortened(text: str, most: int) -> str:
    """``text`` if it has at most ``most`` characters, else its beginning and its end with an ellipsis between."""
    if len(text) <= most:
        return text
    behind = (most - 1) // 3
    return f"{text[: most - 1 - behind].rstrip()}…{text[-behind:].lstrip()}"
