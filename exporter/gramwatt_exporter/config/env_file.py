"""Settings of an environment file (``.env``): variables of this program that the environment itself does not set.

A container gets them this way without `docker inspect` showing its tokens, and a changed file needs no new container.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from ..errors import ConfigError

_PREFIX = "GRAMWATT_"


def with_file(environ: Mapping[str, str], file: str) -> dict[str, str]:
    """``environ`` with the variables of ``file``. The environment wins; an empty value counts as unset, in both.

    A missing file adds nothing. Raises ConfigError for a file that cannot be read.
    """
    merged = {name: value for name, value in environ.items() if value or not name.startswith(_PREFIX)}
    if not file:
        return merged
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return merged
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError("--config.env-file", f"cannot read {file}: {reason}") from None
    from dotenv import dotenv_values  # imported here, because most machines need no such file

    for name, value in dotenv_values(stream=StringIO(text), interpolate=False).items():
        if value and name.startswith(_PREFIX):
            merged.setdefault(name, value)
    return merged
