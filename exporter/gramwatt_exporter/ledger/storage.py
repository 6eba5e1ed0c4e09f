"""The state directory: a sample is saved there before it is published.

Once a minute the ledger is written whole, flushed and swapped in; what changed in the samples between is appended to a
journal. A published counter is never ahead of the saved one, so a crash or kill -9 cannot make a series go back; and
the raw hardware counters are saved with the totals, so energy that the hardware counted meanwhile is booked after the
restart (as unattributed). The ledger before the last one is kept with its journal, to fall back to.
"""

from __future__ import annotations

import os
import re
import sys
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from .. import files
from ..errors import ConfigError
from .changes import Fixed, Source, merge
from .checks import check_accounts, check_parts
from .journal import Journal, records
from .lock import DirectoryLock

FILE = "ledger.json"
PREVIOUS = "ledger.previous.json"
VERSION = 1
# Seconds between two writes of the whole ledger to the disk (and one at the end). A power cut loses at most this much;
# after a kill, the kernel's page cache keeps the journal.
FLUSH_SECONDS = 60.0

_SUM = re.compile(rb'\{"checksum":"([0-9a-f]{8})",')
_DAMAGE = (msgspec.DecodeError, ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError)


class _Candidate(Struct, frozen=True):
    """A ledger file: why it is damaged ("": it is not), and the readable part of it."""

    path: Path
    reason: str
    saved: dict[str, Any] | None = None
    taken: Any = None
    turn: int = 0


class StateFile:
    """The state directory, held by one exporter at a time. Raises ConfigError when it cannot be used."""

    def __init__(self, directory: str) -> None:
        self.directory = Path(directory)
        try:
            files.make_directory(self.directory)
            self._lock = DirectoryLock(self.directory)
            probe = self.directory / f".probe-{os.getpid()}"
            os.close(files.create(probe))
            probe.unlink()
        except OSError as error:
            raise ConfigError(
                "$.state.dir",
                f"cannot write to {directory}: {error.strerror}; make it writable for this user or set another",
            ) from None
        self.path = self.directory / FILE
        self.previous = self.directory / PREVIOUS
        self._path = str(self.path)
        self._temporary = self.directory / f".{FILE}.new"
        self._journals = [Journal(self.directory / f"journal.{number}") for number in range(2)]
        self._turn = 0  # index of the journal to write
        self._appends = False  # whether records may be appended to it
        self._written: tuple[int, int] | None = None  # device and inode of the ledger that we wrote whole
        self._flushed = 0.0
        self.taken: Any = None
        # Loads of a damaged ledger, by the source of the totals: the last ledger, the one before it, none.
        self.damages = {"last": 0, "previous": 0, "nothing": 0}

    # --- reading

    def load(self, take: Callable[[dict[str, Any]], object] = len) -> tuple[Any, str]:
        """What was saved, None for nothing; and a line for the log where damage was found.

        ``take`` raises for a damaged state; ``taken`` holds what it returned. Where the newest ledger is damaged, the
        one before it is used; damaged ones are moved away. Raises ConfigError for a ledger of a newer version and for
        one without read permission.
        """
        found = [candidate for path in (self.path, self.previous) if (candidate := self._read(path, take))]
        usable = [candidate for candidate in found if not candidate.reason]
        # Without a better ledger, only the damaged windows or budgets are lost.
        usable += [candidate for candidate in found if candidate.reason and candidate.saved is not None]
        used = usable[0] if usable else None
        line = self._fall_back(found, used)
        if line:
            self.damages[
                "nothing" if used is None else "previous" if used.path == self.previous else "last"
            ] += 1
        if used is None:
            return None, line
        self.taken, self._turn = used.taken, used.turn
        return used.saved, line

    def _read(self, path: Path, take: Callable[[dict[str, Any]], object]) -> _Candidate | None:
        try:
            text = files.read(path)
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise ConfigError("$.state.dir", f"cannot read {path}: {error.strerror}") from None
        except OSError as error:  # a link, a bad block
            return _Candidate(path, error.strerror or str(error))
        try:
            saved = _decoded(text, path)
            turn = self._take_in_changes(saved)
            check_accounts(saved)
            taken = take(saved)
        except _DAMAGE as error:
            return _Candidate(path, _in_words(error))
        try:
            check_parts(saved)
        except _DAMAGE as error:
            return _Candidate(path, _in_words(error), saved, taken, turn)
        return _Candidate(path, "", saved, taken, turn)

    def _fall_back(self, found: Sequence[_Candidate], used: _Candidate | None) -> str:
        """Move damaged ledgers away; a line that says so and with what it goes on, "" where nothing was damaged."""
        lines = [
            self._set_aside(candidate, stays=candidate is used)
            for candidate in found
            if candidate.reason and (used is None or used.path != self.path or candidate is used)
        ]
        if used is None:
            return "; ".join([*lines, "a fresh ledger begins, with all totals at zero"]) if lines else ""
        if used.path == self.previous:
            lines = lines or [f"{self.path} is missing"]
            lines.append(f"totals go on from {used.path.name}, at most a minute older")
        return "; ".join(lines)

    def _set_aside(self, candidate: _Candidate, stays: bool) -> str:
        path = candidate.path
        if stays:  # it is used, and replaced with the first sample
            return f"{path} is damaged ({candidate.reason}); what else is in it is used"
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        aside = path.with_name(f"{path.name}.damaged-{stamp}")
        try:
            path.replace(aside)
        except OSError as error:
            return f"{path} is damaged ({candidate.reason}) and cannot be moved away: {error.strerror}"
        return f"{path} is damaged ({candidate.reason}); it is kept as {aside.name}"

    def _take_in_changes(self, saved: dict[str, Any]) -> int:
        """Lay the journal over the ledger that it belongs to; and, where the ledger after that one was damaged, its
        journal as well. The number of the last journal: the other one may be overwritten."""
        ledger, turn = saved.get("id"), 0
        while isinstance(ledger, str) and ledger:
            following = None
            for number, journal in enumerate(self._journals):
                for text in records(journal.path, ledger):
                    change = msgspec.json.decode(text)
                    following, turn = change.pop("next", None), number
                    merge(saved, change)
            ledger = following
        return turn

    def close(self) -> None:
        """Close the files and release the directory for another exporter."""
        for journal in self._journals:
            journal.close()
        self._lock.close()

    # --- writing

    def save(self, state: Mapping[str, Any], last: bool = False) -> None:
        """Save ``state`` as the whole state. Raises OSError."""
        self.save_changes(Fixed(state), last)

    def save_changes(self, source: Source, last: bool = False) -> None:
        """Save the state to the disk, or at least to the kernel, before this returns. Raises OSError."""
        flush = last or time.monotonic() - self._flushed >= FLUSH_SECONDS
        if not self._is_ours():
            self._replace(source, os.urandom(8).hex())
        elif not flush:
            if not self._append(source):
                self._replace(source, os.urandom(8).hex())
        else:
            following = os.urandom(8).hex()
            with suppress(OSError):  # with what is in it, the ledger before does instead of a damaged one
                self._append(source, following)
                self._journals[self._turn].flush()
            self._replace(source, following)

    def _append(self, source: Source, following: str = "") -> bool:
        if not self._appends:
            return False
        change = source.changed()
        if change is None:
            return False
        if following:
            change = {**change, "next": following}
        if not self._journals[self._turn].append(msgspec.json.encode(change)):
            return False
        source.kept()
        return True

    def _is_ours(self) -> bool:
        """Whether the ledger is still the file that this exporter wrote: it may have been removed or replaced."""
        try:
            status = os.stat(self._path, follow_symlinks=False)  # noqa: PTH116 - at every sample; Path takes longer
        except OSError:
            return False
        return self._written == (status.st_dev, status.st_ino)

    def _replace(self, source: Source, ledger: str) -> None:
        """Write the ledger whole and atomically in the place of the one before, which is kept as the previous one."""
        keeps = self._is_ours() or self._written is None
        data = _encoded({**source.whole(), "id": ledger})
        try:
            files.write_flushed(self._temporary, data)
        except FileNotFoundError:  # the directory was removed: make it again
            files.make_directory(self.directory)
            files.write_flushed(self._temporary, data)
        try:
            is_kept = not keeps or self._keep_previous()
            self._temporary.replace(self.path)
        except OSError:
            self._temporary.unlink(missing_ok=True)
            raise
        self._written = None
        files.flush_directory(self.directory)
        self._flushed = time.monotonic()
        source.kept()
        if (
            not is_kept
        ):  # the first ledger, or the first one after damage: a copy is kept until there is another
            with suppress(OSError):
                files.replace(self.previous, data)
        status = self.path.stat()
        self._written = (status.st_dev, status.st_ino)
        self._turn = 1 - self._turn
        # Windows has no pwrite: there every sample replaces the file.
        self._appends = sys.platform != "win32" and self._journals[self._turn].begin(ledger)

    def _keep_previous(self) -> bool:
        """Give the ledger its second name, under which it stays. False where there is none. Raises OSError."""
        second = self.directory / f".{PREVIOUS}.new"
        second.unlink(missing_ok=True)
        try:
            os.link(self.path, second, follow_symlinks=False)
        except FileNotFoundError:
            return False
        except (OSError, NotImplementedError):
            # A file system, or a platform, without links: for a moment there is only this one.
            self.path.replace(self.previous)
        else:
            second.replace(self.previous)
        return True


