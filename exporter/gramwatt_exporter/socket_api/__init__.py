"""The API for clients: HTTP/1.1 with JSON over a Unix socket, and over TCP where configured (docs/socket-api.md).

The modules hold no state. tcp.py is imported only where configured.
"""

from ..windows.errors import ApiError
from .backend import Answer, Backend
from .listener import default_paths
from .unix import SocketApi

__all__ = ["Answer", "ApiError", "Backend", "SocketApi", "default_paths"]
