"""User names by uid. In a container the machine's users are not the container's: its names are not used."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

try:
    import pwd
except ImportError:  # not a Unix
    pwd = None  # type: ignore[assignment]


class UserNames:
    """uid -> name; the uid as text where it has none. Each uid is looked up once.

    ``passwd`` are files to use instead of the system's own lookup, the first that can be read (none: the system's).
    """

    def __init__(self, *passwd: str) -> None:
        self._system = not passwd and pwd is not None
        self._known: dict[int, str] = next(filter(None, map(_parse, passwd)), {})

    @classmethod
    def of(cls, procfs: str) -> UserNames:
        """The users of the machine whose procfs this is.

        With the machine's own /proc the system's lookup is right. With a procfs mounted elsewhere (/host/proc) the file
        that its first process sees is read, else /host/etc/passwd. Without either, uids stay numbers, which is better
        than the name of another user.
        """
        if os.path.normpath(procfs) == "/proc":
            return cls()
        return cls(f"{procfs}/1/root/etc/passwd", str(Path(procfs).parent / "etc/passwd"))

    def __call__(self, uid: int) -> str:
        name = self._known.get(uid)
        if name is None:
            name = str(uid)
            if self._system:
                with suppress(KeyError, OverflowError):
                    name = pwd.getpwuid(uid).pw_name
            self._known[uid] = name
        return name

    def uid_of(self, user: str) -> int | None:
        """The uid of a name, or of a uid written out; None when there is no such user."""
        if user.isascii() and user.isdigit():
            return int(user) if len(user) <= 10 and int(user) < 2**32 - 1 else None
        if self._system:
            try:
                return int(pwd.getpwnam(user).pw_uid)
            except KeyError:
                return None
        return next((uid for uid, name in self._known.items() if name == user), None)


def _parse(file: str) -> dict[int, str]:
    found: dict[int, str] = {}
    try:
        text = Path(file).read_text("utf-8", "replace")
    except OSError:
        return found
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) >= 3 and fields[0] and fields[2].isdigit():
            found.setdefault(int(fields[2]), fields[0])
    return found
