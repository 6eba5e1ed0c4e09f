"""Windows of a book on clocks moved by hand, and who asks for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gramwatt_exporter.windows import OpenRequest, Peer, WindowBook, window_answer

ALICE = Peer(uid=1000, pid=4711, user="alice")
BOB = Peer(uid=1001, pid=4712, user="bob")
ROOT = Peer(uid=0, pid=1, user="root")


class Clocks:
    """Time of day and time since boot, moved by hand."""

    def __init__(self) -> None:
        self.wall = 1_763_700_000.0
        self.boot = 5_000_000_000

    def run(self, seconds: float) -> None:
        self.wall += seconds
        self.boot += round(seconds * 1e9)


MakeBook = Callable[..., WindowBook]


def ask(**fields: Any) -> OpenRequest:
    return OpenRequest(**({"name": "train", "phase": "training"} | fields))


def answer(book: WindowBook, window_id: str) -> dict[str, Any]:
    return window_answer(book.view(book.get(window_id)))
