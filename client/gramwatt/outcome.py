"""How a run ended, as the exporter keeps it with the window: one of ``exit_code``, ``signal``, ``exception``.

The labeler gives a failed run no grade: it used less energy because it did less work.
"""

from __future__ import annotations

import signal
from typing import Any, Optional

Outcome = dict[str, Any]

_NAME = 128


def of_exception(error: Optional[BaseException]) -> Optional[Outcome]:
    """The outcome of code that ended by ``error``; None without an error, because success is not known."""
    if error is None or isinstance(
        error, GeneratorExit
    ):  # a generator that is not asked any more has not failed
        return None
    if isinstance(error, SystemExit):
        return {"exit_code": _exit_code(error.code)}
    return {"exception": type(error).__name__[:_NAME]}


def of_command(code: int, signum: int = 0) -> Outcome:
    """The outcome of a command: its exit code, or the signal that killed it."""
    if signum:
        return {"signal": signal_name(signum)}
    return {"exit_code": code}


def signal_name(signum: int) -> str:
    """``SIGKILL``; ``SIG40`` for one without a name (real time)."""
    try:
        return signal.Signals(signum).name
    except ValueError:
        return f"SIG{signum}"


def from_answer(value: Any) -> Optional[Outcome]:
    """The outcome in a Window object of the socket API; None where there is none."""
    if not isinstance(value, dict):
        return None
    found = {key: value[key] for key in ("exit_code", "signal", "exception") if value.get(key) is not None}
    return found or None


def failed(outcome: Optional[Outcome]) -> bool:
    """Whether it says that the run failed."""
    return outcome is not None and outcome != {"exit_code": 0}


def words(outcome: Outcome) -> str:
    """``exit code 1``, ``signal SIGKILL``, ``exception ValueError``."""
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in outcome.items())


def _exit_code(code: Any) -> int:
    """What the interpreter makes of ``sys.exit(code)``."""
    if code is None:
        return 0
    return code & 0xFF if isinstance(code, int) else 1
