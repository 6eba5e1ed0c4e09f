"""The application's pages over a database with a few runs, without the rest of the labeler."""

from __future__ import annotations

from fastapi import FastAPI
from gramwatt_labeler.model import Graded, Hardware, Measurement, Window
from gramwatt_labeler.prometheus import Prometheus
from gramwatt_labeler.scale_files import grade, load_scales
from gramwatt_labeler.store import Evaluation, Given, Measure, Origin, Store
from gramwatt_labeler.store.withdrawals import Which, Withdrawals
from gramwatt_labeler.web.pages.desk import Desk
from gramwatt_labeler.web.pages.page import Pages
from gramwatt_labeler.web.pages.routes import router
from gramwatt_labeler.web.pages.visitors import Visitor

NOW = 1_795_000_000.0  # 2026-11-18
WORST_NAME = "some-organisation-with-a-long-name/" + "AVeryLongModelNameWithoutAnyBreakInIt" * 5 + "-final"
HOSTILE = "<script>alert(1)</script>\u202e' \"& {{7*7}}"
WRITER = Visitor("alice", True, "the-token", "")
READER = Visitor()

RUNS: tuple[tuple[str, str, str, str, dict[str, float], float, str], ...] = (
    # id, model, task, phase, values, watts, user
    (
        "w1",
        "google-bert/bert-base-uncased",
        "text-generation",
        "inference",
        {"tokens": 10_000.0},
        6.0,
        "alice",
    ),
    ("w2", "distilbert/distilbert-base", "text-generation", "inference", {"tokens": 10_000.0}, 2.0, "bob"),
    (
        "w3",
        "google-bert/bert-base-uncased",
        "text-generation",
        "inference",
        {"tokens": 10_000.0},
        6.2,
        "alice",
    ),
    ("w4", WORST_NAME, "text-generation", "inference", {"tokens": 250_000.0}, 80.0, "alice"),
    ("w5", HOSTILE, HOSTILE, "training", {}, 90.0, HOSTILE),
)


def fill(store: Store) -> None:
    """The runs, each of 1,000 s and an hour apart; the one with the worst name has no known CO2."""
    scale = load_scales()["gramwatt"]
    for number, (name, model, task, phase, values, watts, user) in enumerate(RUNS):
        end = NOW - 3600.0 * number
        joules = 1000.0 * watts
        window = Window(
            id=name, name=f"run {name}", phase=phase, start=end - 1000, end=end, model=model, task=task, dataset="",
            user=user, values=values, instance="lab-1:10044", hardware=Hardware(gpus=(("NVIDIA H100 80GB HBM3", 1),)),
        )  # fmt: skip
        measurement = Measurement(
            energy_joules=joules,
            components={"cpu": 0.2 * joules, "gpu": 0.8 * joules},
            samples=200,
            coverage_ratio=1.0,
            emissions_grams=None if model == WORST_NAME else joules / 3.6e6 * 56,
            uncertainty_ratio=0.05,
            sources=("rapl", "nvml"),
        )
        store.add(Graded(window, measurement, grade(scale, window, measurement), NOW))


def fill_worst(store: Store) -> None:
    """One run with the longest texts there are, none of which can be broken at a blank; graded on two scales."""
    long = "W" * 256
    window = Window(
        id="worst", name="Q" * 256, phase="inference", start=NOW - 1000, end=NOW, model=long, task=long, dataset=long,
        user=long, values={"tokens": 10.0}, instance=long, software=long, hardware=Hardware(gpus=((long, 8),)),
    )  # fmt: skip
    measurement = Measurement(1e15, {"cpu": 1e15}, 200, 1.0, notes=(long,), sources=(long,))
    for scale in (load_scales()["gramwatt"], load_scales()["comparia"]):
        store.add(Graded(window, measurement, grade(scale, window, measurement), NOW))


def fill_taken_back(store: Store) -> None:
    """Of two runs that a form stated, with the longest texts there are, one that was taken back."""
    long = "W" * 256
    for name in ("typed", "gone"):
        window = Window(name, long, "training", NOW - 1000, NOW, long, long, long, values={"samples": 10.0})
        measurement = Measurement(1e15, {}, None, None)
        typed = Evaluation(
            window=window, measurement=measurement, origin=Origin.FORM, detail={"note": long, "tool": long},
            measures={long: Measure(1.0)}, emissions_grams=float(len(name)), created_at=NOW, created_by="alice",
        )  # fmt: skip
        graded = grade(load_scales()["gramwatt"], window, measurement)
        store.add_evaluation(typed, [Given(graded)])
    Withdrawals(store.database).take_back(Which(["gone"]), long, long, NOW, None)


def application(store: Store, visitor: Visitor = READER, prometheus: Prometheus | None = None) -> FastAPI:
    """Only the pages."""
    app = FastAPI()
    desk = Desk(
        store,
        load_scales(),
        "gramwatt",
        lambda one: f"http://lab/evaluations/{one}",
        Pages(lambda _: visitor),
    )
    if prometheus is not None:
        desk = Desk(desk.store, desk.scales, desk.main_scale, desk.page_of, desk.pages, prometheus)
    app.include_router(router(desk))
    return app
