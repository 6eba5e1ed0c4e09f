"""Work that takes longer than a request: queued in the database, done by whichever labeler is free, never lost.

A job whose labeler died is queued again, three times at most.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, or_, select, update

from ..errors import NotFound
from .audit import record
from .database import Database
from .rows import storable
from .tables import JOBS

_J = JOBS.c
ORPHAN_SECONDS = 60.0  # without a sign of life
MOST_TRIES = 3
FINISHED = ("done", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Job:
    """``state`` is queued, running, done, failed or cancelled."""

    id: int
    kind: str
    state: str
    params: Mapping[str, Any]
    progress: Mapping[str, Any]
    result: Any
    error: str
    tries: int
    created_by: str
    created_at: float


_COLUMNS = tuple(_J[name] for name in Job.__dataclass_fields__)


class Jobs:
    """Every method may raise DatabaseAway. ``now`` is Unix seconds; ``steady`` gives seconds that never jump."""

    def __init__(self, database: Database, steady: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._steady = steady
        # Job -> its sign of life that lies after now, and since when it stands.
        self._ahead: dict[int, tuple[float, float]] = {}

    def add(self, kind: str, params: Mapping[str, Any], by: str, now: float) -> int:
        """Queue one; its id."""
        row = {
            "kind": kind, "state": "queued", "params": storable(dict(params)), "progress": {}, "tries": 0,
            "created_by": by, "created_at": now,
        }  # fmt: skip
        with self._database.writing() as connection:
            added = connection.execute(insert(JOBS).values(row)).inserted_primary_key
            assert added is not None
            # Parameters may be secret, but not which scale grades everything again.
            record(connection, now, by, f"job.{kind}", str(params.get("scale") or added[0]))
            return int(added[0])

    def get(self, job_id: int) -> Job:
        """Raises NotFound."""
        with self._database.reading() as connection:
            row = connection.execute(select(*_COLUMNS).where(_J.id == job_id)).first()
        if row is None:
            raise NotFound(f"no job {job_id}")
        return Job(*row)

    def recent(self, limit: int = 20) -> Sequence[Job]:
        """Newest first."""
        with self._database.reading() as connection:
            return [
                Job(*row) for row in connection.execute(select(*_COLUMNS).order_by(_J.id.desc()).limit(limit))
            ]

    def take(self, kinds: Sequence[str], now: float) -> Job | None:
        """The oldest that is queued, or whose labeler died; it is running then, and no other labeler has it."""
        with self._database.writing() as connection:
            silent = or_(
                _J.heartbeat_at < now - ORPHAN_SECONDS, _J.id.in_(self._standing(connection, kinds, now))
            )
            orphan = (_J.state == "running") & silent
            waiting = or_(_J.state == "queued", orphan)
            query = select(*_COLUMNS).where(waiting, _J.kind.in_(kinds)).order_by(_J.id).limit(1)
            connection.execute(
                update(JOBS)
                .where(orphan, _J.tries >= MOST_TRIES)
                .values(
                    state="failed",
                    error=f"the labeler ended, or lost its database, {MOST_TRIES} times while it ran",
                )
            )
            row = connection.execute(
                query.with_for_update(skip_locked=True)
            ).first()  # on SQLite the file is ours
            if row is None:
                return None
            job = Job(*row)
            values = {"state": "running", "tries": job.tries + 1, "heartbeat_at": now}
            connection.execute(update(JOBS).where(_J.id == job.id).values(values))
        return job

    def _standing(self, connection: Connection, kinds: Sequence[str], now: float) -> list[int]:
        """Jobs whose sign of life lies after now and stands still: the clock was set back since their labeler died.

        One that moves is of a labeler whose clock is ahead of this one.
        """
        ahead = (_J.state == "running") & (_J.heartbeat_at > now + ORPHAN_SECONDS)
        rows = connection.execute(select(_J.id, _J.kind, _J.heartbeat_at).where(ahead)).all()
        steady = self._steady()
        seen = {}
        for number, _, beaten in rows:
            known = self._ahead.get(number)
            seen[number] = known if known is not None and known[0] == beaten else (beaten, steady)
        self._ahead = seen
        return [
            number for number, kind, _ in rows if kind in kinds and steady - seen[number][1] >= ORPHAN_SECONDS
        ]

    def beat(self, job_id: int, progress: Mapping[str, Any], now: float) -> bool:
        """A sign of life; False when the job was cancelled meanwhile."""
        change = update(JOBS).where(_J.id == job_id, _J.state == "running")
        with self._database.writing() as connection:
            values = {"progress": storable(dict(progress)), "heartbeat_at": now}
            return bool(connection.execute(change.values(values)).rowcount)

    def finish(self, job_id: int, result: Any = None, error: str = "") -> None:
        """Done, or failed with the reason. A job that was cancelled stays so."""
        values = {"state": "failed" if error else "done", "result": storable(result), "error": error[:1000]}
        with self._database.writing() as connection:
            connection.execute(update(JOBS).where(_J.id == job_id, _J.state == "running").values(values))

    def requeue(self, job_id: int) -> None:
        """The labeler ends in good order while it runs: the next one begins it anew, and this was no try of it."""
        values = {"state": "queued", "tries": _J.tries - 1}
        with self._database.writing() as connection:
            connection.execute(update(JOBS).where(_J.id == job_id, _J.state == "running").values(values))

    def cancel(self, job_id: int, by: str, now: float) -> None:
        """Raises NotFound; one that is over stays as it is."""
        job = self.get(job_id)
        with self._database.writing() as connection:
            unfinished = _J.state.in_(("queued", "running"))
            change = update(JOBS).where(_J.id == job_id, unfinished).values(state="cancelled")
            if connection.execute(change).rowcount:
                record(connection, now, by, "job.cancel", f"{job.kind} {job_id}")
