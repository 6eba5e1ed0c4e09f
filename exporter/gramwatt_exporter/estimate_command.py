"""``gramwatt-exporter estimate show|calibrate``: what a machine without a meter is taken to draw, and correcting it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import msgspec

from .config import Config
from .errors import ConfigError
from .flags import add_flags, load_flags
from .sensors.drivers.estimate import calibration, report
from .sensors.drivers.estimate.calibration import Measured, calibrated, fingerprint, load_calibration
from .sensors.drivers.estimate.machine import Machine, read_machine
from .sensors.drivers.estimate.power import Power, power_of
from .sensors.drivers.estimate.table import Table, built_in

_NO_STATE = "is not set, and a calibration is kept there; set it, or give --state.dir"


def run(
    argv: Sequence[str],
    environ: Mapping[str, str],
    stdout: TextIO,
    *,
    table: Table | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """0: printed or kept. 1: a file could not be read or written. 2: wrong settings (said on standard error)."""
    arguments = _parser().parse_args(argv)
    try:
        config = load_flags(arguments, environ).config
        if arguments.command == "show":
            return _show(config, arguments, table or built_in(), stdout)
        return _calibrate(config, arguments, table or built_in(), stdout, sleep)
    except ConfigError as error:
        print(f"gramwatt-exporter estimate: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"gramwatt-exporter estimate: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gramwatt-exporter estimate",
        description="What this machine is taken to draw where nothing measures it. No running exporter is needed.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    show = commands.add_parser(
        "show",
        help="what the machine is taken for, watts by component, and what would make it better",
        allow_abbrev=False,
    )
    show.add_argument(
        "--load", type=_loads, default=tuple(range(0, 101, 10)), metavar="PERCENT,...",
        help="loads to print, 0 to 100; 0,10,..,100 is every tenth (the default)",
    )  # fmt: skip
    show.add_argument("--json", action="store_true", help="as JSON")
    take = commands.add_parser(
        "calibrate", help="correct the estimate by what a meter shows now", allow_abbrev=False
    )
    action = take.add_mutually_exclusive_group(required=True)
    action.add_argument("--watts", type=_watts, help="what the meter shows")
    action.add_argument("--reset", action="store_true", help="forget all that was measured")
    load = take.add_mutually_exclusive_group()
    load.add_argument("--idle", action="store_true", help="the machine was idle then")
    load.add_argument(
        "--load", type=_load, metavar="PERCENT", help="how busy all CPUs were then (measured now)"
    )
    take.add_argument(
        "--of", choices=("wall", "cpu"), default="wall",
        help="what the meter measures: the whole machine (wall), or its CPU packages (cpu)",
    )  # fmt: skip
    for command in (show, take):
        add_flags(command)
    return parser


# --- show


def _show(config: Config, arguments: argparse.Namespace, table: Table, stdout: TextIO) -> int:
    machine, power = _estimate(config, table)
    loads: Sequence[float] = arguments.load
    if arguments.json:
        answer = report.as_json(machine, power, loads, Path(config.path.sysfs))
        print(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode(), file=stdout)
    else:
        print(report.as_text(machine, power, loads, Path(config.path.sysfs)), file=stdout)
    return 0


def _estimate(config: Config, table: Table, with_calibration: bool = True) -> tuple[Machine, Power]:
    settings = config.sensors.estimate
    machine = read_machine(Path(config.path.procfs), Path(config.path.sysfs), settings.cpu_tdp_watts)
    power = power_of(machine, table)
    if with_calibration:
        power = calibrated(power, machine, load_calibration(_state_dir(config)))
    return machine, power


def _state_dir(config: Config) -> Path | None:
    return Path(config.state.dir) if config.state.dir else None


# --- calibrate


def _calibrate(
    config: Config,
    arguments: argparse.Namespace,
    table: Table,
    stdout: TextIO,
    sleep: Callable[[float], None],
) -> int:
    directory = _state_dir(config)
    if directory is None:
        raise ConfigError("$.state.dir", _NO_STATE)
    if arguments.reset:
        was = calibration.remove_calibration(directory)
        print("the calibration is removed" if was else "there was no calibration", file=stdout)
        return 0
    kept = load_calibration(directory)
    machine, before = _estimate(config, table)
    load = (
        _busy(config, sleep) if arguments.load is None and not arguments.idle else (arguments.load or 0) / 100
    )
    kept = kept.with_value(fingerprint(machine), Measured(load, arguments.watts, arguments.of))
    after = calibrated(power_of(machine, table), machine, kept)
    problem = implausible(before, load, arguments.watts, arguments.of)
    if problem:
        raise ConfigError("--watts", problem)
    calibration.save_calibration(directory, kept)
    print(report.change(before, after, load, arguments.of), file=stdout)
    print(
        "An exporter that runs takes it over within a minute. `estimate calibrate --reset` undoes it.",
        file=stdout,
    )
    return 0


def implausible(power: Power, load: float, watts: float, of: str) -> str:
    """Why a measured value is refused: it is of something else, or of another load. "" where it may be true."""
    point = power.at(load)
    expected = point.wall if of == "wall" else point.cpu
    if expected / 10 <= watts <= expected * 10:
        return ""
    return (
        f"{watts:g} is implausible: at {load:.0%} load the estimate of {of} is {expected:.0f} W; check what the"
        " meter measures (--of wall or --of cpu) and the load (--idle or --load)"
    )


def _busy(config: Config, sleep: Callable[[float], None]) -> float:
    """How busy all CPUs are, over two seconds."""
    stat = Path(config.path.procfs) / "stat"
    before = _times(stat)
    sleep(2.0)
    now = _times(stat)
    total = sum(now) - sum(before)
    idle = sum(now[3:5]) - sum(before[3:5])
    if total <= 0:
        raise ConfigError(str(stat), "shows no CPU time; say how busy the machine was with --load or --idle")
    return min(1.0, max(0.0, 1 - idle / total))


def _times(stat: Path) -> list[int]:
    fields: list[Any] = stat.read_text().partition("\n")[0].split()[1:9]
    return [int(field) for field in fields]


# --- arguments


def _loads(text: str) -> tuple[float, ...]:
    """ "0,50,100", or "0,10,..,100" for every tenth."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    loads: list[float] = []
    for place, word in enumerate(words):
        if word in ("..", "...", "…"):
            if len(loads) < 2 or place + 1 >= len(words):
                raise argparse.ArgumentTypeError(
                    "'..' stands between two loads and a last one, as in 0,10,..,100"
                )
            step, last = loads[-1] - loads[-2], _load(words[place + 1])
            if step <= 0:
                raise argparse.ArgumentTypeError("the loads before '..' must rise")
            while loads[-1] + step < last - 1e-9:
                loads.append(loads[-1] + step)
        else:
            loads.append(_load(word))
    if not loads:
        raise argparse.ArgumentTypeError("is empty; give percents as in 0,50,100")
    return tuple(loads)


def _load(text: str) -> float:
    value = _number(text.removesuffix("%"))
    if value is None or not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a load; give a percent from 0 to 100")
    return value


def _watts(text: str) -> float:
    value = _number(text)
    if value is None or not 0.1 <= value <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a power; give watts from 0.1 to 100000")
    return value


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
