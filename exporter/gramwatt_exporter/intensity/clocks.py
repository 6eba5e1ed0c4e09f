"""Whether a wrong clock of this machine makes a value look old, or of the future. Pure."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from gramwatt_exporter.model import IntensityProvider

from .checks import SKEW, duration


@runtime_checkable
class Clocked(Protocol):
    """A provider whose host states its own time with each answer."""

    @property
    def clock_ahead(self) -> float | None:
        """Seconds by which this machine's clock is ahead of the host's at the last answer; None: not known."""
        ...


def fix(reason: str, provider: IntensityProvider) -> str:
    """The fix for a stale value, or one of the future, where the host's clock and ours differ; "" otherwise."""
    ahead = provider.clock_ahead if isinstance(provider, Clocked) else None
    if reason not in ("stale", "future") or ahead is None:
        return ""
    if abs(ahead) <= SKEW:
        agree = (
            f"the clocks of this machine and of {provider.origin} agree: wait, or report it to the provider"
        )
        return agree if reason == "future" else ""
    direction = "ahead of" if ahead > 0 else "behind"
    return (
        f"the clock of this machine is {duration(abs(ahead))} {direction} the one of {provider.origin}:"
        " check it (timedatectl)"
    )
