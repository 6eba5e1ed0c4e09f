"""The file of bearer tokens: which clients may connect over TCP, and as which user."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from ..errors import ConfigError

SETTING = "$.windows.tcp.token_file"
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{32,512}=*")  # b64token of RFC 6750, and long enough not to be guessed
_MAKE = "make one with `openssl rand -hex 32`"
_OTHERS = 0o027  # read and write for everybody, write for the group
_MOST_BYTES = 1 << 20


class Tokens(Struct, frozen=True):
    """Digests of the tokens of one file with the uid each stands for; the tokens themselves are not kept."""

    digests: tuple[tuple[bytes, int], ...]

    def uid(self, presented: bytes) -> int | None:
        """The uid of the token with this digest. Takes the same time for a wrong token as for a right one."""
        found = None
        for known, uid in self.digests:
            if hmac.compare_digest(known, presented):
                found = uid
        return found

    @property
    def of_root(self) -> bool:
        """Whether a token is root's, who may see and change the windows of all users."""
        return any(uid == 0 for _, uid in self.digests)


def digest(token: str) -> bytes:
    """The digest of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def read(path: str, uid_of: Callable[[str], int | None]) -> Tokens:
    """The tokens of a file of lines ``USER TOKEN``; ``uid_of`` looks a user name or uid up.

    Raises ConfigError with the file and the line, never with a token.
    """
    digests: dict[bytes, int] = {}
    for number, line in enumerate(_lines(path), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        where = f"{path}, line {number}"
        if len(words) != 2:
            raise ConfigError(SETTING, f"{where}: expected a user and a token, got {len(words)} words")
        user, token = words
        uid = uid_of(user)
        if uid is None:
            # Not the word itself: with the words swapped, the log would show the token.
            raise ConfigError(
                SETTING, f"{where}: the first word is no user of this machine; give a user's name or uid"
            )
        if not _TOKEN.fullmatch(token):
            raise ConfigError(
                SETTING,
                f"{where}: the token is shorter than 32 characters or has others than letters, digits and -._~+/;"
                f" {_MAKE}",
            )
        if digests.setdefault(digest(token), uid) != uid:
            raise ConfigError(SETTING, f"{where}: the token stands for another user further up; {_MAKE}")
    if not digests:
        raise ConfigError(SETTING, f"{path} holds no token; write lines of USER TOKEN, {_MAKE}")
    return Tokens(tuple(digests.items()))


def _lines(path: str) -> list[str]:
    try:
        with Path(path).open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if os.name == "posix" and mode & _OTHERS:
                raise ConfigError(
                    SETTING,
                    f"{path} may be read or changed by others (mode {mode & 0o777:04o}); chmod 600 {path}, or 640 with"
                    " the exporter's group",
                )
            raw = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(SETTING, f"cannot read {path}: {error.strerror}") from None
    if len(raw) > _MOST_BYTES:
        raise ConfigError(SETTING, f"{path} is larger than 1 MiB; is it the file of tokens?")
    try:
        return raw.decode("ascii").splitlines()
    except UnicodeDecodeError:
        raise ConfigError(
            SETTING, f"{path} has bytes that are not ASCII; write lines of USER TOKEN"
        ) from None
