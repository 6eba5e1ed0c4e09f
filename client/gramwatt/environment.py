"""The environment variables the client reads, all in one place.

``GRAMWATT_URL``
    where the exporter is reached over TCP, such as ``http://127.0.0.1:10046``; wins over the socket's path.
``GRAMWATT_TOKEN_FILE``, ``GRAMWATT_TOKEN``
    the token that identifies the user over TCP, in a file (which wins) or as it is.
``GRAMWATT_CA_FILE``
    certificate authority of an exporter at ``https://``, besides the system's.
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
from pathlib import Path
from typing import Optional

from .errors import Unavailable

URL = "GRAMWATT_URL"
TOKEN_FILE = "GRAMWATT_TOKEN_FILE"  # noqa: S105 - its name
TOKEN = "GRAMWATT_TOKEN"  # noqa: S105 - its name
CA_FILE = "GRAMWATT_CA_FILE"
SOCKET_PATH = "GRAMWATT_SOCKET_PATH"
PARENT = "GRAMWATT_PARENT"
WINDOW = "GRAMWATT_WINDOW"
FALLBACK_WATTS = "GRAMWATT_FALLBACK_WATTS_PER_CPU"

_SYSTEM_SOCKET = "/run/gramwatt/gramwatt.sock"


def socket_candidates(explicit: str = "", environ: Optional[Mapping[str, str]] = None) -> tuple[str, ...]:
    """Paths or URLs to try, in order: the one given, else the environment's, else the system's and the user's.

    One that is set is the only candidate: another exporter would measure something else.
    """
    environ = os.environ if environ is None else environ
    asked = explicit or environ.get(URL, "") or environ.get(SOCKET_PATH, "")
    if asked:
        return (asked,)
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    return (_SYSTEM_SOCKET, f"{runtime}/gramwatt/gramwatt.sock") if runtime else (_SYSTEM_SOCKET,)


def authorization(environ: Optional[Mapping[str, str]] = None) -> dict[str, str]:
    """The header that identifies the user over TCP; no header without a token: the exporter then answers what it needs.

    The file is read anew each time, so that a new token needs no restart. Raises Unavailable naming the variable.
    """
    environ = os.environ if environ is None else environ
    file, name, text = environ.get(TOKEN_FILE, ""), TOKEN, environ.get(TOKEN, "")
    if file:
        name = TOKEN_FILE
        try:
            text = Path(file).read_text(encoding="ascii")
        except OSError as error:
            raise Unavailable(f"{TOKEN_FILE}: cannot read {file}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise Unavailable(f"{TOKEN_FILE}: {file} must hold one token and nothing else") from None
        if not text.strip():
            raise Unavailable(f"{TOKEN_FILE}: {file} holds no token")
    token = text.strip()
    if not token:
        return {}
    if not (token.isascii() and token.isprintable()) or " " in token:
        # The HTTP library would quote the header, that is the token, in its error.
        raise Unavailable(f"{name} must hold one token and nothing else")
    return {"Authorization": f"Bearer {token}"}


def ca_file() -> str:
    """The file of GRAMWATT_CA_FILE, "" for none."""
    return os.environ.get(CA_FILE, "")
