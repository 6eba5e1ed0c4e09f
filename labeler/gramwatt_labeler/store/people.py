"""Users, their sessions and tokens, and what was done by whom. Secrets are kept as hashes alone."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from ..errors import Duplicate, InputError, NotFound
from .audit import record
from .database import Database
from .passwords import Passwords
from .rows import storable
from .tables import SESSIONS, TOKENS, USERS

_U, _S, _T = USERS.c, SESSIONS.c, TOKENS.c
SESSION_SECONDS = 12 * 3600.0
_LONGEST_NAME = 64
TOKEN_PREFIX = "gwl_"  # noqa: S105 - so that a leaked one is recognised


class Role(StrEnum):
    """What a user may do; each may do what those before it may."""

    VIEWER = "viewer"
    CONTRIBUTOR = "contributor"  # adds evaluations
    MANAGER = "manager"  # changes scales, metrics, tools, users


class Scope(StrEnum):
    """What a token may do, and never more than its user."""

    READ = "read"
    WRITE = "write"
    MANAGE = "manage"


_ROLE_OF = {Scope.READ: Role.VIEWER, Scope.WRITE: Role.CONTRIBUTOR, Scope.MANAGE: Role.MANAGER}
_RANK = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True)
class User:
    """A user who may log in or has tokens."""

    id: int
    name: str
    role: Role
    disabled: bool
    has_password: bool


@dataclass(frozen=True, slots=True)
class Session:
    """A login. ``csrf`` is what its forms carry."""

    user: User
    csrf: str


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret."""

    name: str
    scope: Scope
    created: float
    expires: float | None
    sha256: str


