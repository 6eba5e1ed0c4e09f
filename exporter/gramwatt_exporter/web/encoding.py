"""Answers as gzip for clients that accept it: a tenth of the bytes for the Prometheus of a fleet."""

from __future__ import annotations

import zlib

# Level 1: the text is repetitive, so higher levels save little and cost several times as much.
LEVEL = 1
SMALLEST = 1400  # bytes; what fits into one packet is sent as it is
_GZIP = 16 + zlib.MAX_WBITS  # wbits of the gzip format


def accepts_gzip(header: str) -> bool:
    """Whether a header ``Accept-Encoding`` allows gzip (RFC 9110, 12.5.3)."""
    weights = {}
    for part in header.lower().split(","):
        name, *parameters = (word.strip() for word in part.split(";"))
        weight = next((word[2:].strip() for word in parameters if word.startswith("q=")), "1")
        try:
            weights[name] = float(weight)
        except ValueError:
            weights[name] = 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0


class Compressed:
    """Keeps the last compressed text: all scrapes of one snapshot get the same bytes. Safe in any thread."""

    def __init__(self) -> None:
        self._last: tuple[bytes, bytes] | None = None

    def of(self, body: bytes) -> bytes:
        """``body`` in the gzip format."""
        last = self._last
        if last is not None and last[0] is body:
            return last[1]
        packer = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP)
        packed = packer.compress(body) + packer.flush()
        self._last = (body, packed)
        return packed
