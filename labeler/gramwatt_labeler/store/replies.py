"""Answers to requests with an Idempotency-Key: kept in the transaction of what they report, given again for a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from ..errors import InputError
from .rows import storable
from .tables import REPLIES

_R = REPLIES.c
_KEPT_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Reply:
    """A request with a key of the user's choosing, and what it was answered with."""

    user: str
    key: str
    request_sha256: str
    status: int = 201
    body: Mapping[str, Any] = field(default_factory=dict)


def find(connection: Connection, asked: Reply) -> Reply | None:
    """What the same request was answered. Raises InputError when the key was another request's."""
    row = connection.execute(
        select(REPLIES).where(_R.user_name == asked.user, _R.key == asked.key)
    ).mappings().first()  # fmt: skip
    if row is None:
        return None
    if row["request_sha256"] != asked.request_sha256:
        raise InputError(
            "Idempotency-Key: this key was sent with another body; take a new one for a new request"
        )
    return Reply(asked.user, asked.key, asked.request_sha256, row["status"], row["body"])


def put(connection: Connection, reply: Reply, at: float) -> None:
    """Raises IntegrityError when the same request is being answered at this moment."""
    connection.execute(delete(REPLIES).where(_R.at < at - _KEPT_SECONDS))
    row = {
        "user_name": reply.user, "key": reply.key, "request_sha256": reply.request_sha256, "status": reply.status,
        "body": dict(reply.body), "at": at,
    }  # fmt: skip
    connection.execute(insert(REPLIES).values(storable(row)))
