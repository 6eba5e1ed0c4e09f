"""Passwords as argon2id hashes."""

from __future__ import annotations

import secrets
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ..errors import InputError

SHORTEST = 10
LONGEST = 200  # argon2 takes time for each byte


class Passwords:
    """Hashes and checks. Every check takes as long as any other, also of a user who does not exist."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()

    def hash(self, password: str) -> str:
        """Raises InputError for one that is too short or too long."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise InputError(f"password: expected {SHORTEST} to {LONGEST} characters")
        return self._hasher.hash(password.encode("utf-8", "replace"))

    def is_right(self, hashed: str | None, password: str) -> bool:
        """Whether the password has this hash; None is that of no user."""
        try:
            given = password[: LONGEST + 1].encode("utf-8", "replace")
            return (
                self._hasher.verify(hashed or self._nobody, given)
                and bool(hashed)
                and len(password) <= LONGEST
            )
        except (VerificationError, InvalidHashError):
            return False

    def is_old(self, hashed: str) -> bool:
        """Whether it was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(hashed)

    @cached_property
    def _nobody(self) -> str:
        return self._hasher.hash(secrets.token_bytes(16))
