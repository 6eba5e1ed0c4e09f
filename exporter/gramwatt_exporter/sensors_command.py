"""``gramwatt-exporter sensors``: every meter of this machine, its use, the reason, and what it reads."""

from __future__ import annotations

import argparse
import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

import msgspec

from .assembly import build_sensor_set
from .errors import ConfigError, GramwattError
from .flags import add_flags, load_flags
from .sensors.overview import Looks, MeterRow, Overview, SensorRow

OPEN_SECONDS = 5.0  # seconds to wait for sensors that open slowly
_USES = {"counted": "counted", "other": "makes 'other'", "shown": "only shown", "not used": "not used"}


class _Silent:
    """A log that drops its lines: the table shows everything."""

    def debug(self, message: str, **fields: object) -> None: ...
    def info(self, message: str, **fields: object) -> None: ...
    def warning(self, message: str, **fields: object) -> None: ...


def run(
    argv: Sequence[str],
    environ: Mapping[str, str],
    stdout: TextIO,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """0: printed. 2: wrong settings (said on standard error). No running exporter is needed, nothing is written."""
    arguments = _parser().parse_args(argv)
    try:
        config = load_flags(arguments, environ).config
        sensor_set = build_sensor_set(config, _Silent())
    except ConfigError as error:
        print(f"gramwatt-exporter sensors: {error}", file=sys.stderr)
        return 2
    except GramwattError as error:
        print(f"gramwatt-exporter sensors: {error}", file=sys.stderr)
        return 1
    looks = Looks(sensor_set)
    try:
        sensor_set.open()
        _look(looks, arguments.seconds, sleep)
        overview = looks.overview()
    finally:
        sensor_set.close()
    text = (
        msgspec.json.format(msgspec.json.encode(overview), indent=2).decode()
        if arguments.json
        else table(overview)
    )
    print(text, file=stdout)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gramwatt-exporter sensors",
        description="Reads every sensor for some seconds and prints what was found, what each meter is used for and"
        " why, and what it reads. Needs no running exporter and writes nothing.",
        allow_abbrev=False,
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--seconds", type=_seconds, default=2.0, help="how long to measure, 0.1 to 60 (2)")
    add_flags(parser)
    return parser


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.1 <= value <= 60:
        raise argparse.ArgumentTypeError("must be a number of seconds from 0.1 to 60")
    return value


def _look(looks: Looks, seconds: float, sleep: Callable[[float], None]) -> None:
    """Wait for sensors that open slowly, then measure."""
    looks.look()
    waited = 0.0
    while looks.waits() and waited < OPEN_SECONDS:
        sleep(0.25)
        waited += 0.25
        looks.look()
    for _ in range(2):
        sleep(seconds / 2)
        looks.look()


def table(overview: Overview) -> str:
    """The overview for a person."""
    return "\n".join([*_meters(overview.meters), "", *_sensors(overview.sensors)])


def _meters(rows: Sequence[MeterRow]) -> list[str]:
    if not rows:
        return ["Nothing on this machine says what it draws."]
    lines = [("SENSOR", "METER", "MEASURES", "WATTS", "USE", "WHY")]
    for row in rows:
        watts = "-" if row.watts is None else f"{row.watts:.1f} ±{row.uncertainty_ratio:.0%}"
        lines.append((row.sensor, row.name, row.claims, watts, _USES[row.use], row.why))
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    return [
        "  ".join([*(text.ljust(w) for text, w in zip(line, widths, strict=False)), line[5]])
        for line in lines
    ]


def _sensors(rows: Sequence[SensorRow]) -> list[str]:
    lines = []
    width = max((len(row.sensor) for row in rows), default=0)
    for row in rows:
        text = "; ".join(part for part in (row.message, row.fix) if part)
        head = f"{row.sensor.ljust(width)}  {row.state}"
        lines += textwrap.wrap(f"{head}: {text}" if text else head, 110, subsequent_indent=" " * (width + 2))
    return lines
