"""A database with the worst that people can put into one: for pages that have to hold all of it."""

from __future__ import annotations

from collections.abc import Sequence

from gramwatt_labeler.hub.curating import curate
from gramwatt_labeler.hub.evaluating import hub_evaluation
from gramwatt_labeler.intensities.kept import keep
from gramwatt_labeler.intensities.table import Intensity
from gramwatt_labeler.model import Hardware, Imported, Measurement, Window
from gramwatt_labeler.scale_book.content import read_scale
from gramwatt_labeler.scale_book.rows import ScaleRows
from gramwatt_labeler.scale_files import LoadedScale, grade, load_scales
from gramwatt_labeler.store import Evaluation, Given, Measure, ModelFacts, Origin, Store
from gramwatt_labeler.store.catalogue import Catalogue
from gramwatt_labeler.store.hub import HubRows, ToKeep
from gramwatt_labeler.store.jobs import Jobs
from gramwatt_labeler.store.nouns import Card
from gramwatt_labeler.store.people import People, Role, Scope
from gramwatt_labeler.store.returns import ReturnRows
from labeler_pages import fill_taken_back

NOW = 1_795_000_000.0  # 2026-11-18
PASSWORD = "a long enough password"
MANAGER = "manager-" + "W" * 56
LONG = "W" * 256
NAMES = (
    LONG,
    "organisation/" + "a-name-that-goes-on-" * 12,
    "<script>alert(1)</script>\u202e' \"& {{7*7}} <b>bold</b>",
    "نموذج اللغة العربية الكبير للتلخيص" * 4,
    "מודל שפה גדול מאוד " * 6,
    "机器学习模型的能源效率评级系统" * 12,
    "ก็กำลังเรียนรู้ของเครื่อง" * 6,
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞" * 2,
    "👩‍👩‍👧‍👦🏳️‍🌈" * 20,
    "Größenwahn-Übermäßigkeitsprüfungsmaschine",
    "модель/обработки-естественного-языка",
    "μοντέλο/επεξεργασίας",
    "모델/자연어-처리",
    "モデル/自然言語処理",
    "मॉडल/प्राकृतिक-भाषा",
    "ማሽን/መማር",
    "model/" + "x" * 200,
    "plain/model",
)
_MEASURES = {"downloads": Measure(1e15), "accuracy": Measure(1e-12), LONG[:64]: Measure(-1e15)}
JOULES = (1e-12, 0.0, 1e15, 3.6e6, 0.5, 123_456.789)
ORIGINS = tuple(Origin)
TWO_LETTERS = f"""format: 2
kind: absolute
name: two-letters
title: {LONG}
version: "1"
date: 2026-11-21
source: {LONG}
phase: inference
unit: token
tasks: [text-generation]
measure: J per token
joules: 1.0
bands:
  - {{letter: A, up_to: 0.001}}
  - {{letter: B}}
"""
NINE_LETTERS = """format: 2
kind: rated
name: nine-letters-in-a-name-as-long-as-one-may-be
title: Nine letters
version: "2026.11.21-with-a-very-long-version"
date: 2026-11-21
source: own
phase: training
letters: [A, B, C, D, E, F, G, H, I]
metrics:
  co2_eq_emissions:
    weight: 0.5
    cuts: [0.000000000001, 1, 2, 3, 4, 5, 6, 1000000000000000]
  accuracy:
    weight: 0.5
    bounds: [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]
"""


def fill_with_the_worst(store: Store, evaluations: int = 36) -> None:
    """Runs of every origin and more of them than a page holds names for, people, definitions, models and jobs."""
    people(store)
    catalogue(store)
    scales = [*scales_of(store), *(load_scales()[name] for name in ("gramwatt", "comparia", "gaissa"))]
    added = store.add_each([evaluation(number, scales) for number in range(evaluations)])
    assert [one for one in added if not isinstance(one, str)] == []
    hub(store, scales)
    rest(store)
    fill_taken_back(store)


