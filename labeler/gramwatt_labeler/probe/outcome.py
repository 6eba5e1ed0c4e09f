"""What a probe found -> an evaluation with its grades, kept once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import Duplicate, LabelerError, NotFound, Rejected
from ..evaluate.runs import grade_run
from ..grading.scale import letters_of
from ..model import Grade, Measurement, Window
from ..prometheus import Prometheus
from ..ranges import Stretch, measure_range, read_selector
from ..scale_files import LoadedScale
from ..store.nouns import Evaluation, Given, Measure, Origin
from ..units import grams_per_kilowatt_hour
from .asked import Asked
from .driving import Drive, drive
from .hosts import endpoint

_SCRAPES_SECONDS = 40.0
_LOOK_SECONDS = 2.0
_LEAST_SHARE = 0.5  # of the run must lie between two samples
Keep = Callable[[Evaluation, Sequence[Given]], str]
Progress = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Setup:
    """What a probe works with. ``keep`` is the store's; ``wait`` is how long samples are waited for."""

    prometheus: Prometheus
    scales: Callable[[], Sequence[LoadedScale]]
    keep: Keep | None
    allowed: Sequence[str]
    hardware: str = ""
    wait: float = _SCRAPES_SECONDS


def probe(asked: Asked, setup: Setup, progress: Progress, evaluation_id: str, by: str) -> dict[str, Any]:
    """Do it; the result as JSON has it. Raises Rejected when no request succeeded, and what ``endpoint`` raises."""
    to = endpoint(asked.url, setup.allowed)
    found = drive(to, asked, lambda done, of: progress({"done": done, "of": of}))
    if not found.good:
        worst = ", ".join(f"{count} times {words}" for words, count in found.failures.most_common(3))
        raise Rejected(f"no request succeeded: {worst}")
    stretch, why = _measured(asked, setup, found, progress)
    now = time.time()
    evaluation = _evaluation(asked, found, stretch, why, evaluation_id, by, now)
    grades = [_grade(loaded, evaluation, setup.hardware, why) for loaded in setup.scales()]
    kept = evaluation.id
    if setup.keep is not None:
        try:
            kept = setup.keep(evaluation, [Given(one) for one in grades])
        except Duplicate as there:  # the labeler ended between keeping it and saying so
            kept = there.existing
    return _result(found, evaluation, grades, kept if setup.keep is not None else "", why)


def _measured(asked: Asked, setup: Setup, found: Drive, progress: Progress) -> tuple[Stretch | None, str]:
    """The energy between the samples inside the run; why there is none."""
    if not asked.selector:
        return None, "the energy of the run: what serves the model was not named"
    selector = read_selector(asked.selector)
    until = time.monotonic() + setup.wait
    while True:
        try:
            # Samples have the times of Prometheus, requests those of this machine.
            ahead = setup.prometheus.now(found.end) - found.end
            stretch = measure_range(setup.prometheus, selector, found.start + ahead, found.end + ahead)
            stretch = replace(stretch, start=stretch.start - ahead, end=stretch.end - ahead)
            share = (stretch.end - stretch.start) / (found.end - found.start)
            if share >= _LEAST_SHARE or time.monotonic() > until:
                break
        except NotFound as error:
            if time.monotonic() > until:
                return None, f"the energy of the run: {error}"
        except LabelerError as error:
            return None, f"the energy of the run: {error}"
        progress({"done": len(found.calls), "of": asked.requests, "waiting": "for the last samples"})
        time.sleep(_LOOK_SECONDS)
    if stretch.end <= stretch.start or share < _LEAST_SHARE:
        seconds = found.end - found.start
        return None, (
            f"the energy of the run: it lasted {seconds:.3g} s, too short for two samples of its meter; "
            "ask for more requests"
        )
    return stretch, ""


def _evaluation(
    asked: Asked, found: Drive, stretch: Stretch | None, why: str, evaluation_id: str, by: str, now: float
) -> Evaluation:
    start, end = (stretch.start, stretch.end) if stretch else (found.start, found.end)
    requests = found.within(start, end)
    values = {"requests": requests, "samples": requests * asked.samples}
    tokens = found.tokens_within(start, end)
    if tokens:
        values["tokens"] = tokens
    failed = sum(found.failures.values())
    notes = [f"{failed} of {len(found.calls)} requests failed"] if failed else []
    notes += [f"ended after {len(found.calls)} requests: time ran out"] if found.cut else []
    measurement: Measurement | None = None
    if stretch is not None:
        one = stretch.measurement
        measurement = Measurement(
            energy_joules=one.energy_joules, components=one.components, samples=one.samples,
            coverage_ratio=one.coverage_ratio, resets=one.resets, emissions_grams=one.emissions_grams,
            uncertainty_ratio=one.uncertainty_ratio, sources=one.sources, notes=(*one.notes, *notes),
        )  # fmt: skip
    window = Window(
        id=evaluation_id, name=f"probe of {asked.model}"[:256], phase="inference", start=start, end=end,
        model=asked.model, task=asked.task, dataset=asked.dataset, user=asked.user or by, values=values,
        instance=stretch.instances[0] if stretch and len(stretch.instances) == 1 else "",
        boundary=stretch.boundary if stretch else "",
    )  # fmt: skip
    seconds = found.end - found.start
    return Evaluation(
        window=window,
        measurement=measurement,
        origin=Origin.PROBE,
        detail={
            "url": asked.url, "requests": len(found.calls), "failed": failed, "concurrency": asked.concurrency,
            "warm_up": asked.warm_up, "served by": asked.selector or "not named", "energy": why or "measured",
        },
        measures={
            "latency_p50_seconds": Measure(found.latency(0.5)),
            "latency_p95_seconds": Measure(found.latency(0.95)),
            "requests_per_second": Measure(len(found.good) / seconds if seconds > 0 else None),
        },
        boundary=stretch.boundary if stretch else "",
        intensity_grams_per_kwh=grams_per_kilowatt_hour(
            measurement.emissions_grams if measurement else None, measurement.energy_joules if measurement else None
        ),
        created_at=now,
        created_by=by,
    )  # fmt: skip


def _grade(loaded: LoadedScale, evaluation: Evaluation, hardware: str, why: str) -> Grade:
    if evaluation.measurement is None:
        return Grade(loaded.id, None, why, letters_of(loaded.scale))
    return grade_run(loaded, evaluation, hardware)


def _result(
    found: Drive, evaluation: Evaluation, grades: Sequence[Grade], kept: str, why: str
) -> dict[str, Any]:
    measured, requests = evaluation.measurement, evaluation.window.values["requests"]
    result: dict[str, Any] = {
        "id": kept, "letter": grades[0].letter, "text": grades[0].text, "requests": len(found.good),
        "failed": dict(found.failures), "p50_seconds": found.latency(0.5), "p95_seconds": found.latency(0.95),
        "energy": why or "measured",
    }  # fmt: skip
    if measured is not None and requests > 0:
        result["joules_per_request"] = measured.energy_joules / requests
        if measured.emissions_grams is not None:
            result["grams_per_request"] = measured.emissions_grams / requests
    return result
