"""The clients' doors: HTTP/1.1 with JSON over a Unix socket, and over TCP where configured (docs/socket-api.md).

Hold no state themselves. tcp.py is imported where it is configured only.
"""

from ..windows.errors import ApiError
from .backend import Answer, Backend
from .listener import default_paths
from .unix import SocketApi

__all__ = ["Answer", "ApiError", "Backend", "SocketApi", "default_paths"]
