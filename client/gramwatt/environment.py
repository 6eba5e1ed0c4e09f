"""The environment variables the client reads, all in one place.

``GRAMWATT_SOCKET_PATH``
    where the exporter listens.
``GRAMWATT_PARENT``
    id of the window that windows opened by this process become parts of. ``gramwatt run`` sets it for its command.
``GRAMWATT_WINDOW``
    id of a window that this process joins instead of opening one of its own.
``GRAMWATT_FALLBACK_WATTS_PER_CPU``
    power of one fully busy logical CPU, for measuring without an exporter.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Optional

SOCKET_PATH = "GRAMWATT_SOCKET_PATH"
PARENT = "GRAMWATT_PARENT"
WINDOW = "GRAMWATT_WINDOW"
FALLBACK_WATTS = "GRAMWATT_FALLBACK_WATTS_PER_CPU"

_SYSTEM_SOCKET = "/run/gramwatt/gramwatt.sock"


def socket_candidates(explicit: str = "", environ: Optional[Mapping[str, str]] = None) -> tuple[str, ...]:
    """Paths to try, in order: the one given, else the environment's, else the system's and the user's.

    A path that was asked for is the only candidate: falling back to another exporter would measure something else
    than the user named.
    """
    environ = os.environ if environ is None else environ
    asked = explicit or environ.get(SOCKET_PATH, "")
    if asked:
        return (asked,)
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    return (_SYSTEM_SOCKET, f"{runtime}/gramwatt/gramwatt.sock") if runtime else (_SYSTEM_SOCKET,)
