"""The idle energy of a step, also of one shorter than its counter's own period. Pure."""

from __future__ import annotations

from ..model import EnergyStep
from .accounts import DeviceAccount
from .attribution import idle_energy
from .interval import SHORTEST_POWER_NS


def idle_of(account: DeviceAccount, step: EnergyStep, idle_microwatts: int) -> int:
    """Microjoules. Idle energy that a short step cannot cover is taken from the next step.

    Counters are renewed every 1 to 100 ms: of two forced samples within that time, one shows no energy and the other
    all of it. The debt is at most that of SHORTEST_POWER_NS, and ends with a step that is longer.
    """
    awake_ns = step.nanoseconds - step.slept_ns
    is_short = step.nanoseconds < SHORTEST_POWER_NS
    if not is_short and not account.idle_owed_uj:
        return idle_energy(step.microjoules, idle_microwatts, awake_ns)
    due = account.idle_owed_uj + idle_microwatts * awake_ns // 1_000_000_000
    idle = max(0, min(step.microjoules, due))
    most = idle_microwatts * SHORTEST_POWER_NS // 1_000_000_000
    account.idle_owed_uj = min(due - idle, most) if is_short else 0
    return idle
