"""`gramwatt-grafana`: the command line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .. import __version__
from ..cli import exit_codes
from ..errors import ConfigError, LabelerError
from . import measured, sync, wanted
from .remote import Remote

_MARKS = {"new": "+", "changed": "~", "same": "="}
_UNKNOWN_INTERVAL = 15


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Returns the exit code: 0 done, 1 failed or (`diff`) something differs, 2 a setting is wrong."""
    options = _parser(environ).parse_args(argv)
    try:
        return int(options.run(options, _remote(options, environ)))
    except ConfigError as error:
        print(f"{error.path}: {error.message}", file=sys.stderr)
        return exit_codes.USAGE
    except (LabelerError, OSError) as error:
        print(error, file=sys.stderr)
        return exit_codes.ERROR


def _push(options: argparse.Namespace, remote: Remote) -> int:
    changes = sync.push(remote, _wanted(options))
    done = [_print(change) for change in changes]
    if options.annotations:
        runs = measured.finished_runs(options.prometheus_url, options.days)
        print(f"{sync.annotate(remote, runs)} of {len(runs)} runs annotated, the others were")
    print("nothing to do" if all(change.state == "same" for change in done) else "done")
    return 0


def _diff(options: argparse.Namespace, remote: Remote) -> int:
    differs = 0
    for change in sync.differences(remote, _wanted(options)):
        _print(change)
        for line in change.lines:
            print(f"    {line}")
        differs += change.state != "same"
    return exit_codes.ERROR if differs else 0


def _pull(options: argparse.Namespace, remote: Remote) -> int:
    options.dashboards.mkdir(parents=True, exist_ok=True)
    found = [_print(change) for change in sync.pull(remote, options.dashboards)]
    if not found:
        print("Grafana has no dashboards in the folder Gramwatt; `gramwatt-grafana push` puts them there")
    return 0


def _print(change: sync.Change) -> sync.Change:
    print(f"{_MARKS[change.state]} {change.what}", flush=True)
    return change


def _wanted(options: argparse.Namespace) -> wanted.Wanted:
    interval = options.interval or measured.scrape_interval(options.prometheus_url)
    if interval is None:
        interval = _UNKNOWN_INTERVAL
        print(f"no exporter is scraped yet: the interval of the data source is {interval} s", file=sys.stderr)
    return wanted.load(options.dashboards, options.datasource_url or options.prometheus_url, interval)


def _remote(options: argparse.Namespace, environ: Mapping[str, str]) -> Remote:
    if not options.grafana_url:
        raise ConfigError("--grafana.url", "where is Grafana? Such as http://127.0.0.1:3000")
    token = environ.get("GRAMWATT_GRAFANA_TOKEN", "")
    if options.token_file is not None:
        token = options.token_file.read_text().strip()
    if not token:
        raise ConfigError(
            "--grafana.token-file", "the token of a service account; or set GRAMWATT_GRAFANA_TOKEN"
        )
    return Remote(options.grafana_url, token)


def _parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    add = common.add_argument
    add(
        "--grafana.url",
        dest="grafana_url",
        metavar="URL",
        default=environ.get("GRAMWATT_GRAFANA_URL", ""),
        help="the Grafana (GRAMWATT_GRAFANA_URL)",
    )
    add(
        "--grafana.token-file",
        dest="token_file",
        metavar="FILE",
        type=Path,
        help="file with its service-account token (GRAMWATT_GRAFANA_TOKEN)",
    )
    add(
        "--prometheus.url",
        dest="prometheus_url",
        metavar="URL",
        default=environ.get("GRAMWATT_PROMETHEUS_URL", "http://127.0.0.1:9090"),
        help="asked for the scrape interval and the runs",
    )
    add(
        "--datasource.url",
        dest="datasource_url",
        metavar="URL",
        default="",
        help="Prometheus as Grafana reaches it, where that is another address",
    )
    add(
        "--dashboards",
        type=Path,
        metavar="DIR",
        default=Path("grafana/dashboards"),
        help="folder with the dashboard JSON files (grafana/dashboards)",
    )
    add("--interval", type=_seconds, metavar="SECONDS", help="of the scrapes; else it is asked of Prometheus")
    whole = argparse.ArgumentParser(
        prog="gramwatt-grafana", description="Gramwatt's dashboards in a Grafana that is already there."
    )
    whole.add_argument("--version", action="version", version=f"gramwatt-grafana {__version__}")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    push = commands.add_parser(
        "push", parents=[common], help="folder, data source, dashboards; safe to repeat"
    )
    push.add_argument(
        "--annotations", action="store_true", help="also one for every finished run and its grade"
    )
    push.add_argument("--days", type=_seconds, default=1, help="how far back runs are annotated (default: 1)")
    push.set_defaults(run=_push)
    diff = commands.add_parser(
        "diff", parents=[common], help="what push would change; exit code 1 if anything"
    )
    diff.set_defaults(run=_diff)
    pull = commands.add_parser("pull", parents=[common], help="write Grafana's dashboards to the folder")
    pull.set_defaults(run=_pull)
    return whole


def _seconds(text: str) -> int:
    number = int(text.removesuffix("s"))
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
