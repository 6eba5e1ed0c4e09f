"""The HTTP side: /, /metrics, /-/healthy, /-/ready. Answers from the current snapshot, touches no hardware."""

from .connections import MOST_CONNECTIONS
from .server import WebServer

__all__ = ["MOST_CONNECTIONS", "WebServer"]
