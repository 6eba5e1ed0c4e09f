"""``gramwatt-labeler watch``: grade new finished windows, and serve the web pages."""

from __future__ import annotations

import argparse
import contextlib
import logging
import threading
import time

from prometheus_client import CollectorRegistry

from ..config import Config
from ..errors import TryAgain
from ..listening import Listener, exporters
from ..metrics import Health, Published
from ..scale_files import load_scales, pick
from ..store import Store
from ..watch import Watch
from . import web_server
from .line import one_line
from .wiring import annotator, output, prometheus

_log = logging.getLogger("gramwatt_labeler")


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Only ``--once``."""
    command.add_argument("--once", action="store_true", help="look once, then exit; serves nothing")


def main(options: argparse.Namespace, config: Config) -> int:
    """The job in a thread, the pages in this one."""
    scales = load_scales(config.grading.scales_dir)
    picked = pick(scales, config.grading.scales)
    registry = CollectorRegistry()
    store = Store(config.database_url)
    watch = Watch(
        prometheus(config),
        store,
        picked,
        output(config),
        Health(registry),
        Published(registry),
        annotator(config),
        config.grading.hardware,
        config.watch.lookback,
        config.watch.patience,
    )
    if options.once:
        for graded in watch.poll():
            print(one_line(graded))
        return 0
    with contextlib.suppress(
        TryAgain
    ):  # the database is away: the first poll says so, and publishes when it is back
        watch.publish()
    stop = threading.Event()
    listener = None
    if config.watch.reports:
        server = prometheus(config)
        listener = Listener(lambda: exporters(server, time.time()), watch.report, config.watch.exporters)
        listener.start()
    worker = threading.Thread(target=watch.run, args=(config.watch.interval, stop), name="watch", daemon=True)
    worker.start()
    _log.info(
        "watching %s every %s, serving on %s", config.prometheus.url, config.watch.interval, config.base_url
    )
    try:
        return web_server.run(web_server.build(config, registry, store, scales), config)
    finally:
        if listener is not None:
            listener.stop()
        stop.set()
        watch.wake()
        worker.join(timeout=config.prometheus.timeout + 5)
        store.close()
