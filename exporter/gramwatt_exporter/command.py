"""gramwatt-exporter: flags -> Config -> wire -> run -> signals. Imports everything; only __main__ imports it."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
from collections.abc import Mapping, Sequence

from . import __version__, log
from .assembly import Exporter, assemble, check, running_as
from .config import Loaded, describe, load
from .errors import ConfigError, Denied, Fatal, GramwattError
from .reload import apply
from .signals import Signals

_LOG = logging.getLogger("gramwatt_exporter")

_FLAGS = {
    "web.listen-address": ("web.listen_address", "HOST:PORT", "where Prometheus scrapes (127.0.0.1:10044)"),
    "web.config.file": (
        "web.config_file",
        "FILE",
        "TLS and basic auth, in the format of Prometheus exporters",
    ),
    "path.procfs": ("path.procfs", "DIR", "root of procfs (/proc)"),
    "path.sysfs": ("path.sysfs", "DIR", "root of sysfs (/sys)"),
    "state.dir": ("state.dir", "DIR", "where totals survive a restart (none: they do not)"),
    "socket.path": ("socket.path", "FILE", "Unix socket for recorded windows (/run/gramwatt/gramwatt.sock)"),
    "sampling.interval": ("sampling.interval", "DURATION", "how often to read, 100ms to 10s (5s)"),
    "log.level": ("log.level", "LEVEL", "debug, info, warning or error (info)"),
    "log.format": ("log.format", "FORMAT", "logfmt or json (logfmt)"),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gramwatt-exporter",
        description="Publishes power and CO2 of every process and every device of this machine for Prometheus.",
        epilog="Every setting of the file is also an environment variable: sampling.interval is"
        " GRAMWATT_SAMPLING_INTERVAL. Flags win over the environment, the environment over the file."
        " 'gramwatt-exporter intensity --help' shows and tests the grid's carbon intensity;"
        " 'gramwatt-exporter sensors' shows which meter stands for what.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"gramwatt-exporter {__version__}")
    parser.add_argument(
        "--config.check", dest="config_check", action="store_true", help="print the settings in force and end"
    )
    add_flags(parser)
    return parser


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The settings that are flags, too."""
    parser.add_argument(
        "--config.file", dest="config_file", metavar="FILE", default=None, help="YAML settings"
    )
    for flag, (key, metavar, text) in _FLAGS.items():
        parser.add_argument(f"--{flag}", dest=key, metavar=metavar, default=None, help=text)


def load_flags(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Loaded:
    """The settings by flags, environment and file. Raises ConfigError."""
    file = arguments.config_file
    if file is None:
        file = environ.get("GRAMWATT_CONFIG_FILE", "")
    flags = {key: value for key, _, _ in _FLAGS.values() if (value := getattr(arguments, key)) is not None}
    return load(file, environ, flags)


def wanted_sensors(loaded: Loaded) -> set[str]:
    """Sensors that the user switched on, by file, environment or flag."""
    ours = [key.split(".") for key, origin in loaded.origins.items() if origin != "default"]
    named = {key[1] for key in ours if key[0] == "sensors" and key[-1] == "enabled"}
    settings = loaded.config.sensors
    wanted = {name for name in named if getattr(settings, name).enabled}
    return wanted | ({"replay"} if settings.replay.file else set())


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 ended as asked, 1 could not run, 2 wrong settings."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["intensity"]:
        from .intensity.cli import run as run_intensity

        return run_intensity(words[1:], os.environ, sys.stdout)
    if words[:1] == ["sensors"]:
        from .sensors_command import run as run_sensors

        return run_sensors(words[1:], os.environ, sys.stdout)
    arguments = _parser().parse_args(words)
    signals = Signals()
    try:
        loaded = load_flags(arguments, os.environ)
        if arguments.config_check:
            check(loaded.config)
            print(describe(loaded))
            return 0
        log.configure(loaded.config.log.level, loaded.config.log.format)
        for warning in loaded.warnings:
            _LOG.warning(warning)
        exporter = assemble(loaded.config, os.environ, wanted_sensors(loaded))
    except ConfigError as error:
        print(f"gramwatt-exporter: {error}", file=sys.stderr)
        return 2
    except GramwattError as error:
        fix = error.fix if isinstance(error, Denied | Fatal) else ""
        print(f"gramwatt-exporter: {error}{'; ' + fix if fix else ''}", file=sys.stderr)
        return 1
    _run(exporter, arguments, signals)
    return 0


def _run(exporter: Exporter, arguments: argparse.Namespace, signals: Signals) -> None:
    def reload() -> None:
        try:
            loaded = load_flags(arguments, os.environ)
        except ConfigError as error:
            _LOG.error("the new settings are refused and the old ones stay in force: %s", error)
            return
        apply(exporter, loaded, os.environ)

    signals.give(stop=exporter.loop.stop, reload=lambda: exporter.loop.post(reload))
    host, port = exporter.web.address
    host = f"[{host}]" if ":" in host else host
    where = exporter.socket_api.path if exporter.socket_api is not None else "none"
    _LOG.info(
        "gramwatt-exporter %s starts: http://%s:%d/metrics, socket %s, %s",
        __version__,
        host,
        port,
        where,
        running_as(),
    )
    # What is alive now lives as long as the exporter: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    gc.enable()
    exporter.run()
    _LOG.info("ended")
