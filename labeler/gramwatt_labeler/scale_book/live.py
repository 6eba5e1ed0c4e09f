"""The scales in force: those of files, and over them those that managers made, a few seconds after they were."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from ..errors import ScaleError, TryAgain
from ..scale_files import BUILT_IN, LoadedScale, pick
from .content import read_scale
from .rows import ScaleRows

_log = logging.getLogger(__name__)
_SECONDS = 3.0


class LiveScales(Mapping[str, LoadedScale]):
    """By name. Asks the database again when what it knows is older than ``seconds``; keeps it while that is away."""

    def __init__(
        self,
        files: Mapping[str, LoadedScale],
        rows: ScaleRows,
        seconds: float = _SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.files = files
        self._rows = rows
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._known: Mapping[str, LoadedScale] = files
        self._read: dict[str, LoadedScale | None] = {}  # by content: each is read once
        self._at: float | None = None

    def __getitem__(self, name: str) -> LoadedScale:
        return self._now()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())

    def forget(self) -> None:
        """Ask the database again with the next use."""
        self._at = None

    def _now(self) -> Mapping[str, LoadedScale]:
        if self._at is not None and self._clock() - self._at < self._seconds:
            return self._known
        with self._lock:
            self._at = self._clock()
            try:
                contents = self._rows.active()
            except TryAgain:
                return self._known
            read = (self._scale(content) for content in contents)
            self._known = {**self.files, **{one.id.name: self._said(one) for one in read if one is not None}}
        return self._known

    def _said(self, one: LoadedScale) -> LoadedScale:
        """A manager's scale that has a shipped one's name says so with every letter."""
        of_file = self.files.get(one.id.name)
        if of_file is None:
            return one
        is_shipped = of_file.file.parent == BUILT_IN
        shipped = of_file.id.sha256 if is_shipped else of_file.replaces
        return replace(one, replaces="" if shipped == one.id.sha256 else shipped)

    def _scale(self, content: str) -> LoadedScale | None:
        if content not in self._read:
            try:
                self._read[content] = read_scale(content)
            except ScaleError as error:  # of a newer version
                _log.warning("a scale in the database cannot be read and is left out: %s", error)
                self._read[content] = None
        return self._read[content]


class Picked(Sequence[LoadedScale]):
    """Some of the scales by name, each as it is in force at the moment it is taken. Raises ScaleError as ``pick``."""

    def __init__(self, scales: Mapping[str, LoadedScale], names: list[str]) -> None:
        pick(scales, names)
        self._scales = scales
        self._names = names

    def __getitem__(self, index):  # type: ignore[no-untyped-def] # both of Sequence's signatures
        return pick(self._scales, self._names)[index]

    def __len__(self) -> int:
        return len(self._names)
