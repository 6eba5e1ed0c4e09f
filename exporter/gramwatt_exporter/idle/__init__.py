"""The idle draw of every device, known from the first sample: by the best of several methods, with its uncertainty."""

from .book import IdleBook
from .learner import Learner
from .machine import MachineClasses
from .methods import Change, Idle, IdleMethod

__all__ = ["Change", "Idle", "IdleBook", "IdleMethod", "Learner", "MachineClasses"]
