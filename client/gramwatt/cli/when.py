"""``gramwatt when``: the start that emits least."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Optional

from ..api import connect
from ..schedule import Advice, Curve, Point, best_start, parse_duration, same_as_yesterday
from ..wording import duration, printable

_WORTHWHILE = 0.5  # g/kWh; less than this is within the rounding of every provider


def add_parser(commands: Any) -> None:
    """Register the subcommand."""
    parser = commands.add_parser(
        "when",
        help="the best time to start a job, by the forecast of the grid",
        description="Find the start that emits least for a job of a given length, from the exporter's forecast of "
        "the grid's carbon intensity.",
        epilog="example: gramwatt when --duration 4h --deadline 24h",
    )
    parser.add_argument(
        "--duration", required=True, type=_duration, metavar="TIME", help="how long the job takes: 4h"
    )
    parser.add_argument(
        "--deadline", default=_duration("24h"), type=_duration, metavar="TIME",
        help="it must have ended by then, from now (default: 24h)",
    )  # fmt: skip
    parser.add_argument("--zone", default="", help="refuse an answer for another grid zone")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=main)


def main(args: argparse.Namespace) -> int:
    """Returns 0 with an answer, 1 without one."""
    if args.duration > args.deadline:
        print("gramwatt when: the job is longer than the time until the deadline", file=sys.stderr)
        return 2
    state = connect(args.socket).intensity()
    now = time.time()
    average = _object(state.get("average"))
    zone, problem = str(average.get("zone") or ""), ""
    advice: Optional[Advice] = None
    method, curve = _curve(state, average, now)
    if args.zone and zone != args.zone:
        problem = (
            f"the exporter knows the grid zone {zone or '(none)'}, not {args.zone}; set intensity.zone there"
        )
    elif curve is None:
        problem = _no_forecast(state, average)
    else:
        try:
            advice = best_start(curve, now, args.duration, now + args.deadline)
        except ValueError as error:
            problem = f"{error}: it ends in {duration(max(0.0, curve.end - now))}"
    if args.json:
        print(json.dumps(_as_json(advice, args, now, zone, average, method, problem), indent=2))
    elif advice is not None:
        print(_as_text(advice, args, now, zone, average, method))
    if problem:
        print(f"gramwatt when: {problem}", file=sys.stderr)
    return 0 if advice is not None else 1


def _curve(state: Mapping[str, Any], average: Mapping[str, Any], now: float) -> tuple[str, Optional[Curve]]:
    """The forecast, else yesterday's curve, else None; and the name of the one returned."""
    current = _number(average.get("grams_per_kilowatt_hour"))
    held = [] if current is None else [Point(now, current)]
    forecast = _points(state.get("forecast"))
    past = [point for point in forecast if point.at <= now]
    ahead = [point for point in forecast if point.at > now]
    if ahead:
        # The value in force now holds until the first step of the forecast.
        first = [Point(now, past[-1].grams_per_kilowatt_hour)] if past else held
        if first and len(first + ahead) >= 2:
            return "forecast", Curve(first + ahead)
    history = _points(state.get("history"))
    if len(history) >= 2:
        guess = same_as_yesterday(history, now)
        if len(guess) >= 3:
            return "same as yesterday", Curve(guess)
    return "", None


def _no_forecast(state: Mapping[str, Any], average: Mapping[str, Any]) -> str:
    if not average:
        return str(state.get("message") or "no grid intensity is known; set intensity.zone in the exporter")
    provider = average.get("provider") or "the provider"
    return f"no forecast from this provider ({provider}); providers with one: electricitymaps, carbonintensity-uk"


def _as_json(
    advice: Optional[Advice],
    args: argparse.Namespace,
    now: float,
    zone: str,
    average: Mapping[str, Any],
    method: str,
    problem: str,
) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "zone": zone or None,
        "provider": average.get("provider"),
        "method": method or None,
        "now": now,
        "duration_seconds": args.duration,
        "deadline": now + args.deadline,
        "start": None,
        "message": problem,
    }
    if advice is not None:
        answer.update(
            start=advice.start,
            wait_seconds=advice.start - now,
            grams_per_kilowatt_hour=advice.best,
            grams_per_kilowatt_hour_now=advice.now,
            saved_grams_per_kilowatt_hour=advice.saved,
            saved_ratio=advice.saved / advice.now if advice.now > 0 else None,
            covered_until=advice.covered_until,
        )
    return answer


def _as_text(
    advice: Advice, args: argparse.Namespace, now: float, zone: str, average: Mapping[str, Any], method: str
) -> str:
    lines = []
    if advice.saved < _WORTHWHILE:
        lines.append(f"start now: {advice.now:.0f} g/kWh, no later start is better")
    else:
        share = f" ({advice.saved / advice.now * 100:.0f} % less)" if advice.now > 0 else ""
        lines.append(f"start {_clock(advice.start)}, in {duration(advice.start - now)}")
        lines.append(f"  then {advice.best:.0f} g/kWh, now {advice.now:.0f} g/kWh")
        lines.append(f"  saves {advice.saved:.0f} g CO2e per kWh{share}")
    by = printable(f"{zone}, {average.get('provider') or 'unknown provider'}")
    if method == "forecast":
        lines.append(f"  by the forecast for {by}")
    else:
        lines.append(f"  a guess, same as yesterday ({by}): this provider has a history but no forecast")
    if advice.covered_until < now + args.deadline - 1:
        lines.append(f"  searched until {_clock(advice.covered_until)}, where the data ends")
    return "\n".join(lines)


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%a %d %b %H:%M %Z")


def _points(found: Any) -> list[Point]:
    points = []
    for item in found if isinstance(found, list) else []:
        at, value = _number(_object(item).get("at")), _number(_object(item).get("grams_per_kilowatt_hour"))
        if at is not None and value is not None:
            points.append(Point(at, value))
    return sorted(points, key=lambda point: point.at)


def _number(value: Any) -> Optional[float]:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
