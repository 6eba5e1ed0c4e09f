"""Reports of runs inside runs: every joule counts, and once."""

from __future__ import annotations

from gramwatt_labeler.errors import InputError
from gramwatt_labeler.model import Graded, Measurement, Window
from gramwatt_labeler.report.asking import Asked, report_of
from gramwatt_labeler.scale_files import grade, load_scales
from gramwatt_labeler.store import Evaluation, Origin, Store

NOW = 1_795_000_000.0  # 2026-11-18
DECEMBER = 1_796_100_000.0
SCALE = load_scales()["gramwatt"]


def add(
    store: Store,
    name: str,
    parent: str,
    joules: float,
    model: str = "",
    end: float = NOW,
    user: str = "alice",
) -> None:
    window = Window(
        id=name, name=name, phase="training", start=end - 60, end=end, model=model, parent=parent, user=user
    )
    measured = Measurement(joules, {"cpu": joules}, 9, 1.0)
    store.add(Graded(window, measured, grade(SCALE, window, measured), end))


def total(store: Store, **asked: str) -> tuple[int, float]:
    """Runs and joules; 0 where no run fits."""
    try:
        report = report_of(Asked(**asked), store, SCALE, DECEMBER, None, lambda _: None)
    except InputError:
        return 0, 0.0
    return report.totals.runs, report.totals.joules


def test_a_run_counts_unless_one_around_it_does(store: Store) -> None:
    # gramwatt run -- a script that opens a window a model, and in it one an epoch and one a request.
    add(store, "script", "", 100.0)
    add(store, "first", "script", 40.0, "m/one")
    add(store, "second", "script", 50.0, "m/two")
    add(store, "epoch", "first", 30.0)
    add(store, "request", "epoch", 10.0, "m/one")
    assert total(store) == total(store, user="alice", month="2026-11") == (1, 100.0)
    assert total(store, model="m/one") == (1, 40.0)
    assert total(store, model="m/two") == (1, 50.0)
    assert total(store, model="m/three") == (0, 0.0)


def test_parts_of_a_run_that_is_still_open_count_and_later_it_does(store: Store) -> None:
    add(store, "first", "open", 40.0)
    add(store, "epoch", "first", 30.0)
    assert total(store) == total(store, month="2026-11") == (1, 40.0)
    add(store, "open", "", 100.0, end=DECEMBER)
    assert total(store) == total(store, month="2026-12") == (1, 100.0)
    assert total(store, month="2026-11") == (0, 0.0)


def test_runs_that_name_each_other_or_themselves_end_no_report(store: Store) -> None:
    add(store, "self", "self", 1.0)
    add(store, "egg", "hen", 2.0)
    add(store, "hen", "egg", 4.0)
    assert total(store)[0] == 1


def test_the_runs_of_others_count_in_a_report_of_their_model_alone(store: Store) -> None:
    add(store, "mine", "", 100.0, "m/one")
    window = Window(id="hub-1", name="m/two", phase="training", start=NOW, end=NOW, model="m/two")
    store.add_evaluation(
        Evaluation(window=window, measurement=None, origin=Origin.HUB, emissions_grams=5e6, created_at=NOW)
    )
    assert total(store) == total(store, month="2026-11") == (1, 100.0)
    assert total(store, model="m/two") == (1, 0.0)
