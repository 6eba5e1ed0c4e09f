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
from ..metrics import Health
from ..published import Published
from ..scale_book.live import Picked
from ..watch import Watch
from . import exit_codes, web_server
from .line import one_line
from .servers import output, prometheus
from .wiring import annotator, job_runner, live_scales, opened

_log = logging.getLogger("gramwatt_labeler")


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Only ``--once``."""
    command.add_argument("--once", action="store_true", help="look once, then exit; serves nothing")


def main(options: argparse.Namespace, config: Config) -> int:
    """The job in a thread, the pages in this one."""
    registry, published = CollectorRegistry(), Published()
    store = opened(config)
    scales = live_scales(config, store)
    runner = job_runner(config, store, scales)
    watch = Watch(
        prometheus(config),
        store,
        Picked(scales, config.grading.scales),
        output(config),
        Health(registry),
        published,
        annotator(config),
        config.grading.hardware,
        config.watch.lookback,
        config.watch.patience,
    )
    if options.once:
        for graded in watch.poll():
            print(one_line(graded))
        return exit_codes.ERROR if watch.is_in_trouble else 0
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
    runner.start()
    _log.info(
        "watching %s every %s, serving on %s", config.prometheus.url, config.watch.interval, config.base_url
    )
    try:
        return web_server.run(
            web_server.build(config, registry, published, store, scales, runner.wake), config
        )
    finally:
        if listener is not None:
            listener.stop()
        stop.set()
        watch.wake()
        runner.stop()
        worker.join(timeout=config.prometheus.timeout + 5)
        store.close()
