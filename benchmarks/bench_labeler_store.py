"""The labeler's store with 100,000 evaluations: how long list, filter, search and page take, and how fast it takes in.

python -m benchmarks.bench_labeler_store [--database URL] [--evaluations N]

Times are CPU times, so that a busy machine does not change them. Budget: every list under 100 ms, 1,000 windows a
minute graded and kept.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gramwatt_labeler.model import Graded, Measurement, Window
from gramwatt_labeler.scale_files import grade, load_scales
from gramwatt_labeler.store import Filters, Given, Store
from gramwatt_labeler.store.rows import content_hash, evaluation_of
from gramwatt_labeler.store.tables import EVALUATIONS, GRADES
from gramwatt_labeler.store.writing import put_evaluation, put_grade
from sqlalchemy import func, insert, select

BUDGET_SECONDS = 0.1
WINDOWS_PER_MINUTE = 1000
_TASKS = ("image-classification", "text-generation", "fill-mask", "summarization", "object-detection")
_REPEATS = 9
_BATCH = 2000


def runs(count: int) -> Iterator[Graded]:
    """Windows of 40 users, 500 models and 5 tasks, graded as the job does."""
    scale = load_scales()["gramwatt"]
    for n in range(count):
        window = Window(
            id=f"w{n:07}", name=f"train step {n % 997}", phase="training" if n % 3 else "inference",
            start=1.7e9 + n * 60, end=1.7e9 + n * 60 + 50, model=f"org{n % 25}/model-{n % 500}",
            task=_TASKS[n % len(_TASKS)], dataset=f"data-{n % 30}", user=f"user{n % 40}",
            instance=f"node-{n % 20}:10044", values={"samples": 1000.0, "tokens": 5000.0},
        )  # fmt: skip
        joules = 10.0 * 1.0001 ** (n % 90_000)
        measurement = Measurement(
            joules, {"cpu": 0.3 * joules, "gpu": 0.7 * joules}, 12, 1.0, emissions_grams=joules / 9
        )
        yield Graded(window, measurement, grade(scale, window, measurement), window.end)


def fill(store: Store, count: int) -> None:
    """Some through the store, the rest as copies of them made by the database, each batch some days later."""
    with store.database.writing() as connection:
        for graded in runs(min(count, _BATCH)):
            evaluation = evaluation_of(graded)
            put_evaluation(connection, evaluation, content_hash(evaluation, by_id=True), [graded.grade])
            put_grade(connection, evaluation.id, Given(graded.grade), graded.graded_at)
    for number in range(1, count // _BATCH):
        changed = {
            EVALUATIONS: {
                "id": EVALUATIONS.c.id + f"-{number}",
                "content_hash": func.substr(EVALUATIONS.c.content_hash, 1, 56) + f"-{number}",
                "ended": EVALUATIONS.c.ended + number * 200_000.0,
                "energy_joules": EVALUATIONS.c.energy_joules * (1 + number / 100),
            },
            GRADES: {"evaluation_id": GRADES.c.evaluation_id + f"-{number}"},
        }
        with store.database.writing() as connection:
            for table, values in changed.items():
                key = table.c.id if table is EVALUATIONS else table.c.evaluation_id
                rows = select(*(values.get(column.name, column) for column in table.c)).where(
                    ~key.contains("-")
                )
                connection.execute(insert(table).from_select([column.name for column in table.c], rows))


def intake(store: Store, count: int) -> float:
    """Windows a minute, graded and kept one by one as the job does."""
    began = time.process_time()
    for graded in runs(count):
        window = Window(**{name: getattr(graded.window, name) for name in graded.window.__dataclass_fields__} | {
            "id": f"new-{graded.window.id}"})  # fmt: skip
        store.add(Graded(window, graded.measurement, graded.grade, graded.graded_at))
    return count / (time.process_time() - began) * 60


def main() -> int:
    """Print a table; 1 when a budget is missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--database", default="")
    options.add_argument("--evaluations", type=int, default=100_000)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(asked.database or f"sqlite:///{Path(folder) / 'labeler.db'}")
        fill(store, asked.evaluations)
        second = store.page(scale="gramwatt", limit=50).next
        calls: dict[str, Callable[[], object]] = {
            "first page": lambda: store.page(scale="gramwatt"),
            "second page": lambda: store.page(scale="gramwatt", cursor=second),
            "task and phase": lambda: store.page(Filters(task="fill-mask", phase="training"), "gramwatt"),
            "model": lambda: store.page(Filters(model="org3/model-3"), "gramwatt"),
            "user": lambda: store.page(Filters(user="user7"), "gramwatt"),
            "host": lambda: store.page(Filters(host="node-7:10044"), "gramwatt"),
            "letter": lambda: store.page(Filters(letter="A"), "gramwatt"),
            "not graded": lambda: store.page(Filters(letter="none"), "gramwatt"),
            "search, many": lambda: store.page(Filters(q="step 99"), "gramwatt"),
            "search, none": lambda: store.page(Filters(q="no such thing"), "gramwatt"),
            "most energy": lambda: store.page(scale="gramwatt", sort="-energy"),
            "least per unit": lambda: store.page(scale="gramwatt", sort="per_unit"),
            "by letter": lambda: store.page(scale="gramwatt", sort="letter"),
            "by name": lambda: store.page(scale="gramwatt", sort="name"),
            "filters together": lambda: store.page(
                Filters(task="fill-mask", user="user7", letter="A", q="model", since=1.7e9 + 3e6), "gramwatt"
            ),
            "one evaluation": lambda: store.evaluation("w0000007"),
            "models": lambda: store.models(q="org3"),
        }
        slowest = 0.0
        for name, call in calls.items():
            call()
            times = []
            for _ in range(_REPEATS):
                began = time.process_time()
                call()
                times.append(time.process_time() - began)
            median = statistics.median(times)
            slowest = max(slowest, median)
            print(f"{name:<18} {1000 * median:8.1f} ms  (best {1000 * min(times):.1f})")
        rate = intake(store, 300)
        print(f"{'intake':<18} {rate:8.0f} windows a minute")
        store.close()
    print(f"slowest {1000 * slowest:.0f} of {1000 * BUDGET_SECONDS:.0f} ms")
    return 0 if slowest <= BUDGET_SECONDS and rate >= WINDOWS_PER_MINUTE else 1


if __name__ == "__main__":
    raise SystemExit(main())
