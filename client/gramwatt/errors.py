"""What can go wrong in the client, named by what the caller can do about it.

::

    GramwattError
    ├── Unavailable    no exporter answered (not there, refused, slow, died, not HTTP): measuring is off, work goes on
    └── Refused        the exporter answered and said no; carries status, field and fix

    GramwattWarning    said once per process when a window cannot be measured
"""

from __future__ import annotations


class GramwattError(Exception):
    """Base of every error that the client raises itself. ``str()`` is one line for a person, with the fix."""


class Unavailable(GramwattError):
    """No exporter answered on the socket.

    ``sent`` is True when the request may have reached the exporter before the failure, so that repeating a call
    which is not idempotent could do it twice.
    """

    def __init__(self, message: str, sent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent


class Refused(GramwattError):
    """The exporter answered with an error.

    ``status`` is the HTTP status, ``field`` the field of the request that is wrong ("" when none), ``message`` what
    is wrong with it, ``fix`` what to do ("" when the exporter did not say).
    """

    def __init__(self, status: int, message: str, field: str = "", fix: str = "") -> None:
        head = f"{field}: {message}" if field else message
        super().__init__(f"{head}; {fix}" if fix else head)
        self.status = status
        self.message = message
        self.field = field
        self.fix = fix


class GramwattWarning(UserWarning):
    """A window could not be measured. Warned once per process; the program goes on."""
