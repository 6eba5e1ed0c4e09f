"""Compares Grafana with what is wanted, and makes it so. Doing it twice changes nothing."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .. import files
from .measured import Run
from .remote import Remote
from .wanted import FOLDER_UID, Wanted, text

State = Literal["new", "changed", "same"]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing: what it is, how Grafana's differs, and the lines that do."""

    what: str
    state: State
    lines: Sequence[str] = ()


def differences(remote: Remote, wanted: Wanted) -> Iterator[Change]:
    """The data source and every dashboard, compared."""
    yield _datasource(remote, wanted)
    for uid, definition in wanted.dashboards.items():
        found = remote.dashboard(uid)
        if found is None:
            yield Change(f"dashboard {uid}", "new")
            continue
        there, folder = found
        lines = _lines(there, definition)
        if folder != FOLDER_UID:
            lines.append(f"-folder {folder or 'General'}\n+folder {FOLDER_UID}")
        yield Change(f"dashboard {uid}", "changed" if lines else "same", lines)


def push(remote: Remote, wanted: Wanted) -> Iterator[Change]:
    """Makes the folder, and writes what differs."""
    if remote.make_folder():
        yield Change("folder Gramwatt", "new")
    for change in differences(remote, wanted):
        if change.state != "same":
            kind, _, uid = change.what.partition(" ")
            if kind == "dashboard":
                remote.save_dashboard(wanted.dashboards[uid])
            else:
                remote.save_datasource(wanted.datasource, new=change.state == "new")
        yield change


def annotate(remote: Remote, runs: Sequence[Run]) -> int:
    """Adds an annotation for every run that has none; returns how many."""
    if not runs:
        return 0
    # A run is known by its begin and end: the labeler's own annotations have the same.
    known = remote.annotated(
        min(run.begin for run in runs) / 1000 - 1, max(run.end for run in runs) / 1000 + 1
    )
    missing = [run for run in runs if (run.begin, run.end) not in known]
    for run in missing:
        remote.annotate(run.begin, run.end, run.tags, run.text)
    return len(missing)


def pull(remote: Remote, folder: Path) -> Iterator[Change]:
    """Writes the dashboards of Grafana's folder as files, each named by its uid."""
    for uid in sorted(remote.dashboards_in_folder()):
        found = remote.dashboard(uid)
        if found is None:  # deleted meanwhile
            continue
        path = folder / f"{uid}.json"
        new = text(found[0])
        old = path.read_text() if path.exists() else None
        if new != old:
            files.replace(path, new.encode())
        yield Change(f"dashboard {uid}", "new" if old is None else "changed" if new != old else "same")


def _datasource(remote: Remote, wanted: Wanted) -> Change:
    definition = wanted.datasource
    what = f"datasource {definition['uid']}"
    there = remote.datasource(str(definition["uid"]))
    if there is None:
        return Change(what, "new")
    compared = {key: there.get(key) for key in definition}
    compared["jsonData"] = {key: (there.get("jsonData") or {}).get(key) for key in definition["jsonData"]}
    lines = _lines(compared, definition)
    return Change(what, "changed" if lines else "same", lines)


def _lines(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    found = difflib.unified_diff(
        text(there).splitlines(), text(wanted).splitlines(), "in Grafana", "wanted", n=1, lineterm=""
    )
    return list(found)
