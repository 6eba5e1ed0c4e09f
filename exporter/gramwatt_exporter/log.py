"""Log lines on standard error, as logfmt or JSON, through the standard library's logging."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Literal


class _Formatter(logging.Formatter):
    """Time, level, part of the exporter, and message; a traceback only at debug level."""

    def __init__(self, style: Literal["logfmt", "json"]) -> None:
        super().__init__()
        self._json = style == "json"

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        fields = {
            "ts": at,
            "level": record.levelname.lower(),
            "logger": record.name.removeprefix("gramwatt_exporter").lstrip(".") or "exporter",
            "msg": record.getMessage(),
            **{key: str(value) for key, value in getattr(record, "fields", {}).items()},
        }
        if record.exc_info and record.exc_info[1] is not None:
            fields["error"] = repr(record.exc_info[1])
        if record.exc_info and logging.getLogger().isEnabledFor(logging.DEBUG):
            fields["traceback"] = self.formatException(record.exc_info)
        if self._json:
            return json.dumps(fields, ensure_ascii=False)
        return " ".join(f"{key}={_quoted(value)}" for key, value in fields.items())


class FieldLogger:
    """``log.warning("message", key=value)`` over a standard logger: the keys become fields of the line."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, message: str, **fields: object) -> None:
        """Normal and frequent."""
        self._logger.debug(message, extra={"fields": fields})

    def info(self, message: str, **fields: object) -> None:
        """A change of state."""
        self._logger.info(message, extra={"fields": fields})

    def warning(self, message: str, **fields: object) -> None:
        """The operator may want to act."""
        self._logger.warning(message, extra={"fields": fields})

    def error(self, message: str, **fields: object) -> None:
        """Something does not work."""
        self._logger.error(message, extra={"fields": fields})


def _quoted(text: str) -> str:
    plain = text and all(c > " " and c not in '"=' for c in text)
    return text if plain else json.dumps(text, ensure_ascii=False)


def configure(level: str, style: Literal["logfmt", "json"]) -> None:
    """Set up the root logger; called at start and again when the configuration is reloaded."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(style))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("urllib3").setLevel(logging.WARNING)  # its debug lines hold URLs with parameters
