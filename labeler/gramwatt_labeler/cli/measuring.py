"""``gramwatt-labeler measure``: a stretch of the exporter's series becomes an evaluation."""

from __future__ import annotations

import argparse
import time

import msgspec

from ..config import Config
from ..errors import Duplicate, NotFound
from ..evaluate.runs import grade_run
from ..json_shapes import as_json
from ..model import Graded, Window
from ..ranges import Stretch, check_times, measure_range, of_whole, read_selector
from ..scale_files import LoadedScale, pick
from ..store import Evaluation, Given, Origin, Store
from ..store.identifiers import new_id
from ..units import grams_per_kilowatt_hour
from . import exit_codes
from .argument_types import Ago, key_number, moment, of_arguments
from .line import one_line
from .scales_in_force import scales_in_force
from .servers import output, prometheus


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Which series, from when to when, and what they did in that time."""
    command.add_argument(
        "--selector", required=True, metavar="SELECTOR",
        help="such as '{workload=\"vllm.service\"}', '{user=\"alice\"}' or gramwatt_device_energy_joules_total",
    )  # fmt: skip
    command.add_argument(
        "--start", required=True, type=moment, metavar="TIME",
        help="2026-11-28T12:00, Unix seconds, or how long ago: 90m",
    )  # fmt: skip
    command.add_argument("--end", type=moment, metavar="TIME", help="as --start; default: now")
    command.add_argument(
        "--phase", choices=("training", "inference"), default="inference", help="default: inference"
    )
    for fact in ("name", "model", "task", "dataset", "user"):
        words = fact.replace("dataset", "data set")
        command.add_argument(
            f"--{fact}",
            metavar=fact.upper(),
            default="",
            help=f"the {words} to keep with the result",
        )
    command.add_argument(
        "--value", dest="values", action="append", default=[], metavar="KEY=NUMBER", type=key_number,
        help="what was done in that time, such as requests=1200",
    )  # fmt: skip
    command.add_argument("--dry-run", action="store_true", help="print it and keep nothing")
    command.add_argument("--json", action="store_true", help="print the result as JSON")


def main(options: argparse.Namespace, config: Config) -> int:
    """Measure, grade on every configured scale, keep, print."""
    now = time.time()
    scales = pick(scales_in_force(config), config.grading.scales)
    said = options.start, Ago(now) if options.end is None else options.end
    with of_arguments():
        selector = read_selector(options.selector)
        check_times(*said, now)
    server = prometheus(config)
    # Samples have the times of Prometheus, and so has "90 minutes ago".
    start, end = (server.now(at) if isinstance(at, Ago) else at for at in said)
    stretch = of_whole(measure_range(server, selector, start, end), start, end)
    if (stretch.measurement.samples or 0) < 2:
        raise NotFound(
            f"Prometheus at {config.prometheus.url} has one sample of {selector} in that time, and energy is what lies "
            "between two: take a longer time"
        )
    evaluation = _evaluation(options, stretch, now)
    graded = [_graded(scale, evaluation, config.grading.hardware, now) for scale in scales]
    if not options.dry_run:
        store = Store(config.database_url)
        try:
            store.add_evaluation(evaluation, [Given(one.grade) for one in graded])
        except Duplicate as there:
            print(f"gramwatt-labeler: {there}: {output(config).page(there.existing)}")
            return exit_codes.ERROR
        finally:
            store.close()
    if options.json:
        page_of = output(config).page
        print(msgspec.json.format(msgspec.json.encode([as_json(one, page_of) for one in graded])).decode())
    else:
        for one in graded:
            print(one_line(one, has_options=True))
    return 0 if graded[0].grade.letter else exit_codes.NOT_GRADED


def _evaluation(options: argparse.Namespace, stretch: Stretch, now: float) -> Evaluation:
    measured = stretch.measurement
    window = Window(
        id=new_id(now),
        name=options.name or stretch.selector[:256],
        phase=options.phase,
        start=stretch.start,
        end=stretch.end,
        model=options.model,
        task=options.task,
        dataset=options.dataset,
        user=options.user,
        values=dict(options.values),
        instance=stretch.instances[0] if len(stretch.instances) == 1 else "",
        boundary=stretch.boundary,
    )
    return Evaluation(
        window=window,
        measurement=measured,
        origin=Origin.RANGE,
        detail={"selector": stretch.selector, "instances": list(stretch.instances)},
        boundary=stretch.boundary,
        intensity_grams_per_kwh=grams_per_kilowatt_hour(measured.emissions_grams, measured.energy_joules),
        created_at=now,
    )


def _graded(scale: LoadedScale, evaluation: Evaluation, hardware: str, now: float) -> Graded:
    found = grade_run(scale, evaluation, hardware)
    return Graded(evaluation.window, evaluation.measurement, found, now)
