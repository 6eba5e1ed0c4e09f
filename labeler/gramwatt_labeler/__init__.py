"""Gramwatt's labeler: recorded windows become measurements, grades and energy labels."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("gramwatt-labeler")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"
