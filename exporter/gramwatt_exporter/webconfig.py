"""TLS and basic auth of /metrics from a web config file, in the form all Prometheus exporters use.

The file is that of the Prometheus exporter toolkit
(https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md), of which
``tls_server_config`` and ``basic_auth_users`` are supported. File names in it are relative to it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec

from . import yaml_files
from .errors import ConfigError

_TlsVersion = Literal["TLS10", "TLS11", "TLS12", "TLS13"]
_VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
_CLIENT_AUTH = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_BCRYPT = re.compile(r"\$2[aby]\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")
_BCRYPT_BYTES = 72  # bytes of a password that bcrypt reads; some versions refuse longer ones
_REMEMBERED = 128
_PATH = re.compile(r"^(?P<message>.*?)(?: - at `(?P<path>[^`]*)`)?$", re.DOTALL)


class TlsServer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``tls_server_config``."""

    cert_file: str = ""
    key_file: str = ""
    client_ca_file: str = ""
    client_auth_type: Literal["", "NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"] = (
        ""
    )
    min_version: _TlsVersion = "TLS12"
    max_version: _TlsVersion = "TLS13"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tls_server_config: TlsServer | None = None
    basic_auth_users: dict[str, str] | None = None


class WebConfig:
    """Which users may read, and over what. An empty ``path`` means plain HTTP for all.

    Raises ConfigError naming the ``setting`` that named the file, the file, the key in it and what is allowed.
    """

    def __init__(self, path: str = "", setting: str = "$.web.config_file") -> None:
        self._path = path
        self._setting = setting
        self._key = os.urandom(32)
        self._lock = threading.Lock()
        self._right: dict[bytes, None] = {}  # accepted credentials, oldest first
        self._wrong: dict[bytes, None] = {}
        # Addresses whose last password was wrong. They wait in a lane of their own: a correct new password must not
        # wait behind another user's wrong ones.
        self._guessing: dict[str, None] = {}
        self._guessers, self._newcomers = threading.Lock(), threading.Lock()
        settings = self._read()
        self._users = dict(settings.basic_auth_users or {})
        self.ssl_context = self._context(settings.tls_server_config)
        """For the next handshake; None for plain HTTP. A reload replaces it as a whole: a context that is changed keeps
        what was taken out of the file (a client's authority, a certificate of another kind of key), and a handshake
        of another thread would meet half of the change."""

    def reload(self) -> None:
        """Read the file again: users, and certificates that were renewed. On errors all stays as it was.

        Raises ConfigError also when TLS is switched on or off, which needs a restart.
        """
        self.prepare()()

    def prepare(self) -> Callable[[], None]:
        """The first half of :meth:`reload`: everything that can be refused is; the result takes it over."""
        settings = self._read()
        if (settings.tls_server_config is None) != (self.ssl_context is None):
            raise self._error(
                "tls_server_config", "cannot be switched on or off while running; restart instead"
            )
        context = self._context(settings.tls_server_config)
        return lambda: self._take(settings, context)

    def _take(self, settings: _File, context: ssl.SSLContext | None) -> None:
        self.ssl_context = context
        with self._lock:
            # What was found before stays known: it holds for the hash it was found for, whoever still has that.
            self._users = dict(settings.basic_auth_users or {})

    def allows(self, authorization: str | None, address: str = "") -> bool:
        """Whether a request with this ``Authorization`` header (None: it has none) may be answered. ``address`` is the
        client's, or stands for all that one client can have: clients that guess wait only for each other."""
        if not self._users:
            return True
        scheme, _, encoded = (authorization or "").partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return bool(colon) and self.check(user, password, address)

    def check(self, user: str, password: str, address: str = "") -> bool:
        """Whether this is the user's password. Unknown users take as long as known ones.

        What was found is remembered (under a keyed hash, never the password), because bcrypt at every scrape
        would cost more than the scrape.
        """
        users = self._users
        if not users:
            return False
        known = users.get(user)
        hashed = known or next(iter(users.values()))  # another user's hash, so that the check takes as long
        parts = b"\0".join(
            hashlib.sha256(part.encode("utf-8", "surrogatepass")).digest()
            for part in (user, password, known or "")
        )
        key = hashlib.blake2b(parts, key=self._key).digest()
        with self._lock:  # held for microseconds: a known user never waits for others
            if key in self._right:
                return True
            if key in self._wrong:
                return False
            lane = self._guessers if address in self._guessing else self._newcomers
        with lane:  # one bcrypt at a time in each, so guessing cannot take all CPUs
            with self._lock:
                if key in self._right or key in self._wrong:
                    return key in self._right
            right = _matches(password, hashed) and known is not None
        with self._lock:
            remembered: dict[Any, None] = self._right if right else self._wrong
            _remember(remembered, key)
            if right:
                self._guessing.pop(address, None)
            else:
                _remember(self._guessing, address)
        return right

    def _read(self) -> _File:
        if not self._path:
            return _File()
        try:
            tree: Any = yaml_files.read(Path(self._path).read_bytes())
        except OSError as error:
            raise self._error("", f"cannot be read: {error.strerror}") from None
        except yaml_files.YamlError as error:  # it quotes no value: there are hashes in the file
            raise self._error("", f"is not YAML: {error}") from None
        except ValueError:
            raise self._error("", "is not the name of a file") from None
        try:
            settings = msgspec.convert({} if tree is None else tree, _File)
        except msgspec.ValidationError as error:
            match = _PATH.match(str(error))
            assert match is not None
            raise self._error(
                (match["path"] or "").removeprefix("$").replace("[...]", "").lstrip("."),
                _explain(match["message"]),
            ) from None
        for user, hashed in (settings.basic_auth_users or {}).items():
            if not user or ":" in user:
                raise self._error(
                    "basic_auth_users", f"{user!r} is not a user name; it must be text without a colon"
                )
            if not _BCRYPT.fullmatch(hashed):
                raise self._error(
                    f"basic_auth_users.{user}",
                    "is not a bcrypt hash; make one with `htpasswd -nBC 10 '' | tr -d ':'`",
                )
        return settings

    def _context(self, tls: TlsServer | None) -> ssl.SSLContext | None:
        if tls is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = self._file("cert_file", tls.cert_file)
        key = self._file("key_file", tls.key_file)
        if _VERSIONS[tls.min_version] > _VERSIONS[tls.max_version]:
            raise self._error(
                "tls_server_config.min_version", f"{tls.min_version} is above max_version {tls.max_version}"
            )
        context.minimum_version = _VERSIONS[tls.min_version]
        context.maximum_version = _VERSIONS[tls.max_version]
        try:
            context.load_cert_chain(certificate, key, password=_no_password)
        except ssl.SSLError as error:
            raise self._error(
                "tls_server_config.key_file",
                f"{certificate} and {key} do not make a pair of PEM certificate and key: {error.reason or error}",
            ) from None
        except ValueError as error:
            raise self._error("tls_server_config.key_file", str(error)) from None
        mode = _CLIENT_AUTH[
            tls.client_auth_type or ("RequireAndVerifyClientCert" if tls.client_ca_file else "NoClientCert")
        ]
        if mode != ssl.CERT_NONE:
            authority = self._file("client_ca_file", tls.client_ca_file)
            try:
                context.load_verify_locations(authority)
            except ssl.SSLError as error:
                raise self._error(
                    "tls_server_config.client_ca_file",
                    f"{authority} holds no PEM certificate: {error.reason or error}",
                ) from None
        context.verify_mode = mode
        return context

    def _file(self, key: str, name: str) -> Path:
        if not name:
            raise self._error(f"tls_server_config.{key}", "is missing; TLS needs it")
        path = Path(self._path).parent / name
        try:
            with path.open("rb"):
                return path
        except ValueError:
            raise self._error(f"tls_server_config.{key}", f"{name!r} is not the name of a file") from None
        except OSError as error:
            raise self._error(
                f"tls_server_config.{key}", f"{path} cannot be read: {error.strerror}"
            ) from None

    def _error(self, key: str, message: str) -> ConfigError:
        where = f"{self._setting} ({self._path})"
        return ConfigError(f"{where} $.{key}" if key else where, message)


def _remember(remembered: dict[Any, None], key: object) -> None:
    remembered.pop(key, None)
    remembered[key] = None
    if len(remembered) > _REMEMBERED:
        del remembered[next(iter(remembered))]


def _explain(message: str) -> str:
    message = message.replace("`", "")
    if "unknown field" in message:
        tls = ", ".join(info.encode_name for info in msgspec.structs.fields(TlsServer))
        return f"{message}; supported are basic_auth_users and, in tls_server_config, {tls}"
    if "Invalid enum value" in message:
        return f"{message}; client_auth_type is one of {', '.join(_CLIENT_AUTH)}, versions are {', '.join(_VERSIONS)}"
    return message


def _no_password() -> str:
    raise ValueError("the key is encrypted; give one without a passphrase")


def _matches(password: str, hashed: str) -> bool:
    import bcrypt  # only where passwords are used: it costs memory

    try:
        return bcrypt.checkpw(password.encode()[:_BCRYPT_BYTES], hashed.encode())
    except ValueError:
        return False
