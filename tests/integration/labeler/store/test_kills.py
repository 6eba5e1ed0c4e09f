"""A program that is killed while it writes: what it was told is kept is there, nothing is half there, others go on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from gramwatt_labeler.store import Store
from sqlalchemy import text

WRITE = """
import sys
from gramwatt_labeler.model import *
from gramwatt_labeler.store import Evaluation, Given, Layer, Measure, MetricGrade, Origin, Store
store = Store(sys.argv[1])
scale = ScaleId("s", "1", "2026-01-01", "a" * 64)
n = 0
while True:
    window = Window(f"{sys.argv[2]}-{n}", "n", "training", 1.0, 2.0, model=f"m{n % 3}", task="t")
    letters = [MetricGrade(f"m{k}", 1.0, 1.0, "A") for k in range(5)]
    evaluation = Evaluation(window=window, measurement=None, origin=Origin.FORM, emissions_grams=float(n),
                            measures={f"m{k}": Measure(1.0, layer=Layer.FORM) for k in range(5)}, created_at=1.0,
                            detail={"run": window.id})
    store.add_evaluation(Evaluation(**{name: getattr(evaluation, name) for name in evaluation.__dataclass_fields__} |
                                    {"window": window, "extra": {}, "zone": sys.argv[2],
                                     "emissions_grams": n + 1e7 * len(sys.argv[2])}),
                         [Given(Grade(scale, "A"), letters)])
    print(window.id, flush=True)
    n += 1
"""


@pytest.mark.slow
def test_a_kill_at_any_moment_loses_nothing_that_was_kept(url: str, opened: Callable[[str], Store]) -> None:
    store = opened(url)
    kept: set[str] = set()
    for attempt in range(4):
        program = subprocess.Popen(
            [sys.executable, "-c", WRITE, url, "x" * (attempt + 1)], stdout=subprocess.PIPE, text=True
        )
        assert program.stdout is not None
        kept.add(program.stdout.readline().strip())  # it has begun
        time.sleep(0.05 * attempt)
        program.send_signal(signal.SIGKILL)
        kept |= {line.strip() for line in program.stdout if line.endswith("\n")}
        program.wait()
    with store.engine.connect() as connection:
        stored = set(connection.execute(text("SELECT id FROM evaluations")).scalars())
        whole = set(
            connection.execute(
                text(
                    "SELECT e.id FROM evaluations e JOIN grades g ON g.evaluation_id = e.id"
                    " WHERE (SELECT count(*) FROM measures m WHERE m.evaluation_id = e.id) = 5"
                    " AND (SELECT count(*) FROM metric_grades l WHERE l.evaluation_id = e.id) = 5"
                )
            ).scalars()
        )
    assert kept <= stored
    assert stored == whole
    assert store.page().total == len(stored)
