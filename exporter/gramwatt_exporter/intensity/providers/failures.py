"""What can go wrong with a provider, with the slug that ends up in ``gramwatt_grid_refresh_failures_total``.

``reason`` is one of: network, proxy, tls, timeout, redirected, rate_limited, server_error, bad_answer, no_value,
wrong_zone, unknown_zone, no_such_route, implausible, sandbox, future, stale, unauthorized, no_token, internal.
"""

from __future__ import annotations

from gramwatt_exporter.errors import Fatal, TryAgain


class Unavailable(TryAgain):
    """May work later. ``fix`` says what a person can do ("": only wait)."""

    def __init__(self, reason: str, message: str, *, fix: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, retry_after)
        self.reason = reason
        self.fix = fix


class Refused(Fatal):
    """Will not work until the operator acts; asked again rarely."""

    def __init__(self, reason: str, message: str, fix: str) -> None:
        super().__init__(message, fix)
        self.reason = reason