def people(store: Store) -> None:
    """A manager and a contributor with the longest names, one who is disabled, and tokens."""
    found = People(store.database)
    for name, role in (
        (MANAGER, Role.MANAGER), ("contributor-مساهم-貢献者-" + "m" * 40, Role.CONTRIBUTOR),
        ("<b>viewer</b>", Role.VIEWER), ("gone", Role.VIEWER),
    ):  # fmt: skip
        found.add(name, role, PASSWORD if role is Role.MANAGER else "", "test", NOW)
    for number in range(4):
        found.new_token(MANAGER, f"{number}" + "t" * 63, Scope.MANAGE, MANAGER, NOW + number)
    found.change("gone", MANAGER, NOW, disabled=True)


def scales_of(store: Store) -> Sequence[LoadedScale]:
    """A scale of two letters and one of nine, as managers make them."""
    rows, found = ScaleRows(store.database), []
    for content in (TWO_LETTERS, NINE_LETTERS):
        loaded = read_scale(content)
        rows.put(loaded, content, MANAGER, NOW)
        found.append(loaded)
    return found


def evaluation(number: int, scales: Sequence[LoadedScale]) -> tuple[Evaluation, Sequence[Given]]:
    """The one of this number: name, origin, amounts and what is missing follow from it."""
    name, joules = NAMES[number % len(NAMES)], JOULES[number % len(JOULES)]
    origin = ORIGINS[number % len(ORIGINS)]
    other = NAMES[(number * 7 + 3) % len(NAMES)]
    is_bare = number % 11 == 5
    values = {"tokens": 10.0 ** (number % 14), "samples": float(number), other[:64]: 1e-12, "accuracy": 0.5}
    window = Window(
        id=f"run-{number}", name=other[:256], phase="inference" if number % 2 == 0 else "training",
        start=NOW - 3600.0 * number - joules % 997, end=NOW - 3600.0 * number, model="" if is_bare else name[:256],
        task="" if is_bare else ("text-generation" if number % 3 else other[:256]),
        dataset="" if is_bare else other[:256], user="" if is_bare else other[:256],
        values={"samples": float(number)} if is_bare else values,
        instance="" if is_bare else f"{other[:240]}:10044",
        failure=LONG if number % 13 == 4 else "", hardware=Hardware() if is_bare else Hardware(gpus=((LONG, 8),)),
        software="" if is_bare else LONG,
    )  # fmt: skip
    imported = Imported(LONG, LONG, "machine", LONG, "FRA", LONG, file=LONG + ".csv", line=7, run=LONG)
    measurement = None if origin in (Origin.FORM, Origin.HUB) and number % 2 else Measurement(
        joules, {"cpu": 0.25 * joules, "gpu": 0.5 * joules, LONG[:64]: 0.25 * joules}, 200, 1.0,
        emissions_grams=None if number % 4 == 1 else joules * 1e-5, uncertainty_ratio=0.3 if number % 2 else None,
        sources=("rapl", LONG), notes=(LONG, name), zone="FR", intensity_method="measured",
        imported=imported if origin is Origin.CODECARBON else None,
    )  # fmt: skip
    found = Evaluation(
        window=window, measurement=measurement, origin=origin,
        detail={} if is_bare else {"note": other, LONG[:64]: LONG},
        measures={} if is_bare else _MEASURES, extra={} if is_bare else {LONG[:64]: LONG, "حقل إضافي": other},
        emissions_grams=1e15 if number % 5 == 0 else None,
        created_at=NOW, created_by=MANAGER,
    )  # fmt: skip
    usable = [one for one in scales if one.grades_energy]
    grades = [Given(grade(one, window, measurement)) for one in usable] if measurement and number % 9 else []
    return found, grades


