"""The scales that commands grade on: those of files, and over them those that managers made."""

from __future__ import annotations

from collections.abc import Mapping

from ..config import Config
from ..scale_files import LoadedScale, load_scales


def scales_in_force(config: Config) -> Mapping[str, LoadedScale]:
    """As the pages have them. A database that is away, or is not there yet, has none; nothing of it is changed."""
    files = load_scales(config.grading.scales_dir)
    if config.database_file is not None and not config.database_file.is_file():
        return files
    # Imported here: without a database a command needs no library of one, which takes long to import.
    from ..scale_book.live import LiveScales
    from ..scale_book.rows import ScaleRows
    from ..store.database import Database

    database = Database(config.database_url, upgrades=False)
    try:
        return dict(LiveScales(files, ScaleRows(database)))
    finally:
        database.close()
