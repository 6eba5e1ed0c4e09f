"""CodeCarbon, scikit-learn, IPython and the deep-learning frameworks, each with the real package."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path
from typing import Any

import gramwatt
import pytest
from gramwatt import emissions_csv
from gramwatt.result import Result
from known import known


def _rows(path: Any) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_row_has_codecarbons_units(tmp_path: Path) -> None:
    result = Result("mnist", "training", window="w1", seconds=7200.0, joules=7.2e6, grams=400.0,
                    components={"cpu": 3.6e6, "dram": 1.8e6, "gpu": 1.8e6}, end=0.0)  # fmt: skip
    emissions_csv.append(tmp_path / "e.csv", result)
    (row,) = _rows(tmp_path / "e.csv")
    assert row["project_name"] == "mnist"
    assert float(row["energy_consumed"]) == pytest.approx(2.0)
    assert float(row["emissions"]) == pytest.approx(0.4)
    assert float(row["emissions_rate"]) == pytest.approx(0.4 / 7200)
    assert [float(row[f"{c}_energy"]) for c in ("cpu", "ram", "gpu")] == pytest.approx([1.0, 0.5, 0.5])
    assert float(row["cpu_power"]) == pytest.approx(500)
    assert row["country_name"] == ""


def test_unknown_is_empty_not_zero(tmp_path: Path) -> None:
    emissions_csv.append(tmp_path / "e.csv", Result("x", "training"))
    (row,) = _rows(tmp_path / "e.csv")
    assert {row[key] for key in ("emissions", "energy_consumed", "cpu_energy", "duration")} == {""}


def test_a_file_with_other_columns_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    for content in ("a,b\n1,2\n", "c\n3\n"):
        path.write_text(content)
        emissions_csv.append(path, Result("x", "training"))
        assert len(_rows(path)) == 1
    assert (tmp_path / "e.csv.bak").read_text() == "a,b\n1,2\n"
    assert (tmp_path / "e.csv_1.bak").read_text() == "c\n3\n"


def test_columns_in_another_order_are_followed(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text(",".join(reversed(emissions_csv.COLUMNS)) + "\n")
    emissions_csv.append(path, Result("mine", "training"))
    assert _rows(path)[0]["project_name"] == "mine"


codecarbon_missing = "needs the extra gramwatt[codecarbon]"


@pytest.mark.slow
def test_columns_are_those_of_the_installed_codecarbon() -> None:
    pytest.importorskip("codecarbon", reason=codecarbon_missing)
    from dataclasses import fields

    from codecarbon.output_methods.emissions_data import EmissionsData

    assert tuple(field.name for field in fields(EmissionsData)) == emissions_csv.COLUMNS


@pytest.mark.slow
def test_codecarbon_reads_and_continues_our_file(tmp_path: Path) -> None:
    pytest.importorskip("codecarbon", reason=codecarbon_missing)
    from codecarbon.output_methods.file import FileOutput

    path = tmp_path / "emissions.csv"
    emissions_csv.append(path, Result("ours", "training", joules=3.6e6))
    tracker = _tracker(tmp_path, save_to_file=True)
    tracker.start()
    tracker.stop()
    assert [row["project_name"] for row in _rows(path)] == ["ours", "theirs"]
    assert isinstance(FileOutput("emissions.csv", str(tmp_path)), FileOutput)


def _tracker(directory: Any, **options: Any) -> Any:
    from codecarbon import OfflineEmissionsTracker

    return OfflineEmissionsTracker(
        project_name="theirs", country_iso_code="FRA", output_dir=str(directory), log_level="error",
        measure_power_secs=0.2, force_mode_cpu_load=True, allow_multiple_runs=True, **options,
    )  # fmt: skip


@pytest.mark.slow
def test_a_codecarbon_tracker_records_a_window(exporter: Any, tmp_path: Path) -> None:
    pytest.importorskip("codecarbon", reason=codecarbon_missing)
    from gramwatt.codecarbon import GramwattOutput

    output = GramwattOutput("train", phase="training", model="m")
    tracker = _tracker(tmp_path, save_to_file=False, output_handlers=[output])
    tracker.start()
    sum(range(2_000_000))
    tracker.flush()
    assert exporter.only()["state"] == "open"
    kilograms = tracker.stop()
    window = exporter.only()
    assert (window["name"], window["model"], window["ended_by"]) == ("train", "m", "stop")
    assert window["values"]["codecarbon_emissions_grams"] == pytest.approx(kilograms * 1000, rel=0.01)
    assert window["values"]["codecarbon_energy_joules"] > 0
    assert known(output.result.joules) > 0


@pytest.mark.slow
def test_scikit_learn_wrapper_is_an_estimator(exporter: Any) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is optional")
    from gramwatt.sklearn import Measured
    from sklearn.base import is_classifier
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = load_iris(return_X_y=True)
    measured = Measured(LogisticRegression(max_iter=200), "iris", dataset="iris")
    assert is_classifier(measured)
    assert measured.fit(x, y).score(x, y) > 0.9
    assert known(measured.result_.joules) > 0
    assert [(w["name"], w["phase"], w["model"], w["values"]) for w in exporter.windows.values()] == [
        ("iris", "training", "LogisticRegression", {"samples": 150.0}),
        ("iris", "inference", "LogisticRegression", {"samples": 150.0}),
    ]
    assert cross_val_score(make_pipeline(StandardScaler(), measured), x, y, cv=3).mean() > 0.9
    search = GridSearchCV(measured, {"estimator__C": [0.1, 1.0]}, cv=2).fit(x, y)
    assert list(search.best_estimator_.classes_) == [0, 1, 2]
    assert not hasattr(measured, "transform")


@pytest.mark.slow
def test_ipython_magics(exporter: Any) -> None:
    pytest.importorskip("IPython", reason="IPython is optional")
    from IPython.testing.globalipapp import start_ipython
    from IPython.utils.capture import capture_output

    start: Any = start_ipython
    shell = start()
    shell.run_line_magic("load_ext", "gramwatt")
    with capture_output() as shown:
        shell.run_cell("%%gramwatt training --name mnist --model mlp\nanswer = 6 * 7\n")
    assert shell.user_ns["answer"] == 42
    assert "mnist (training)" in shown.stdout
    assert shell.user_ns["_gramwatt"].joules > 0
    shell.run_cell("%gramwatt inference answer += 1")
    assert shell.user_ns["answer"] == 43
    assert [(w["name"], w["phase"], w["state"]) for w in exporter.windows.values()] == [
        ("mnist", "training", "finished"), ("line", "inference", "finished"),
    ]  # fmt: skip
    with capture_output() as shown:
        failed = shell.run_cell("%%gramwatt learning\n1")
        broken = shell.run_cell("%%gramwatt training\n1/0")
    assert isinstance(failed.error_in_exec, ValueError)
    assert isinstance(broken.error_in_exec, ZeroDivisionError)
    assert list(exporter.windows.values())[-1]["state"] == "finished"


def test_keras_callback(exporter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    backends = [name for name in ("jax", "torch", "tensorflow") if importlib.util.find_spec(name)]
    if not backends:
        pytest.skip("keras needs a backend: jax, torch or tensorflow")
    monkeypatch.setenv("KERAS_BACKEND", backends[0])
    keras = pytest.importorskip("keras", reason="keras is optional")
    import numpy
    from gramwatt.keras import GramwattCallback

    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(loss="mse")
    x = numpy.ones((8, 2))
    callback = GramwattCallback("fit", model="dense")
    model.fit(x, x[:, :1], epochs=2, verbose=0, validation_split=0.5, callbacks=[callback])
    model.predict(x, verbose=0, callbacks=[callback])
    assert [(w["name"], w["phase"], w["parent"]) for w in exporter.windows.values()] == [
        ("fit", "training", ""), ("epoch", "training", "w1"), ("epoch", "training", "w1"), ("fit", "inference", ""),
    ]  # fmt: skip
    assert {"loss", "val_loss"} <= set(exporter.windows["w1"]["values"])
    assert {w["state"] for w in exporter.windows.values()} == {"finished"}


def test_transformers_callback_follows_the_trainers_events(exporter: Any) -> None:
    pytest.importorskip("transformers", reason="transformers is optional")
    from gramwatt.transformers import GramwattCallback
    from transformers import TrainerControl, TrainerState
    from transformers.trainer_callback import CallbackHandler

    callback = GramwattCallback("finetune")
    handler = CallbackHandler([callback], None, None, None, None)
    state, control = TrainerState(), TrainerControl()
    handler.on_train_begin(None, state, control)
    for _ in range(2):
        handler.on_epoch_begin(None, state, control)
        handler.on_log(None, state, control, {"loss": 0.5, "note": "text"})
        handler.on_epoch_end(None, state, control)
    handler.on_train_end(None, state, control)
    assert exporter.names() == ["finetune", "epoch", "epoch"]
    assert exporter.windows["w1"]["values"] == {"loss": 0.5}
    assert known(known(callback.result).joules) > 0


def test_shared_fit_windows_survive_missing_and_repeated_events(exporter: Any) -> None:
    from gramwatt.training import FitWindows

    windows = FitWindows("fit", epochs=True, options={})
    windows.end_epoch({"loss": 1})
    windows.begin_epoch()
    assert exporter.windows == {}
    windows.begin()
    windows.begin_epoch()
    windows.begin_epoch()
    windows.begin()
    windows.end()
    windows.end()
    assert exporter.names() == ["fit", "epoch", "epoch", "fit"]
    assert {w["state"] for w in exporter.windows.values()} == {"finished"}
    with pytest.raises(ValueError, match=r"^name: "):
        FitWindows("", epochs=True, options={})
    assert gramwatt.PHASES == ("training", "inference")
