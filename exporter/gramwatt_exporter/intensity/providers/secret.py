"""Tokens and passwords: from a file or from the environment, never in a log line, an error or a repr."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gramwatt_exporter.intensity.providers.failures import Refused


class Secret:
    """Read anew at each use, so that a rotated file needs no restart. ``file`` wins over ``variable``."""

    def __init__(self, kind: str, variable: str, file: str, environ: Mapping[str, str]) -> None:
        self._kind = kind
        self._variable = variable
        self._file = file
        self._value = environ.get(variable, "")

    def __repr__(self) -> str:
        return f"Secret({self._kind}, from {self._file or self._variable})"

    def read(self) -> str:
        """The secret without surrounding white space. Raises Refused (no_token) saying where to put it."""
        fix = f"set {self._variable}, or token_file / password_file of the {self._kind} provider"
        text = self._value
        if self._file:
            try:
                text = Path(self._file).read_text(encoding="ascii")
            except OSError as error:
                raise Refused("no_token", f"cannot read {self._file}: {error.strerror}", fix) from None
            except UnicodeDecodeError:
                raise Refused("no_token", f"{self._file} has bytes that are not ASCII", fix) from None
        text = text.strip()
        if not text:
            raise Refused("no_token", f"no token for {self._kind}", fix)
        if not (text.isascii() and text.isprintable()) or " " in text:
            # An HTTP library would quote the offending header, that is the token, in its error.
            raise Refused("no_token", f"the token for {self._kind} has characters a token cannot have", fix)
        return text
