"""``gramwatt-labeler serve``: the web pages over stored grades."""

from __future__ import annotations

import argparse
import logging
import threading

from prometheus_client import CollectorRegistry

from ..config import Config
from ..errors import TryAgain
from ..published import PUBLISHED_EVALUATIONS, Published
from . import web_server
from .wiring import job_runner, live_scales, opened

_log = logging.getLogger("gramwatt_labeler")


def main(_: argparse.Namespace, config: Config) -> int:
    """The pages in this thread; another keeps the metrics as the database is."""
    store = opened(config)
    scales = live_scales(config, store)
    runner = job_runner(config, store, scales)
    published = Published()
    stop = threading.Event()

    def follow() -> None:  # what `import` or a `watch` elsewhere adds to the same database
        trouble = ""
        while not stop.is_set():
            try:
                published.publish(store.newest(PUBLISHED_EVALUATIONS))
            except TryAgain as error:
                if str(error) != trouble:
                    _log.warning("%s; trying again", error)
                trouble = str(error)
            else:
                if trouble:
                    _log.info("the database answers again")
                trouble = ""
            stop.wait(config.watch.interval)

    follower = threading.Thread(target=follow, name="follow", daemon=True)
    follower.start()
    runner.start()
    try:
        app = web_server.build(config, CollectorRegistry(), published, store, scales, runner.wake)
        return web_server.run(app, config)
    finally:
        stop.set()
        runner.stop()
        follower.join(timeout=5)
        store.close()
