"""The text of a scale from a stranger -> a scale, within limits."""

from __future__ import annotations

from pathlib import Path

import yaml

from ..errors import ScaleError
from ..grading.decoding import decode
from ..scale_files import LoadedScale

MOST_BYTES = 256 * 1024
MOST_DEPTH = 20
_WHERE = "the scale"


def checked(text: str) -> None:
    """Raises ScaleError for a text that would grow, or take very long, when it is read, and for one that is no YAML."""
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise ScaleError(f"{_WHERE}: larger than {MOST_BYTES // 1024} kB")
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise ScaleError(f"{_WHERE}: aliases (*name) are not read; write the values out")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MOST_DEPTH:
                raise ScaleError(f"{_WHERE}: nested more than {MOST_DEPTH} deep; write it as the others are")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ScaleError(f"{_WHERE} is not YAML: {' '.join(str(error).split())[:300]}") from None


def read_scale(text: str) -> LoadedScale:
    """Raises ScaleError naming the key and what is allowed; also for a text that grows when it is read."""
    checked(text)
    content = text.encode("utf-8", "replace")
    scale, identity = decode(content, _WHERE)
    return LoadedScale(
        scale, identity, Path(f"{identity.name} {identity.version} (database)"), content=content
    )
