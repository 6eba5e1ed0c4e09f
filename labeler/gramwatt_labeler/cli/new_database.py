"""Says so where a command made a new database: in another folder than the pages', what it adds is not seen there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..config import Config


@contextmanager
def said_when_made(config: Config, say: Callable[[str], None]) -> Iterator[None]:
    """Around a command: ``say`` gets one line when it has made the database."""
    if config.data.database_url:  # an address is a choice, the folder may be where somebody happens to stand
        yield
        return
    file = Path(config.data.dir) / "grades.db"
    was_there = file.exists()
    try:
        yield
    finally:
        if not was_there and file.exists():
            say(
                f"made a new database, {file.resolve()}. A labeler that runs elsewhere, as that of `make up`, does not "
                "read it: call this in its folder, or with its --data.dir"
            )