def catalogue(store: Store) -> None:
    """A metric, a tool, an extra field and a tactic whose every text is as long as it may be."""
    rows = Catalogue(store.database)
    advice = {"letter": "A", "text": LONG * 7, "source": LONG * 3, "url": "https://example.org/" + LONG}
    rows.put_metric(
        {
            "name": "m" * 64, "title": LONG, "phases": ["training", "inference"], "unit": "u" * 32,
            "direction": "lower", "description": LONG * 4, "how_to": LONG * 4,
            "recommendations": [advice] * 3, "icon": "", "enabled": True,
        }, MANAGER, NOW, is_new=True,
    )  # fmt: skip
    rows.put_tool(
        {"name": "t" * 64, "description": LONG, "enabled": True},
        [{"column_name": f"{one}{LONG[:250]}", "field": "energy", "unit": "kWh", "reduce": "last"} for one in "abc"],
        MANAGER, NOW, is_new=True,
    )  # fmt: skip
    choices = [LONG, *NAMES[:6]]
    for name, phase, some in ((LONG[:64], "", choices), ("حقل إضافي", "training", None)):
        row = {"name": name, "phase": phase, "choices": some, "description": LONG}
        rows.put_field(row, MANAGER, NOW, is_new=True)
    rows.put_tactic(
        {
            "name": "x" * 64, "title": LONG, "stage": "s" * 64, "phase": "inference", "description": LONG,
            "metric": "energy", "low": 1e-12, "expected": 0.5, "high": 0.999, "derived": LONG, "source": LONG,
            "url": "https://example.org/" + LONG, "enabled": True,
        }, MANAGER, NOW, is_new=True,
    )  # fmt: skip


def hub(store: Store, own: Sequence[LoadedScale]) -> None:
    """Models of the hub with the worst names, a card that was corrected, and syncs that went wrong."""
    rows, scales = HubRows(store.database), {**load_scales(), **{one.id.name: one for one in own}}
    for number, name in enumerate(NAMES):
        card = Card(
            hub_id=f"org{number}/{name}"[:200], sha="0" * 40, last_modified=NOW, created=NOW - 86_400.0 * 40 * number,
            card={
                "license": LONG, "datasets": [LONG],
                "co2_eq_emissions": {
                    "emissions": (1e-12, 1e12, 5.0)[number % 3], "source": LONG, "training_type": "fine-tuning",
                    "geographical_location": LONG, "hardware_used": LONG,
                },
            },
            task=LONG if number % 4 == 0 else "text-classification", library="transformers", downloads=10**15,
            likes=number, file_bytes=1e15, parameters=1e15, dataset_bytes=1.0,
        )  # fmt: skip
        found = hub_evaluation(card, {}, scales, "gramwatt", NOW)
        rows.put([ToKeep(card, *(found or ()))], NOW)
    curate(rows, f"org0/{LONG}"[:200], "emissions", "83 kg", LONG * 3, MANAGER, scales, "gramwatt", NOW)
    sync = rows.begin(MANAGER, NOW)
    rows.change(sync, state="failed", seen=10**9, error=LONG * 3, ended=NOW)


def rest(store: Store) -> None:
    """Facts of a model, kept analyses, intensities of grids, and a job in each state."""
    facts = ModelFacts("", LONG, "", "", LONG, LONG, LONG, parameters=1e15, file_bytes=1e-3, note=LONG)
    store.put_model(facts, NOW, MANAGER)
    returns = ReturnRows(store.database)
    form = {"baseline": "run-2", "after": "run-4", "calls_per_day": "1e12", "price": "0,25", "cost": "500"}
    returns.add(LONG, form, MANAGER, NOW)
    returns.add("ترجمة " * 30, form | {"old": "1", "new": "2"}, MANAGER, NOW)
    keep(store, [Intensity("FR", 2025, 56.0, LONG), Intensity(LONG[:64], 2025, 1e6, LONG)], NOW, MANAGER)
    jobs = Jobs(store.database)
    asked = {"url": "http://127.0.0.1:9/" + LONG, "model": LONG, "requests": 10_000}
    result = {
        "id": "run-0", "letter": None, "text": "not graded: " + LONG, "joules_per_request": 1e-12,
        "grams_per_request": 1e15, "p50_seconds": 1e-6, "p95_seconds": 1e6, "requests": 10_000, "failed": {LONG: 3},
    }  # fmt: skip
    for ends in ("done", "failed", "running", "queued"):
        number = jobs.add("probe", {"asked": asked}, MANAGER, NOW)
        if ends != "queued":
            jobs.take(["probe"], NOW)
        if ends == "running":
            jobs.beat(number, {"done": 10**9, "of": 10**10, "waiting": LONG}, NOW)
        if ends == "done":
            jobs.finish(number, result)
        if ends == "failed":
            jobs.finish(number, error=LONG * 3)
