"""The refresher's memory on disk: values, call times and back-offs survive a restart. Holds no secrets."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

import msgspec
from msgspec import Struct, field

from .. import files
from ..errors import ConfigError
from . import checks
from .provider_memory import Memory

_log = logging.getLogger(__name__)
FILE_NAME = "intensity.json"
VERSION = 1


class _Version(Struct):
    version: int = 1


class Contents(Struct):
    """What the file holds. ``slots`` by slot key, ``calls`` (Unix seconds) by host."""

    version: int = VERSION
    zone: str = ""
    slots: dict[str, Memory] = field(default_factory=dict)
    calls: dict[str, list[float]] = field(default_factory=dict)


class Cache:
    """One JSON file, replaced as a whole. Every complaint is logged once, never raised."""

    def __init__(self, directory: Path | None, name: str = FILE_NAME) -> None:
        """``directory`` None: nothing is kept."""
        self._file = None if directory is None else directory / name
        self._complained = False
        self.problem = ""  # why `load` found nothing, for a person

    def load(self) -> Contents:
        """What was saved; empty when there is none. An unreadable file is set aside as ``.corrupt``."""
        self.problem = ""
        if self._file is None:
            self.problem = "state.dir is not set: what a running exporter has fetched is not kept"
            return Contents()
        try:
            text = files.read(self._file)
            self._refuse_newer(text)
            contents = msgspec.json.decode(text, type=Contents)
        except FileNotFoundError:
            self.problem = f"nothing has been fetched into {self._file} yet"
            return Contents()
        except OSError as error:
            self.problem = f"cannot read {self._file}: {error.strerror}"
            _log.warning("%s; starting without it", self.problem)
            return Contents()
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # ValidationError is a DecodeError
            aside = self._file.with_suffix(".json.corrupt")
            with contextlib.suppress(OSError):
                self._file.replace(aside)
            self.problem = f"{self._file} is damaged; set aside as {aside.name}"
            _log.warning("%s, starting without it", self.problem)
            return Contents()
        if contents.version != VERSION:
            return Contents()
        for memory in contents.slots.values():  # values of the file are checked like those of the network
            memory.values, memory.forecast, memory.mix = checks.restored(
                memory.values, memory.forecast, memory.mix
            )
        return contents

    def _refuse_newer(self, text: bytes) -> None:
        """Refuse a file of a newer version: this version would drop part of it. Raises ConfigError."""
        version = msgspec.json.decode(text, type=_Version).version
        if version > VERSION:
            raise ConfigError(
                "$.state.dir",
                f"a newer gramwatt-exporter wrote {self._file} (version {version}, this one knows {VERSION}); start"
                " that one again, or give this one a directory of its own",
            )

    def save(self, contents: Contents) -> bool:
        """Replace the file. False when that failed; the first failure in a row is logged with the fix."""
        if self._file is None:
            return False
        try:
            files.replace(self._file, msgspec.json.encode(contents))
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
