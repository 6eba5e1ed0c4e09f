"""msgspec describes a type to itself when it is first used, and a second thread must not see that half done.

msgspec 0.22 ends the whole process (a null pointer) when two threads are the first to convert to one type. So every
type that is converted to is described here first, by one thread at a time.
"""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

_lock = threading.Lock()
_described: set[Any] = set()
Kind = TypeVar("Kind")


def described(kind: Kind) -> Kind:
    """The type itself, for ``msgspec.convert(tree, described(Window))`` on any thread."""
    if kind not in _described:
        with _lock:
            msgspec.json.Decoder(kind)
            _described.add(kind)
    return kind