def _in_words(error: Exception) -> str:
    return str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"


def _encoded(state: Mapping[str, Any]) -> bytes:
    body = msgspec.json.encode(state)[1:]
    return b'{"checksum":"%08x",%b' % (zlib.crc32(body), body)


def _decoded(text: bytes, path: Path) -> dict[str, Any]:
    saved = msgspec.json.decode(text)
    if not isinstance(saved, dict):
        raise ValueError("not a ledger")
    _refuse_newer(saved, path)
    if saved.get("version") != VERSION:
        raise ValueError(f"not a version {VERSION} ledger")
    if "checksum" in saved:
        found = _SUM.match(text)
        if found is None or zlib.crc32(text[found.end() :]) != int(found[1], 16):
            raise ValueError("its checksum is another; take the key checksum out of a ledger changed by hand")
    return saved


def _refuse_newer(saved: Mapping[str, Any], path: Path) -> None:
    """Refuse a ledger of a newer version: an older exporter would lose part of it."""
    versions = {"": saved.get("version")}
    for part in ("windows", "budgets"):
        section = saved.get(part)
        versions[f"{part} of "] = section.get("version") if isinstance(section, Mapping) else None
    for part, version in versions.items():
        if isinstance(version, int) and version > VERSION:
            raise ConfigError(
                "$.state.dir",
                f"a newer gramwatt-exporter wrote the {part}{path} (version {version}, this one knows {VERSION});"
                " start that one again, or give this one a directory of its own",
            )
