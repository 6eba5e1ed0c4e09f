"""A database of the labeler as a group of 40 people fills it in years: recorded windows, parts of them, typed runs."""

from __future__ import annotations

from collections.abc import Iterator

from gramwatt_labeler.evaluate.results import evaluate, evaluation_of, fitting
from gramwatt_labeler.forms.entry import Entry
from gramwatt_labeler.model import Graded, Hardware, Measurement, Window
from gramwatt_labeler.scale_files import grade, load_scales
from gramwatt_labeler.store import Given, Store
from gramwatt_labeler.store import rows as row_makers
from gramwatt_labeler.store.tables import EVALUATIONS, GRADES
from gramwatt_labeler.store.writing import Known, put_evaluation, put_grades
from sqlalchemy import create_engine, func, insert, literal_column, select

BATCH = 2000
_TASKS = ("image-classification", "text-generation", "fill-mask", "image-classification", "summarization")
_JOULES = {"image-classification": 500.0, "text-generation": 850.0}  # of a run in the middle of the scale
_TYPED = 7  # every seventh run is typed, and graded on every scale of its phase
_PARTS = 4  # every fourth recorded one is a part of the one before it
_BEGAN = 1.7e9
_BATCH_SECONDS = 200_000.0


def recorded(count: int) -> Iterator[Graded]:
    """Windows of 40 users, 500 models and 5 tasks, graded as the job does."""
    scale = load_scales()["gramwatt"]
    for n in range(count):
        task = _TASKS[n % len(_TASKS)]
        window = Window(
            id=f"w{n:07}", name=f"train step {n % 997}", phase="training" if n % 3 else "inference",
            start=_BEGAN + n * 60, end=_BEGAN + n * 60 + 50, model=f"org{n % 25}/model-{n % 500}",
            task=task, dataset="imagenet-1k" if n % 5 in (0, 3) else f"data-{n % 30}", user=f"user{n % 40}",
            instance=f"node-{n % 20}:10044", values={"samples": 1000.0, "tokens": 5000.0},
            hardware=Hardware(gpus=(("NVIDIA H100 80GB HBM3", 1),)),
            parent="" if n % _PARTS else f"w{n - 1:07}" if n else "",
        )  # fmt: skip
        joules = _JOULES.get(task, 100.0) * 4 ** ((n * 7 % 101) / 50 - 1)
        measurement = Measurement(
            joules,
            {"cpu": 0.1 * joules, "gpu": 0.9 * joules},
            2 if n % 13 == 0 else 12,
            1.0,
            emissions_grams=joules / 9,
        )
        yield Graded(window, measurement, grade(scale, window, measurement), window.end)


def typed(n: int) -> Entry:
    """What a person states of a run."""
    return Entry(
        phase="training", model=f"org{n % 25}/model-{n % 500}", task=_TASKS[n % len(_TASKS)],
        dataset=f"data-{n % 30}", values={"energy": 3.6e6 + n, "emissions": 400.0 + n % 900, "accuracy": 0.9},
        ended=_BEGAN + n * 60, run=f"t{n:07}",
    )  # fmt: skip


def fill(store: Store, count: int) -> None:
    """A batch as the labeler makes it, the rest as copies made by the database, each some days later."""
    _first(store, min(count, BATCH))
    patient = create_engine(store.engine.url)  # the store's own ends a statement after seconds
    copied = ~EVALUATIONS.c.id.contains("-"), ~GRADES.c.evaluation_id.contains("-")
    for number in range(1, count // BATCH):
        ending = f"-{number}"
        evaluations = {
            "id": EVALUATIONS.c.id + ending,
            "parent": EVALUATIONS.c.parent + ending,
            "name": EVALUATIONS.c.name + f" of week {number}",
            "content_hash": func.substr(EVALUATIONS.c.content_hash, 1, 56) + ending,
            "ended": EVALUATIONS.c.ended + number * _BATCH_SECONDS,
            "energy_joules": EVALUATIONS.c.energy_joules * (1 + number / 100),
            "search": EVALUATIONS.c.search + f"\nof week {number}",
        }
        outermost = EVALUATIONS.c.parent == ""
        with patient.begin() as connection:
            for condition, changes in (
                (outermost, evaluations | {"parent": literal_column("''")}),
                (~outermost, evaluations),
            ):
                query = select(*(changes.get(column.name, column) for column in EVALUATIONS.c))
                names = [column.name for column in EVALUATIONS.c]
                connection.execute(insert(EVALUATIONS).from_select(names, query.where(copied[0], condition)))
            changes = {"evaluation_id": GRADES.c.evaluation_id + ending}
            query = select(*(changes.get(column.name, column) for column in GRADES.c)).where(copied[1])
            connection.execute(insert(GRADES).from_select([column.name for column in GRADES.c], query))
    patient.dispose()


def _first(store: Store, count: int) -> None:
    known, scales = Known(), load_scales()
    with store.database.writing() as connection:
        for n, graded in enumerate(recorded(count)):
            if n % _TYPED:
                new, grades = row_makers.evaluation_of(graded), [Given(graded.grade)]
            else:
                result = evaluate(typed(n), fitting(scales, "gramwatt", "training"), graded.window.end)
                new, grades = evaluation_of(result, "user1")
            content = row_makers.content_hash(new, by_id=True)
            put_evaluation(connection, new, content, [one.grade for one in grades], known)
            put_grades(connection, new.id, grades, new.created_at, known)
