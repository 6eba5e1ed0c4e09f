"""Runs that are kept: a folder each, named by what was done, so that its energy is not spent twice.

``RUNS/<sha256>/summary.json``, ``epochs.csv``, ``model.safetensors`` and pictures.
"""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .errors import Unusable

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "var/explore"
_DIGITS = 24  # of the hash, enough for a name
Summary = dict[str, Any]

# The code whose change makes another run of it. Pictures, plots and words may change without.
_SHARED = ("digits.py", "models.py", "measured.py", "backends")
# What a summary of each kind must have to be read.
_NEEDED = {
    "classify": ("parameters", "accuracy"),
    "generate": ("parameters", "recognised", "images", "per_unit_joules"),
    "text": ("parameters", "weights", "answer", "new_tokens", "tokens_per_second", "per_unit_joules"),
    "floor": ("points", "knee_rounds", "floor_joules"),
}
_CODE = {
    "classify": ("classify.py", *_SHARED),
    "generate": ("generate.py", *_SHARED),
    "text": ("text.py", "transformer_models.py", "measured.py"),
    "floor": ("floor.py", "measured.py"),
}


def folder() -> Path:
    """Where runs are kept: ``EXPLORE_RUNS``, else ``var/explore`` of this checkout."""
    return Path(os.environ.get("EXPLORE_RUNS") or FOLDER)


def key(kind: str, config: Mapping[str, Any]) -> str:
    """The same for the same work: configuration, which names data and device, and code."""
    files = sorted(file for name in _CODE[kind] for file in _files(HERE / name))
    parts = [json.dumps([kind, config], sort_keys=True).encode(), *(file.read_bytes() for file in files)]
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:_DIGITS]


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.py")) if path.is_dir() else [path]


class Runs:
    """The kept runs below a folder, which is made when the first one is kept."""

    def __init__(self, at: Path) -> None:
        self.at = at

    def path(self, name: str) -> Path:
        """The folder of a run."""
        return self.at / name

    def check(self) -> None:
        """Before energy is spent. Raises Unusable where the folder cannot be written."""
        existed = self.at.exists()
        try:
            self.at.mkdir(parents=True, exist_ok=True)
            if not os.access(self.at, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            if not existed:
                self.at.rmdir()  # made when the first run is kept
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> Unusable:
        return Unusable(f"--runs {self.at}: cannot be written ({error.strerror}); name another folder")

    def find(self, name: str) -> Summary | None:
        """The summary of a run; None where there is none that can be read."""
        return _read(self.path(name) / "summary.json")

    def all(self) -> list[Summary]:
        """The summaries of every kept run, the oldest first."""
        found = [_read(file) for file in self.at.glob("*/summary.json")]
        return sorted((one for one in found if one is not None), key=lambda one: str(one.get("when")))

    def keep(
        self,
        name: str,
        summary: Summary,
        epochs: Sequence[Mapping[str, Any]] = (),
        files: Mapping[str, bytes] | None = None,
    ) -> None:
        """Write a run. It is there whole or not at all. Raises Unusable where the folder cannot be written."""
        aside = self.path(f".{name}.{os.getpid()}")
        try:
            aside.mkdir(parents=True)
            for file, content in (files or {}).items():
                (aside / file).write_bytes(content)
            if epochs:
                (aside / "epochs.csv").write_text(_csv(epochs))
            (aside / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
            shutil.rmtree(self.path(name), ignore_errors=True)
            aside.rename(self.path(name))
        except OSError as error:
            shutil.rmtree(aside, ignore_errors=True)
            raise self._unwritable(error) from None


def now() -> str:
    """The time of a run as its summary has it, in the machine's time zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S")


def _csv(epochs: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(epochs[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(epochs)
    return text.getvalue()


def _read(file: Path) -> Summary | None:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and _whole(found) else None


def _whole(summary: Summary) -> bool:
    """Whether it has what is read of it: a file that somebody changed must not stop the others."""
    phases = summary.get("phases")
    needed = _NEEDED.get(str(summary.get("kind")))
    return (
        needed is not None
        and all(isinstance(summary.get(name), str) for name in ("key", "model", "device"))
        and all(name in summary for name in needed)
        and isinstance(phases, dict)
        and bool(phases)
        and all(isinstance(one, dict) and "joules" in one for one in phases.values())
    )
