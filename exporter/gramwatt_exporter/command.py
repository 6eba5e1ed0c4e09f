"""gramwatt-exporter: flags -> Config -> wire -> run -> signals. Imports everything; only __main__ imports it."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
from collections.abc import Sequence

from . import __version__, log
from .assembly import Exporter, assemble, check, running_as
from .changed_files import ChangedFiles
from .config import describe
from .errors import ConfigError, Denied, Fatal, GramwattError
from .flags import add_flags, config_file, environment, load_flags, wanted_sensors, word_first
from .reload import apply
from .signals import Signals

_LOG = logging.getLogger("gramwatt_exporter")
# Objects of a sample form no cycles, so there is hardly any garbage to find: with Python's own thresholds the collector
# searched all young objects at every sixth sample.
GARBAGE_THRESHOLDS = (5_000, 20, 20)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gramwatt-exporter",
        description="Publishes power and CO2 of every process and every device of this machine for Prometheus.",
        epilog="Every setting of the file is also an environment variable: sampling.interval is"
        " GRAMWATT_SAMPLING_INTERVAL. Flags win over the environment, the environment over the file."
        " 'gramwatt-exporter intensity --help' shows and tests the grid's carbon intensity;"
        " 'gramwatt-exporter sensors' shows which meter stands for what;"
        " 'gramwatt-exporter budgets --help' sets emission budgets;"
        " 'gramwatt-exporter estimate' shows and corrects what is taken where nothing measures.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"gramwatt-exporter {__version__}")
    parser.add_argument(
        "--config.check", dest="config_check", action="store_true", help="print the settings in force and end"
    )
    add_flags(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 ended as asked, 1 could not run, 2 wrong settings."""
    words = list(sys.argv[1:] if argv is None else argv)
    word, *rest = word_first(words) or [""]
    if word == "intensity":
        from .intensity.cli import run as run_intensity

        return run_intensity(word_first(rest), os.environ, sys.stdout)
    if word == "budgets":
        from .budget_command import run as run_budgets

        return run_budgets(word_first(rest), os.environ, sys.stdout)
    if word == "sensors":
        from .sensors_command import run as run_sensors

        return run_sensors(rest, os.environ, sys.stdout)
    if word == "estimate":
        from .estimate_command import run as run_estimate

        return run_estimate(word_first(rest), os.environ, sys.stdout)
    arguments = _parser().parse_args(words)
    signals = Signals()
    try:
        environ = environment(arguments, os.environ)
        loaded = load_flags(arguments, environ)
        if arguments.config_check:
            check(loaded.config)
            print(describe(loaded))
            return 0
        log.configure(loaded.config.log.level, loaded.config.log.format)
        for warning in loaded.warnings:
            _LOG.warning(warning)
        exporter = assemble(loaded.config, environ, wanted_sensors(loaded))
    except ConfigError as error:
        print(f"gramwatt-exporter: {error}", file=sys.stderr)
        return 2
    except GramwattError as error:
        fix = error.fix if isinstance(error, Denied | Fatal) else ""
        print(f"gramwatt-exporter: {error}{'; ' + fix if fix else ''}", file=sys.stderr)
        return 1
    _run(exporter, arguments, signals)
    return 0


def settle() -> None:
    """Most objects of the start live as long as the exporter: the collector need not search them again."""
    gc.collect()
    gc.freeze()


def _run(exporter: Exporter, arguments: argparse.Namespace, signals: Signals) -> None:
    def reload() -> None:
        try:
            environ = environment(arguments, os.environ)
            loaded = load_flags(arguments, environ)
        except ConfigError as error:
            _LOG.error("the new settings are refused and the old ones stay in force: %s", error)
            return
        apply(exporter, loaded, environ)

    files = ChangedFiles((config_file(arguments, os.environ), arguments.config_env_file))

    def reload_changed() -> None:
        if files.look():
            _LOG.info("the settings file has changed and is read again")
            reload()

    exporter.loop.after_sample = reload_changed
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
    settle()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    gc.enable()
    exporter.loop.post(settle)  # after the first sample: now every process is known
    exporter.run()
    _LOG.info("ended")
