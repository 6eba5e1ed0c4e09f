"""The clients' door: HTTP/1.1 with JSON over a Unix socket (docs/socket-api.md). Holds no state itself."""

from ..windows.errors import ApiError
from .backend import Answer, Backend
from .listener import default_paths
from .server import SocketApi

__all__ = ["Answer", "ApiError", "Backend", "SocketApi", "default_paths"]
