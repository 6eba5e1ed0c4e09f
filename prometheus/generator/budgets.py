"""The group of rules about budgets: each rule builds on those before it."""

from __future__ import annotations

from typing import Any

from . import budget_alerts, burn, forecast, identity, memory, period


def groups() -> list[dict[str, Any]]:
    """The content of rules/gramwatt-budgets.yml: one group, as its rules build on each other in order."""
    rules = [
        *identity.rules(),
        *period.rules(),
        *memory.rules(),
        *burn.rules(),
        *forecast.rules(),
        *budget_alerts.rules(),
    ]
    return [{"name": "gramwatt-budgets", "interval": "1m", "rules": rules}]