class People:
    """Over the same database as the store. ``now`` is Unix seconds everywhere. Every method may raise DatabaseAway."""

    def __init__(self, database: Database, passwords: Passwords | None = None) -> None:
        self._database = database
        self._passwords = passwords or Passwords()

    # Users

    def add(self, name: str, role: Role, password: str, by: str, now: float) -> int:
        """A new user, whose id; without a password only tokens let it in. Raises InputError or Duplicate."""
        checked_name(name)
        hashed = self._passwords.hash(password) if password else ""
        row = {"name": name, "password_hash": hashed, "role": role.value, "disabled": False}
        try:
            with self._database.writing() as connection:
                added = connection.execute(insert(USERS).values(row)).inserted_primary_key
                assert added is not None
                record(connection, now, by, "user.add", name, None, {"role": role.value})
        except IntegrityError:
            raise Duplicate(name) from None
        return int(added[0])

    def users(self) -> Sequence[User]:
        """All, by name."""
        with self._database.reading() as connection:
            return [_user(row) for row in connection.execute(select(USERS).order_by(_U.name)).mappings()]

    def user(self, name: str) -> User:
        """Raises NotFound."""
        with self._database.reading() as connection:
            row = connection.execute(select(USERS).where(_U.name == name)).mappings().first()
        if row is None:
            raise NotFound(f"no user {name!r}")
        return _user(row)

    def change(
        self,
        name: str,
        by: str,
        now: float,
        role: Role | None = None,
        disabled: bool | None = None,
        password: str | None = None,
    ) -> None:
        """What is None stays. A new password and a disabled user end all sessions.

        Raises NotFound, and InputError for a password that is too short or a last manager that would be none.
        """
        values: dict[str, Any] = {}
        if password is not None:
            values["password_hash"] = self._passwords.hash(password)
        if role is not None:
            values["role"] = role.value
        if disabled is not None:
            values["disabled"] = disabled
        with self._database.writing() as connection:
            # Two managers who take each other's role at one moment must not both be the last but one.
            managers = select(_U.id).where(_U.role == Role.MANAGER.value).order_by(_U.id)
            connection.execute(managers.with_for_update()).all()
            row = connection.execute(select(USERS).where(_U.name == name)).mappings().first()
            if row is None:
                raise NotFound(f"no user {name!r}")
            connection.execute(update(USERS).where(_U.id == row["id"]).values(values))
            if row["role"] == Role.MANAGER and not row["disabled"] and not _managers(connection):
                raise InputError("role: this is the last manager; make another user a manager first")
            if password is not None or disabled:
                connection.execute(delete(SESSIONS).where(_S.user_id == row["id"]))
            before = {"role": row["role"], "disabled": row["disabled"]}
            after = {key: value for key, value in values.items() if key != "password_hash"}
            after |= {"password": "changed"} if password is not None else {}
            record(connection, now, by, "user.change", name, before, after)

    # Sessions

    def log_in(self, name: str, password: str, now: float) -> tuple[str, Session] | None:
        """The secret of a new session and the session; None for a wrong name or password, which take as long."""
        with self._database.reading() as connection:
            row = (
                connection.execute(select(USERS).where(_U.name == name[: _LONGEST_NAME + 1]))
                .mappings()
                .first()
            )
        usable = row is not None and row["password_hash"] and not row["disabled"]
        hashed = row["password_hash"] if row is not None and usable else None
        if not self._passwords.is_right(hashed, password) or row is None:
            return None
        secret, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
        session = {
            "token_sha256": sha256(secret), "user_id": row["id"], "csrf": csrf, "created": now,
            "expires": now + SESSION_SECONDS,
        }  # fmt: skip
        with self._database.writing() as connection:
            # The password may have been changed, or the user disabled, while this one was checked.
            same = select(_U.id).where(
                _U.id == row["id"], _U.password_hash == row["password_hash"], ~_U.disabled
            )
            if connection.execute(same.with_for_update()).first() is None:
                return None
            connection.execute(delete(SESSIONS).where(_S.expires < now))
            connection.execute(insert(SESSIONS).values(session))
            if self._passwords.is_old(row["password_hash"]):
                connection.execute(
                    update(USERS)
                    .where(_U.id == row["id"])
                    .values(password_hash=self._passwords.hash(password))
                )
            record(connection, now, name, "log in", name, None, None)
        return secret, Session(_user(row), csrf)

    def session(self, secret: str, now: float) -> Session | None:
        """Of a cookie; None when it is over or never was.

        One that began far in the future is of a clock that was years ahead: it would outlive the correction by years.
        """
        lasts = (_S.expires > now) & (_S.created < now + SESSION_SECONDS)
        query = (
            select(USERS, _S.csrf)
            .join(SESSIONS, _S.user_id == _U.id)
            .where(_S.token_sha256 == sha256(secret), lasts, ~_U.disabled)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else Session(_user(row), row["csrf"])

    def log_out(self, secret: str) -> None:
        with self._database.writing() as connection:
            connection.execute(delete(SESSIONS).where(_S.token_sha256 == sha256(secret)))

    # Tokens

    def new_token(
        self, user: str, name: str, scope: Scope, by: str, now: float, expires: float | None = None
    ) -> str:
        """The secret, which is shown once and kept nowhere. Raises NotFound or InputError."""
        if not 1 <= len(name) <= _LONGEST_NAME:
            raise InputError(f"name: expected 1 to {_LONGEST_NAME} characters")
        owner = self.user(user)
        if _RANK[_ROLE_OF[scope]] > _RANK[owner.role]:
            raise InputError(f"scope: a {owner.role.value} cannot have a token that may {scope.value}")
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        row = {
            "sha256": sha256(secret), "user_id": owner.id, "name": storable(name), "scope": scope.value, "created": now,
            "expires": expires,
        }  # fmt: skip
        with self._database.writing() as connection:
            connection.execute(insert(TOKENS).values(row))
            record(connection, now, by, "token.add", user, None, {"name": name, "scope": scope.value})
        return secret

    def tokens(self, user: str) -> Sequence[Token]:
        """A user's, newest first."""
        query = select(TOKENS).join(USERS).where(_U.name == user).order_by(_T.created.desc())
        with self._database.reading() as connection:
            return [
                Token(row["name"], Scope(row["scope"]), row["created"], row["expires"], row["sha256"])
                for row in connection.execute(query).mappings()
            ]

    def revoke(self, user: str, digest: str, by: str, now: float) -> None:
        """Raises NotFound."""
        with self._database.writing() as connection:
            row = connection.execute(
                select(TOKENS).join(USERS).where(_T.sha256 == digest, _U.name == user)
            ).mappings().first()  # fmt: skip
            if row is None:
                raise NotFound(f"user {user!r} has no such token")
            connection.execute(delete(TOKENS).where(_T.sha256 == digest))
            record(connection, now, by, "token.revoke", user, {"name": row["name"]}, None)

    def bearer(self, secret: str, now: float) -> tuple[User, Role] | None:
        """The user of a token, and the role it gives: the lesser of the user's and the token's."""
        query = (
            select(USERS, _T.scope, _T.expires).join(TOKENS).where(_T.sha256 == sha256(secret), ~_U.disabled)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        if row is None or (row["expires"] is not None and row["expires"] <= now):
            return None
        user = _user(row)
        return user, min(user.role, _ROLE_OF[Scope(row["scope"])], key=_RANK.__getitem__)


def may(role: Role | None, wanted: Role) -> bool:
    """Whether a role includes another."""
    return role is not None and _RANK[role] >= _RANK[wanted]


def sha256(secret: str) -> str:
    """Secrets have 256 bits of chance: a plain hash of one cannot be turned back."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def checked_name(name: str) -> None:
    """Raises InputError for what cannot name a user."""
    if not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable() or name != name.strip():
        raise InputError(
            f"name: expected 1 to {_LONGEST_NAME} printable characters without spaces around them"
        )


def _managers(connection: Connection) -> int:
    query = select(func.count()).where(_U.role == Role.MANAGER.value, ~_U.disabled)
    return int(connection.execute(query).scalar_one())


def _user(row: Mapping[Any, Any]) -> User:
    return User(row["id"], row["name"], Role(row["role"]), row["disabled"], bool(row["password_hash"]))
