"""``gramwatt-exporter intensity show|test|import``: what prices the energy, and what to fix when nothing does."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import msgspec

from gramwatt_exporter.config import Config, load
from gramwatt_exporter.config.schema import Annual, IntensityConfig
from gramwatt_exporter.errors import ConfigError, Fatal, GramwattError, TryAgain
from gramwatt_exporter.intensity import clocks, registry, zones
from gramwatt_exporter.intensity.cache import Cache, Contents
from gramwatt_exporter.intensity.checks import checked, duration
from gramwatt_exporter.intensity.providers import annual, owid
from gramwatt_exporter.intensity.providers.failures import Unavailable
from gramwatt_exporter.intensity.providers.http import SessionFactory
from gramwatt_exporter.intensity.quota import TEST_LIMIT, Quota
from gramwatt_exporter.intensity.refresher import NO_ZONE, ProviderStatus, Refresher
from gramwatt_exporter.model import Fetched, Intensity, IntensityProvider

_TEST_CALLS = "intensity-test.json"  # calls of `test`, counted apart from the exporter's own
_SETTINGS = {
    "config_file": ("--config.file", "configuration file of the exporter (YAML)"),
    "intensity.zone": ("--intensity.zone", "grid zone, such as FR or US-CAL-CISO"),
    "intensity.cloud": ("--intensity.cloud", "cloud region, such as aws:eu-west-3"),
    "state.dir": ("--state.dir", "state directory of the exporter, where what it fetched is kept"),
}


def run(
    argv: Sequence[str],
    environ: Mapping[str, str],
    stdout: TextIO,
    *,
    clock: Callable[[], float] = time.time,
    session_factory: SessionFactory | None = None,
) -> int:
    """0: all is well. 1: no value, a failed provider or a bad row. 2: wrong settings (said on standard error)."""
    arguments = _parser().parse_args(argv)
    try:
        flags = {key: value for key in _SETTINGS if "." in key and (value := getattr(arguments, key))}
        file = arguments.config_file or environ.get("GRAMWATT_CONFIG_FILE", "")
        config = load(file, environ, flags).config
        with _quiet():
            if arguments.command == "import":
                return _import(config, arguments, stdout)
            state_dir = Path(config.state.dir) if config.state.dir else None
            providers = registry.build(config.intensity, environ, state_dir, session_factory)
            if arguments.command == "show":
                return _show(config.intensity, providers, state_dir, clock, arguments.json, stdout)
            return _test(config.intensity, providers, state_dir, clock, stdout)
    except ConfigError as error:
        print(f"gramwatt-exporter intensity: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gramwatt-exporter intensity", description="Carbon intensity of the grid: where it comes from."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    show = commands.add_parser("show", help="what the exporter uses now, from what it saved; makes no call")
    show.add_argument("--json", action="store_true", help="as JSON")
    commands.add_parser("test", help="ask every configured provider once and say what to fix")
    take = commands.add_parser("import", help="take over Our World in Data's intensities by country (CSV)")
    take.add_argument("file", metavar="FILE", type=Path, help="the CSV file, as downloaded")
    take.add_argument("--output", type=Path, help="table to create or update [<state.dir>/annual.csv]")
    for command in (show, take, *(commands.choices[name] for name in ("test",))):
        for key, (flag, text) in _SETTINGS.items():
            command.add_argument(flag, dest=key, default="", help=text)
    return parser


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """A log that drops its lines: the command prints the same itself."""
    log = logging.getLogger("gramwatt_exporter.intensity")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(before)


# --- show


def _show(
    config: IntensityConfig,
    providers: Sequence[IntensityProvider],
    state_dir: Path | None,
    clock: Callable[[], float],
    as_json: bool,
    out: TextIO,
) -> int:
    keeper = Refresher(config, providers, state_dir, clock)
    state, statuses, now = keeper.current(), keeper.providers(), clock()
    if as_json:
        answer = {
            "zone": zones.in_force(config.zone, config.cloud) or None,
            "average": _as_json(state.average, now),
            "marginal": _as_json(state.marginal, now),
            "forecast_steps": len(state.forecast),
            "next_refresh": state.next_refresh,
            "message": state.message,
            "providers": [msgspec.to_builtins(status) for status in statuses],
        }
        print(json.dumps(answer, indent=2), file=out)
        return 0 if state.average is not None else 1
    print(f"zone          {zones.in_force(config.zone, config.cloud) or 'none configured'}", file=out)
    for name, value in (("average", state.average), ("marginal", state.marginal)):
        if value is not None:
            print(f"{name:<14}{_described(value, now)}", file=out)
            shares = [
                f"{share} {ratio:.0%}"
                for share, ratio in (("renewable", value.renewable_ratio), ("fossil", value.fossil_ratio))
                if ratio is not None
            ]
            if shares:
                print(f"{'':<14}{', '.join(shares)}", file=out)
    if state.average is None:
        print(f"average       none: {state.message}", file=out)
    else:
        steps = len(state.forecast)
        print(f"forecast      {f'{steps} steps' if steps else 'no forecast from this provider'}", file=out)
    if state.next_refresh is not None:
        print(f"next refresh  {_ahead(state.next_refresh - now)}", file=out)
    for status in statuses:
        print(f"  {status.name:<18}{_status(status, now)}", file=out)
    if keeper.cache_problem and any(provider.origin for provider in providers):
        print(f"{keeper.cache_problem}; `gramwatt-exporter intensity test` asks now", file=out)
    return 0 if state.average is not None else 1


def _as_json(value: Intensity | None, now: float) -> dict[str, Any] | None:
    return None if value is None else {**msgspec.to_builtins(value), "age_seconds": max(0.0, now - value.at)}


def _described(value: Intensity, now: float) -> str:
    """One line with everything a value says about itself."""
    estimation = f", {value.estimation}" if value.estimation else ""
    return (
        f"{value.grams_per_kilowatt_hour:.4g} g/kWh for {value.zone} from {value.provider}"
        f" ({value.method}, {value.factor}, {value.basis}{estimation}), {_age(now - value.at)} old"
    )


def _status(status: ProviderStatus, now: float) -> str:
    if status.problem:
        fix = f"; {status.fix}" if status.fix else ""
        again = f"; asked again {_ahead(status.next_call - now)}" if status.next_call is not None else ""
        return f"{status.problem}{fix}{again}"
    if status.value is None:
        return "not asked yet"
    if status.next_call is None:
        return "ready"
    return f"answered {_age(now - (status.good_at or now))} ago; asked again {_ahead(status.next_call - now)}"


def _age(seconds: float) -> str:
    if seconds < 120:
        return f"{max(0.0, seconds):.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    if seconds < 2 * 86400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.0f} days"


def _ahead(seconds: float) -> str:
    return "now" if seconds <= 0 else f"in {_age(seconds)}"


# --- test


def _test(
    config: IntensityConfig,
    providers: Sequence[IntensityProvider],
    state_dir: Path | None,
    clock: Callable[[], float],
    out: TextIO,
) -> int:
    zone = zones.in_force(config.zone, config.cloud)
    if not zone and not any(provider.kind == "static" for provider in providers):
        print(NO_ZONE, file=out)
        return 1
    cache = Cache(state_dir, _TEST_CALLS)
    quotas = {origin: Quota(TEST_LIMIT, calls) for origin, calls in cache.load().calls.items()}
    failed = 0
    for provider in providers:
        if not zone and provider.kind != "static":
            continue
        now = clock()
        try:
            if provider.origin:
                quota = quotas.setdefault(provider.origin, Quota(TEST_LIMIT))
                _spend(quota, provider.origin, now)
                cache.save(Contents(calls={origin: list(each.calls) for origin, each in quotas.items()}))
            fetched = provider.fetch("latest", zone, now)
            if provider.origin:
                fetched = checked(fetched, zone, now, usual=annual.usual(providers, zone, now))
                _refuse_stale(fetched, float(config.max_age), now)
            if not fetched.values:
                raise Unavailable("no_value", "the provider has no value for now")
        except GramwattError as error:
            failed += 1
            fix = getattr(error, "fix", "") if isinstance(error, TryAgain | Fatal) else ""
            fix = clocks.fix(getattr(error, "reason", ""), provider) or fix
            print(f"FAILED  {provider.kind}: {error}{f'; {fix}' if fix else ''}", file=out)
        else:
            print(f"ok      {provider.kind}: {_described(fetched.values[-1], now)}", file=out)
    return 1 if failed else 0


def _refuse_stale(fetched: Fetched, max_age: float, now: float) -> None:
    """Raises Unavailable (stale) where the exporter would not use the newest value because of its age in seconds."""
    if fetched.values and now - fetched.values[-1].at > max_age:
        age = duration(now - fetched.values[-1].at)
        raise Unavailable("stale", f"the newest value is {age} old, older than intensity.max_age")


def _spend(quota: Quota, origin: str, now: float) -> None:
    free = quota.next_at(now)
    if free > now:
        raise Unavailable(
            "quota",
            f"{origin} was tested {TEST_LIMIT} times in the last hour",
            fix=f"test again {_ahead(free - now)}, so that a free token's hourly limit is kept",
        )
    quota.spend(now)


# --- import


def _import(config: Config, arguments: argparse.Namespace, out: TextIO) -> int:
    target = arguments.output or _target(config)
    if target is None:
        raise ConfigError("state.dir", "is not set, so there is no place for the table; give --output FILE")
    try:
        report = owid.import_file(arguments.file, target)
    except owid.ImportFailed as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"{target}: {len(report.created)} created, {len(report.updated)} updated, {report.unchanged} unchanged;"
        f" {report.skipped} rows without a country or a value skipped",
        file=out,
    )
    for line, text in report.problems:
        print(f"line {line} left out: {text}", file=out)
    return 1 if report.problems else 0


def _target(config: Config) -> Path | None:
    state_dir = Path(config.state.dir) if config.state.dir else None
    for settings in config.intensity.providers:
        if isinstance(settings, Annual):
            return registry.annual_file(settings, state_dir)
    return registry.annual_file(Annual(), state_dir)
