"""What can go wrong, named by what the caller should do about it.

::

    LabelerError
    ├── ConfigError     the user must change a setting; carries the path of the key
    │   └── NewerDatabase   the database that is set is one of a newer labeler
    ├── ScaleError      a scale file is wrong or missing; carries the file and the path inside it
    ├── InputError      a file to import is wrong; names file, line, column and fix; nothing of it was imported
    │   └── FactsError      facts to grade name what no scale knows; carries path and what is allowed
    ├── NotFound        there is no such window (or label, or scale)
    │   └── TakenBack       there was one: carries who took it back, when, why, and what stands in its place
    ├── NotYours        another user added it: a manager may
    ├── NotYet          the window exists but cannot be measured yet: ask again later
    ├── TryAgain        a server did not answer or is overloaded: counted, retried
    │   └── DatabaseAway    it is the database
    │       ├── Crossed         it ended one of two transactions that waited for each other
    │       ├── DatabaseBusy    it answers, and all connections to it are in use
    │       ├── DatabaseNewer   a newer labeler has upgraded it: restart with that one
    │       └── DatabaseFull    it answers and takes nothing new: its disk is full, or may only be read
    ├── Duplicate       it is stored already; carries the id of the one that is there
    └── Rejected        a server understood and refused: retrying the same call is pointless

A window that was measured but may not get a letter is not an error: it is a Grade with a reason.
"""

from __future__ import annotations

from collections.abc import Sequence


class LabelerError(Exception):
    """Base of every error the labeler raises on purpose. ``str()`` is one line for a person."""


class ConfigError(LabelerError):
    """A setting is wrong. ``path`` is the key (``$.watch.interval``); the message says what is allowed."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


class NewerDatabase(ConfigError):
    """A newer labeler upgraded the database that is to be opened; ``found`` and ``known`` are the versions."""

    def __init__(self, found: str, known: str) -> None:
        super().__init__(
            "$.data.database_url",
            f"this database was upgraded to version {found} by a newer labeler; this one knows up to {known}: "
            "install the newer labeler again, or restore the backup that was made before the upgrade",
        )
        self.found = found
        self.known = known


class ScaleError(LabelerError):
    """A scale cannot be used. The message names the file and the key."""


class InputError(LabelerError):
    """A file to import cannot be used. The message names the file, the line, the column and what to do.

    ``allowed`` is what may stand there, where that can be listed.
    """

    def __init__(self, message: str, allowed: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.allowed = tuple(allowed)


class FactsError(InputError):
    """Facts cannot be graded as written. ``path`` is where (``$.metrics.size``), ``allowed`` what may stand there."""

    def __init__(self, path: str, message: str, allowed: Sequence[str] = ()) -> None:
        super().__init__(f"{path}: {message}", allowed)
        self.path = path
        self.message = message


class NotFound(LabelerError):
    """There is no such window, label or scale."""


class TakenBack(NotFound):
    """The evaluation was taken back, in an act of this number. ``at`` is Unix seconds.

    ``by`` is a user, "" is Gramwatt itself; ``replaced_by`` is the id of what stands in its place, or "".
    """

    def __init__(
        self, text: str, evaluation: str, withdrawal: int, by: str, at: float, reason: str, replaced_by: str
    ) -> None:
        super().__init__(text)
        self.evaluation = evaluation
        self.withdrawal = withdrawal
        self.by = by
        self.at = at
        self.reason = reason
        self.replaced_by = replaced_by


class NotYours(LabelerError):
    """Another user added it. The message says what allows it."""


class NotYet(LabelerError):
    """The window cannot be measured yet; the message says what is still missing."""


class TryAgain(LabelerError):
    """A server failed in a way that may pass."""


class DatabaseAway(TryAgain):
    """The database does not answer; the message is one line and the same while it stays away."""


class Crossed(DatabaseAway):
    """The database ended a transaction, because it and another one waited for each other. Nothing of it was kept."""


class DatabaseBusy(DatabaseAway):
    """Every connection that this program may have to the database is in use."""


class DatabaseNewer(DatabaseAway):
    """A newer labeler upgraded it while this one runs. Nothing more is written."""


class DatabaseFull(DatabaseAway):
    """It can be read and takes nothing new; the message has the database's own words."""


class Duplicate(LabelerError):
    """The same is stored already. ``existing`` is its id; ``number`` says which of several it was, from 0."""

    def __init__(self, existing: str, number: int = 0, text: str = "") -> None:
        super().__init__(text or f"the same is stored already, as {existing}")
        self.existing = existing
        self.number = number


class Rejected(LabelerError):
    """A server refused the call; the message carries its words."""
