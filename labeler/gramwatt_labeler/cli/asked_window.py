"""The one window that ``grade`` and ``label`` are asked for: found, measured, graded."""

from __future__ import annotations

import argparse
import time

from ..config import Config
from ..errors import NotFound, NotYet, TryAgain
from ..model import Grade, Graded, Measurement, Window
from ..scale_files import LoadedScale, grade, pick
from ..windows import find_by_id, find_by_name, finished, measure
from .scales_in_force import scales_in_force
from .servers import prometheus


def grade_asked(options: argparse.Namespace, config: Config) -> list[Graded]:
    """Measure and grade the asked window on all configured scales, waiting for its samples if asked to."""
    picked = pick(scales_in_force(config), config.grading.scales)
    server = prometheus(config)
    deadline = time.monotonic() + options.wait
    while True:
        try:
            now = server.now(time.time())
            if options.window:
                found = find_by_id(server, options.window, now, config.watch.lookback)
            elif options.name:
                found = find_by_name(server, options.name, now, config.watch.lookback)
            else:
                windows = finished(server, now, config.watch.lookback)
                if not windows:
                    raise NotFound(f"no finished window in Prometheus at {server.url}")
                found = windows[-1]
            window, measurement = measure(server, found, now, config.watch.patience)
        except (NotFound, NotYet, TryAgain) as error:
            if time.monotonic() >= deadline:
                if isinstance(error, NotYet) and not options.wait:
                    raise NotYet(f"{error}; try again soon, or use --wait SECONDS") from None
                raise
            time.sleep(min(1.0, max(0.0, deadline - time.monotonic())))
            continue
        return [
            Graded(window, measurement, _grade(scale, window, measurement, config.grading.hardware), now)
            for scale in picked
        ]


def _grade(loaded: LoadedScale, window: Window, measurement: Measurement, hardware: str) -> Grade:
    if loaded.grades_energy:
        return grade(loaded, window, measurement, hardware)
    # Imported here: it imports the library of the database, which takes long.
    from ..evaluate.runs import grade_measured

    return grade_measured(loaded, window, measurement, hardware)
