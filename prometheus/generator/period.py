"""The period of a budget by Prometheus' own clock: its length, whether it rolls, and when it began.

A machine's clock may be wrong and all machines may be off when a period ends. So calendar periods are computed from
``time()`` and the name of the period (``gramwatt_budget_period_info``). Exporters without that metric say only when
their period began and how long it is. Then the machines whose clock agrees with Prometheus' clock are believed, and
after them the past.
"""

from __future__ import annotations

from .identity import SKEWED
from .names import END, INFO, PERIOD, ROLLING, SEEN, START, Rule, past, record

CALENDAR = "day|week|month|quarter|year"

_PERIOD = "gramwatt_budget_period_seconds"
_START = "gramwatt_budget_period_start_timestamp_seconds"

# All in UTC. day_of_week() counts from Sunday; a week begins on Monday.
_MIDNIGHT = "(time() - time() % 86400)"
_MONTH = "scalar(month())"
_YEAR = "scalar(year())"
_LEAP = f"(({_YEAR} % 4 == bool 0) - ({_YEAR} % 100 == bool 0) + ({_YEAR} % 400 == bool 0))"
# Days of the year before the quarter at hand: 0, 90, 181, 273, and the leap day before the later three.
_BEFORE_QUARTER = (
    f"(90 * ({_MONTH} >= bool 4) + 91 * ({_MONTH} >= bool 7) + 92 * ({_MONTH} >= bool 10)"
    f" + {_LEAP} * ({_MONTH} >= bool 4))"
)
_QUARTER_DAYS = f"(90 + {_LEAP} * ({_MONTH} < bool 4) + ({_MONTH} >= bool 4) + ({_MONTH} >= bool 7))"

_STARTS = {
    "day": _MIDNIGHT,
    "week": f"({_MIDNIGHT} - 86400 * ((scalar(day_of_week()) + 6) % 7))",
    "month": f"({_MIDNIGHT} - 86400 * (scalar(day_of_month()) - 1))",
    "quarter": f"({_MIDNIGHT} - 86400 * (scalar(day_of_year()) - 1 - {_BEFORE_QUARTER}))",
    "year": f"({_MIDNIGHT} - 86400 * (scalar(day_of_year()) - 1))",
}
_LENGTHS = {
    "day": "86400",
    "week": "604800",
    "month": "86400 * scalar(days_in_month())",
    "quarter": f"86400 * {_QUARTER_DAYS}",
    "year": f"86400 * (365 + {_LEAP})",
}


def _by_name(values: dict[str, str]) -> str:
    each = (f'{INFO}{{period="{name}"}} * 0 + {value}' for name, value in values.items())
    return "max by (budget) (\n    " + "\n  or\n    ".join(each) + "\n)"


def rules() -> list[Rule]:
    """Name, length, kind, start and end of each budget's period."""
    return [_info(), _length(), _rolling(), _start(), record(END, f"{START} + on (budget) {PERIOD}")]


def _info() -> Rule:
    # The value is when the name was last reported, so that of two remembered names the newer one is taken. Two that are
    # equally new are both kept: machines disagreed until the last of them was off. What follows takes the calendar's.
    return record(
        INFO,
        f"""\
group by (budget, period) (gramwatt_budget_period_info) * 0 + time()
or
(
  ({past(INFO)} == on (budget) group_left () max by (budget) ({past(INFO)}))
  unless on (budget) gramwatt_budget_period_info
  and on (budget) ({past(SEEN)} >= 0)
)
""",
    )


def _length() -> Rule:
    return record(
        PERIOD,
        f"""\
{_by_name(_LENGTHS)}
or
max by (budget) ({_PERIOD} unless on (job, instance) {SKEWED})
or
max by (budget) ({_PERIOD})
or
({past(PERIOD)} and on (budget) ({past(SEEN)} >= 0))
""",
    )


def _rolling() -> Rule:
    # Without its name: the start of a rolling period moves with the time, that of a calendar period stands or jumps
    # by days. In the first ten minutes: the end of a rolling period is now.
    move = f"({_START} - {_START} offset 10m)"
    # Copies of a series (replicas) are one before two series are added.
    once = [f"max by (job, instance, budget) ({each})" for each in (_START, _PERIOD)]
    end = f"({' + '.join(once)} - time())"
    return record(
        ROLLING,
        f"""\
max by (budget) ({INFO}{{period=~"{CALENDAR}"}} * 0)
or
max by (budget) ({INFO} * 0 + 1)
or
max by (budget) (({move} > bool 0) * ({move} < bool 3600) unless on (job, instance) {SKEWED})
or
({past(ROLLING)} and on (budget) {PERIOD})
or
max by (budget) (abs({end}) < bool 120)
""",
    )


def _start() -> Rule:
    # A start in the future is a wrong clock. A remembered calendar period that is over began anew meanwhile.
    return record(
        START,
        f"""\
{_by_name(_STARTS)}
or
(time() - {PERIOD} and on (budget) {ROLLING} == 1)
or
max by (budget) ({_START} <= time() + 60 unless on (job, instance) {SKEWED})
or
(
  {past(START)}
  + on (budget)
  floor((time() - {past(START)}) / on (budget) {PERIOD}) * on (budget) {PERIOD}
)
or
max by (budget) ({_START} <= time() + 60)
or
(time() - {PERIOD})
""",
    )
