"""The refresher's memory on disk: values, call times and back-offs survive a restart. Holds no secrets."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path

import msgspec
from msgspec import Struct, field

from . import checks
from .slot import Memory

_log = logging.getLogger(__name__)
FILE_NAME = "intensity.json"


class Contents(Struct):
    """What the file holds. ``slots`` by slot key, ``calls`` (Unix seconds) by host."""

    version: int = 1
    zone: str = ""
    slots: dict[str, Memory] = field(default_factory=dict)
    calls: dict[str, list[float]] = field(default_factory=dict)


class Cache:
    """One JSON file, replaced as a whole. Every complaint is logged once, never raised."""

    def __init__(self, directory: Path | None, name: str = FILE_NAME) -> None:
        """``directory`` None: nothing is kept."""
        self._file = None if directory is None else directory / name
        self._complained = False
        self.problem = ""  # why `load` brought nothing, for a person

    def load(self) -> Contents:
        """What was saved; empty when there is none. A file nobody can read is set aside as ``.corrupt``."""
        self.problem = ""
        if self._file is None:
            self.problem = "state.dir is not set: what a running exporter has fetched is not kept"
            return Contents()
        try:
            contents = msgspec.json.decode(self._file.read_bytes(), type=Contents)
        except FileNotFoundError:
            self.problem = f"nothing has been fetched into {self._file} yet"
            return Contents()
        except OSError as error:
            self.problem = f"cannot read {self._file}: {error.strerror}"
            _log.warning("%s; starting without it", self.problem)
            return Contents()
        except (msgspec.DecodeError, UnicodeDecodeError):  # ValidationError is a DecodeError
            aside = self._file.with_suffix(".json.corrupt")
            with contextlib.suppress(OSError):
                self._file.replace(aside)
            self.problem = f"{self._file} is damaged; set aside as {aside.name}"
            _log.warning("%s, starting without it", self.problem)
            return Contents()
        if contents.version != 1:
            return Contents()
        for memory in contents.slots.values():  # the file is not trusted more than the network
            memory.values, memory.forecast, memory.mix = checks.restored(
                memory.values, memory.forecast, memory.mix
            )
        return contents

    def save(self, contents: Contents) -> bool:
        """Replace the file. False when that failed; the first failure in a row is logged with the fix."""
        if self._file is None:
            return False
        try:
            _write(self._file, msgspec.json.encode(contents))
        except OSError as error:
            if not self._complained:
                _log.warning(
                    "cannot save grid intensity in %s: %s; make it writable for this user, or set state.dir."
                    " Going on without: after a restart values and the count of calls start anew",
                    self._file.parent,
                    error.strerror,
                )
            self._complained = True
            return False
        self._complained = False
        return True


def _write(file: Path, data: bytes) -> None:
    import tempfile  # here, because it is large and the exporter is to start quickly

    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)  # no fsync: a file lost to a power cut is fetched again
        Path(name).replace(file)
    except OSError:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
