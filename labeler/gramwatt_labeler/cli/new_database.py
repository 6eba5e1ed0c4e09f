"""A command says when it has made a new database: in another folder than that of the pages, no page shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..config import Config


@contextmanager
def said_when_made(config: Config, say: Callable[[str], None]) -> Iterator[None]:
    """Around a command: ``say`` gets one line when it has made the database."""
    file = config.database_file
    # A configured address is a choice. The folder may only be the one in which the command was called.
    if config.data.database_url or file is None:
        yield
        return
    was_there = file.exists()
    try:
        yield
    finally:
        if not was_there and file.exists():
            say(
                f"made a new database, {file.resolve()}. A labeler that runs elsewhere, as that of `make up`, does not "
                "read it: call this in its folder, or with its --data.dir"
            )
