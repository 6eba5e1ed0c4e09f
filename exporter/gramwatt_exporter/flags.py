"""Settings that are flags, too, for every subcommand; and the settings that follow from flags, environment and file."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from .config import Loaded, load
from .config.env_file import with_file

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


_WITHOUT_VALUE = ("-h", "--help", "--version", "--config.check", "--json", "--idle", "--reset")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The settings that are flags, too."""
    parser.add_argument(
        "--config.file", dest="config_file", metavar="FILE", default=None, help="YAML settings"
    )
    parser.add_argument(
        "--config.env-file",
        dest="config_env_file",
        metavar="FILE",
        default="",
        help="lines of NAME=VALUE: GRAMWATT_ variables that the environment does not set, tokens too",
    )
    for flag, (key, metavar, text) in _FLAGS.items():
        parser.add_argument(f"--{flag}", dest=key, metavar=metavar, default=None, help=text)


def word_first(words: Sequence[str]) -> list[str]:
    """The same with the first word that is no flag in front: ``--config.file FILE budgets`` is ``budgets --config.file
    FILE``, so that settings may stand on either side of a command and its verb."""
    at = 0
    while at < len(words) and words[at].startswith("-"):
        is_whole = "=" in words[at] or words[at] in _WITHOUT_VALUE
        at += 1 if is_whole else 2
    return [*words[at : at + 1], *words[:at], *words[at + 1 :]]


def load_flags(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Loaded:
    """The settings by flags, environment and file. Raises ConfigError."""
    file = config_file(arguments, environ)
    flags = {key: value for key, _, _ in _FLAGS.values() if (value := getattr(arguments, key)) is not None}
    return load(file, environ, flags)


def config_file(arguments: argparse.Namespace, environ: Mapping[str, str]) -> str:
    """The file of settings; empty: there is none."""
    return str(
        environ.get("GRAMWATT_CONFIG_FILE", "") if arguments.config_file is None else arguments.config_file
    )


def environment(arguments: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment with what ``--config.env-file`` adds. Raises ConfigError."""
    return with_file(environ, arguments.config_env_file)


def wanted_sensors(loaded: Loaded) -> set[str]:
    """Sensors that the user switched on, by file, environment or flag."""
    ours = [key.split(".") for key, origin in loaded.origins.items() if origin != "default"]
    named = {key[1] for key in ours if key[0] == "sensors" and key[-1] == "enabled"}
    settings = loaded.config.sensors
    wanted = {name for name in named if getattr(settings, name).enabled}
    return wanted | ({"replay"} if settings.replay.file else set())
