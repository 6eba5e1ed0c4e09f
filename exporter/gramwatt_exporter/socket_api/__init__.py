"""The clients' doors: HTTP/1.1 with JSON over a Unix socket, and over TCP where configured (docs/socket-api.md).

Hold no state themselves.
"""

from ..windows.errors import ApiError
from .backend import Answer, Backend
from .listener import default_paths
from .tcp import TcpApi, check_files
from .unix import SocketApi

__all__ = ["Answer", "ApiError", "Backend", "SocketApi", "TcpApi", "check_files", "default_paths"]
