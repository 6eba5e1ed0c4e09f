"""The scales that commands grade on: those of files, and over them those that managers made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..config import Config
from ..scale_files import LoadedScale, load_scales

_FILE = "sqlite:///"


def scales_in_force(config: Config) -> Mapping[str, LoadedScale]:
    """As the pages have them. A database that is away, or is not there yet, has none; nothing of it is changed."""
    files = load_scales(config.grading.scales_dir)
    url = config.database_url
    if url.startswith(_FILE) and not Path(url.removeprefix(_FILE)).is_file():
        return files
    # Imported here: without a database a command needs no library of one, which takes long to import.
    from ..scale_book.live import LiveScales
    from ..scale_book.rows import ScaleRows
    from ..store.database import Database

    database = Database(url, upgrades=False)
    try:
        return dict(LiveScales(files, ScaleRows(database)))
    finally:
        database.close()
