"""What the command's exit code says; 0 is done."""

ERROR = 1
"""A server failed, a file was refused, or nothing was found."""
USAGE = 2
"""A setting or an argument is wrong."""
NOT_GRADED = 3
"""The window was found and measured, and the scale gives it no letter."""
INTERRUPTED = 130
"""Ended from the keyboard: 128 + SIGINT, as shells count."""
BROKEN_PIPE = 141
"""The reader of the output has gone: 128 + SIGPIPE."""
