"""The text of a scale from a stranger -> a scale, within limits."""

from __future__ import annotations

from pathlib import Path

import yaml

from ..errors import ScaleError
from ..grading.decoding import decode
from ..scale_files import LoadedScale

MOST_BYTES = 256 * 1024
_WHERE = "the scale"


def read_scale(text: str) -> LoadedScale:
    """Raises ScaleError naming the key and what is allowed; also for a text that grows when it is read."""
    content = text.encode("utf-8", "replace")
    if len(content) > MOST_BYTES:
        raise ScaleError(f"{_WHERE}: larger than {MOST_BYTES // 1024} kB")
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise ScaleError(f"{_WHERE}: aliases (*name) are not read; write the values out")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ScaleError(f"{_WHERE} is not YAML: {' '.join(str(error).split())[:300]}") from None
    scale, identity = decode(content, _WHERE)
    return LoadedScale(
        scale, identity, Path(f"{identity.name} {identity.version} (database)"), content=content
    )
