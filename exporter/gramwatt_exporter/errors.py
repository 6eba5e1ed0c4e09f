"""What can go wrong, named by what the caller should do about it.

::

    GramwattError
    ├── ConfigError      the user must change a setting; carries the path of the key
    ├── NotHere          this source does not exist on this machine: normal, logged at debug
    ├── Denied           it exists but we may not read it: warned once, with the fix
    ├── TryAgain         broken now, maybe not later: counted, retried (``retry_after`` seconds if known)
    └── Fatal            will not work until the operator acts (bad token, driver replaced): said once, not retried soon
"""


class GramwattError(Exception):
    """Base of every error Gramwatt raises on purpose."""


class ConfigError(GramwattError):
    """A setting is wrong. ``path`` is the key (``$.sampling.interval``), ``str()`` says what is allowed."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


class NotHere(GramwattError):
    """The source does not exist on this machine. Absent is normal."""


class Denied(GramwattError):
    """The source exists but reading it is not permitted. ``fix`` is what the operator can do."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


class TryAgain(GramwattError):
    """A failure that may pass. ``retry_after`` is in seconds, None when the source did not say."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Fatal(GramwattError):
    """A failure that will not pass by itself. ``fix`` is what the operator can do."""

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix
