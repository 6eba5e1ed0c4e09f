"""Settings: one frozen Config from flags, environment, a YAML file and defaults, in that order."""

from .load import Loaded, describe, load, settings
from .scalars import Duration, Mass, Period
from .schema import Config

__all__ = ["Config", "Duration", "Loaded", "Mass", "Period", "describe", "load", "settings"]
