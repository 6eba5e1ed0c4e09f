"""Grading again what is stored gives what was given at first: nothing that decided the letter is lost on the way."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from gramwatt_labeler.evaluate.results import evaluate, evaluation_of, fitting
from gramwatt_labeler.evaluate.runs import grade_run
from gramwatt_labeler.forms.entry import read_entry
from gramwatt_labeler.scale_files import load_scales
from gramwatt_labeler.store import Origin, Store
from gramwatt_labeler.uploads.mapping import Record
from gramwatt_labeler.uploads.rows import read_rows
from hypothesis import given
from hypothesis import strategies as st

SCALES = load_scales()
NUMBERS = {
    "energy": st.sampled_from(["0.5", "1000", "1e9"]), "emissions": st.sampled_from(["0.1", "1000", "1e6"]),
    "duration": st.just("100"), "samples": st.sampled_from(["10", "1000000"]), "requests": st.just("500"),
    "tokens": st.just("2000"), "accuracy": st.sampled_from(["0", "0.5", "0.95"]), "f1": st.just("0.8"),
    "size": st.sampled_from(["1000", "1e10"]), "dataset_size": st.sampled_from(["1000", "1e10"]),
    "downloads": st.sampled_from(["0", "1000000"]), "parameters": st.just("1e6"),
}  # fmt: skip
EXTRA = st.dictionaries(
    st.sampled_from(
        ["performance_score", "size_efficency", "datasets_size_efficency", "datasets_size", "co2_eq_emissions",
         "gpu_energy", "floor_energy", "energy_per_sample", "output_tokens", "downloads", "tokens", "mine"]
    ),
    st.sampled_from(["1", "0.5", "-3", "1e15", "1e-9"]),
    max_size=2,
)  # fmt: skip
WORDS = {
    "phase": st.sampled_from(["training", "inference"]),
    "task": st.sampled_from(["image-classification", "text-generation", ""]),
    "dataset": st.sampled_from(["imagenet-1k", ""]),
    "hardware": st.sampled_from(["", "RTX 4090", "8 x NVIDIA A100", "2 x AMD EPYC 7763", "gpu"]),
    "boundary": st.sampled_from(["process", "machine", "gpu"]),
}
OF_A_FILE = {
    "missed": st.sampled_from(["1", "10"]), "floor": st.just("5"), "outcome": st.sampled_from(["ok", "1"]),
    "run": st.just("r1"),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("regraded"))


def letters_before_and_after(store: Store, form: Mapping[str, str], is_file: bool) -> None:
    if is_file:
        entry = read_rows([Record("a.csv", 2, form, {})])[0].entry
        if entry is None:
            return
    else:
        try:
            entry = read_entry(form)
        except ValueError:
            return
    result = evaluate(entry, fitting(SCALES, "gramwatt", entry.phase), 1000.0, "a.csv" if is_file else "", 2)
    evaluation, grades = evaluation_of(result, "ann", Origin.FILE if is_file else Origin.FORM)
    stored = store.evaluation(store.add_evaluation(evaluation, grades))
    store.make_way(stored.evaluation.id, 1000.0)  # the next example may be the same evaluation
    for name, at_first in result.grades.items():
        again = grade_run(SCALES[name], stored.evaluation)
        assert (again.letter, again.best, again.worst, again.index) == (
            at_first.letter, at_first.best, at_first.worst, at_first.index
        ), name  # fmt: skip


@pytest.mark.slow
@given(
    words=st.fixed_dictionaries(WORDS),
    numbers=st.fixed_dictionaries({}, optional=NUMBERS),
    extra=EXTRA,
    of_a_file=st.none() | st.fixed_dictionaries({}, optional=OF_A_FILE),
)
def test_what_is_stored_has_all_that_decided_the_letter(
    folder: str,
    words: dict[str, str],
    numbers: dict[str, str],
    extra: dict[str, str],
    of_a_file: dict[str, str] | None,
) -> None:
    store = Store(f"sqlite:///{folder}/labeler.db")
    form = {"model": "m"} | words | numbers | (of_a_file or {})
    form["extra"] = "\n".join(f"{name}: {value}" for name, value in extra.items())
    letters_before_and_after(store, form, of_a_file is not None)
    store.close()


@pytest.mark.parametrize(
    ("form", "is_file"),
    [
        ({"emissions": "1000", "duration": "100", "missed": "10"}, True),  # CO2 alone, a tenth of it not seen
        ({"emissions": "1000", "size": "1e6", "dataset_size": "1e6", "extra": "performance_score: 1"}, False),
        ({"emissions": "1000", "accuracy": "0.5", "extra": "performance_score: 0.2"}, False),
        (
            {"phase": "inference", "emissions": "1000", "accuracy": "0.5", "extra": "dataset_size: 1e15"},
            False,
        ),
    ],
)
def test_numbers_beside_an_energy_are_kept_too(folder: str, form: dict[str, str], is_file: bool) -> None:
    store = Store(f"sqlite:///{folder}/labeler.db")
    letters_before_and_after(store, {"model": "m", "phase": "training"} | form, is_file)
    store.close()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"performance_score": 1.0}, "performance_score"),
        ({"size_efficency": 1e15, "datasets_size_efficency": 1e15}, "efficiencies"),
        ({"size_efficency": -1.0, "performance_score": -1.0}, "no numbers"),
    ],
)
def test_a_better_figure_beside_what_it_is_made_of_changes_nothing(
    more: dict[str, float], words: str
) -> None:
    told = {"emissions": "1000", "size": "1e6", "dataset_size": "1e6", "downloads": "1", "accuracy": "0.5"}
    form = {"model": "m", "phase": "training"} | told

    def letters(extra: Mapping[str, float]) -> dict[str, str | None]:
        entry = read_entry(form | {"extra": "\n".join(f"{name}: {one!r}" for name, one in extra.items())})
        grades = evaluate(entry, fitting(SCALES, "gramwatt", "training"), 1000.0).grades
        return {name: grade.letter for name, grade in grades.items()}

    assert letters(more) == letters({}), words
