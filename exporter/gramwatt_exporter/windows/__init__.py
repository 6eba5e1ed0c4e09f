"""Recorded windows: the energy of a process tree between two moments, for training runs and inference."""

from .answers import window_answer
from .book import WindowBook
from .errors import ApiError
from .model import EndedBy, IdleShare, OpenRequest, Peer, ProcessKey, WindowView
from .window import Window

__all__ = [
    "ApiError",
    "EndedBy",
    "IdleShare",
    "OpenRequest",
    "Peer",
    "ProcessKey",
    "Window",
    "WindowBook",
    "WindowView",
    "window_answer",
]
