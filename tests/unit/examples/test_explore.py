"""The parts of the exploration: names of models, sums of windows, kept runs, model files, the Pareto front."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import gramwatt
import numpy as np
import pytest
from gramwatt_labeler.model_files import safetensors

from examples.explore import (
    charts,
    classify,
    generate,
    measured,
    models,
    pictures,
    plot,
    runs,
    tensors,
    words,
)
from examples.explore.backends.perceptron import Perceptron
from examples.explore.backends.simple_generators import PixelGenerator, PrincipalComponents
from examples.explore.errors import Unusable


def result(joules: float | None, floor: float | None = 0.1, **more: Any) -> gramwatt.Result:
    below = joules is not None and floor is not None and joules < floor
    return gramwatt.Result("x", "training", joules=joules, floor_joules=floor, below_floor=below, **more)


@pytest.mark.parametrize(
    ("written", "kind", "widths"),
    [("mlp:64", "mlp", (64,)), ("mlp:256,128", "mlp", (256, 128)), ("cnn:16,32", "cnn", (16, 32))],
)
def test_a_models_name_is_its_layers(written: str, kind: str, widths: tuple[int, ...]) -> None:
    spec = models.read(written)
    assert (spec.kind, spec.widths, str(spec)) == (kind, widths, written)


@pytest.mark.parametrize(
    "written", ["mlp:0", "mlp:", "mlp:64;rm", "rnn:8", "mlp:9999", "mlp:1,2,3,4,5,6", ""]
)
def test_what_is_no_model_is_named_with_what_is_one(written: str) -> None:
    with pytest.raises(Unusable, match=r"--models .* such as mlp:64 or mlp:256,128, or cnn:"):
        models.read(written)


def test_a_convolution_too_many_is_refused_with_how_many_fit() -> None:
    models.read("cnn:4,4,4").fits(8)
    with pytest.raises(Unusable, match="at most 3"):
        models.read("cnn:4,4,4,4").fits(8)


def test_windows_that_follow_each_other_add_up() -> None:
    one = result(
        3.0,
        seconds=1.0,
        grams=0.5,
        components={"cpu": 2.0, "gpu": 1.0},
        component_grams={"gpu": 0.2},
        uncertainty=0.1,
        window="a",
    )
    two = result(1.0, seconds=1.0, grams=0.5, components={"cpu": 1.0}, uncertainty=0.5, window="b")
    both = measured.summed([one, two])
    assert (both["joules"], both["watts"], both["grams"]) == (4.0, 2.0, 1.0)
    assert both["components"] == {"cpu": 3.0, "gpu": 1.0}
    assert both["component_grams"] == {"gpu": 0.2}
    assert both["uncertainty"] == pytest.approx(0.2)  # weighted by energy
    assert both["windows"] == ["a", "b"]
    assert both["floor_joules"] == pytest.approx(0.2)
    assert not both["below_floor"]


def test_of_what_one_window_lacks_there_is_no_sum() -> None:
    both = measured.summed([result(3.0, seconds=1.0), result(None, None, seconds=1.0)])
    assert (both["joules"], both["watts"], both["floor_joules"]) == (None, None, None)
    assert both["seconds"] == 2.0
    assert words.energy(both) == "not measured"
    assert words.spent(both) == "2.00 s"


def test_a_phase_below_the_floor_used_no_more_than_all_of_the_run() -> None:
    recorder = measured.Recorder("m", "t")
    for epoch in range(4):
        recorder.parts.append(measured.Part("eval", epoch, 1, result=result(0.01)))
    recorder.whole = result(0.25)
    phases = recorder.phases()
    assert phases["eval"]["below_floor"]
    assert words.energy(phases["eval"]) == "< 250 mJ"  # and not four times the floor
    assert words.energy(phases["whole"]) == "250 mJ"


@pytest.mark.parametrize(("joules", "seconds"), [(0.0728, 0.266), (728e3, 2.66), (0.01, 0.1), (None, 3599.0)])
def test_the_widest_line_of_an_epoch_fits_into_100_columns(joules: float | None, seconds: float) -> None:
    recorder = measured.Recorder("mlp:256,128", "image-classification")
    for phase in ("train", "eval"):
        values = {"loss": 123.4567, "accuracy": 0.4022}
        used = result(joules, 0.0645, seconds=seconds)
        recorder.parts.append(measured.Part(phase, 10, 1, values, used))
    for line in (
        classify._line("mlp:256,128,64,32", 10, 100, recorder),
        generate._line("cvae-mlp", 10, 100, recorder),
    ):
        assert len(line) <= words.COLUMNS, line


def test_a_table_is_aligned() -> None:
    lines = words.table(("model", "energy"), [("mlp:16", "9 J"), ("a long one", "< 10.5 mJ")]).splitlines()
    assert len({len(line) for line in lines}) == 1


def test_a_model_file_is_read_by_others_and_back() -> None:
    model = Perceptron((64, 8, 10), 1, 64, 1e-3)
    data = tensors.packed(model.tensors())
    facts = safetensors.read(io.BytesIO(data), len(data))
    assert (facts.parameters, facts.file_bytes, facts.library) == (model.parameters, len(data), "NumPy")
    assert model.parameters == 64 * 8 + 8 + 8 * 10 + 10
    back = tensors.unpacked(data)
    assert all(np.array_equal(back[name], one) for name, one in model.tensors().items())


def test_a_perceptron_learns_and_its_seed_decides() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, 400)
    images = (np.eye(10)[labels] + 0.1 * random.standard_normal((400, 10))).astype(np.float32)
    first, second = (Perceptron((10, 16, 10), 7, 20, 1e-2) for _ in range(2))
    untrained, _ = first.evaluate(images, labels)
    losses = [first.train_epoch(images, labels) for _ in range(10)]
    loss, said = first.evaluate(images, labels)
    assert loss < losses[0] < untrained * 1.1
    assert (said == labels).mean() > 0.95
    assert [second.train_epoch(images, labels) for _ in range(10)] == losses


@pytest.mark.parametrize("kind", [PixelGenerator, PrincipalComponents])
def test_a_generator_draws_what_it_was_asked_for(kind: type[PixelGenerator | PrincipalComponents]) -> None:
    random = np.random.default_rng(0)
    labels = np.arange(500) % 10
    shapes = random.random((10, 36), np.float32)
    images = np.clip(shapes[labels] + 0.05 * random.standard_normal((500, 36)), 0, 1).astype(np.float32)
    model = kind(1)
    untrained = model.evaluate(images, labels)
    trained = model.train_epoch(images, labels)
    assert trained < untrained / 10
    drawn = model.draw(labels[:100])
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    nearest = ((drawn[:, None] - shapes[None]) ** 2).sum(2).argmin(1)
    assert (nearest == labels[:100]).all()
    assert model.parameters == sum(one.size for one in model.tensors().values())


def test_a_png_has_the_pixels() -> None:
    values = np.array([[0, 255, 7], [9, 8, 1]], np.uint8)
    data = pictures.png(values)
    assert struct.unpack(">II", data[16:24]) == (3, 2)
    begin = data.index(b"IDAT") + 4
    assert zlib.decompress(data[begin : data.index(b"IEND") - 8]) == b"\0\x00\xff\x07\0\x09\x08\x01"


def test_a_packed_png_is_smaller_and_the_same() -> None:
    values = np.zeros((64, 64), np.uint8)
    loose = pictures.png(values)
    begin = loose.index(b"IDAT") - 4
    stored = zlib.compress(zlib.decompress(loose[begin + 8 : loose.index(b"IEND") - 8]), 0)
    half = len(stored) // 2
    pieces = b"".join(
        struct.pack(">I", len(part)) + b"IDAT" + part + struct.pack(">I", zlib.crc32(b"IDAT" + part))
        for part in (stored[:half], stored[half:])
    )
    large = loose[:begin] + pieces + loose[loose.index(b"IEND") - 4 :]
    assert pictures.packed(large) == loose
    assert len(large) > 10 * len(loose)


def summary(model: str, **more: Any) -> dict[str, Any]:
    whole = {"joules": more.pop("joules", 1.0), "floor_joules": 0.5, "below_floor": False, "seconds": 2.0}
    return {
        "kind": "classify", "key": model, "model": model, "device": "cpu", "backend": "numpy", "data": "optdigits",
        "parameters": 10, "accuracy": 0.9, "epochs": 5, "seed": 1, "when": "2026-11-28 10:00:00",
        "phases": {"whole": whole}, **more,
    }  # fmt: skip


def test_a_run_is_kept_whole_and_read_again(tmp_path: Path) -> None:
    kept = runs.Runs(tmp_path / "runs")
    kept.check()
    assert not kept.at.exists()
    kept.keep("a", summary("mlp:8"), [{"epoch": 0, "joules": None}], {"x.png": b"1"})
    assert kept.find("a") == summary("mlp:8")
    assert (kept.path("a") / "epochs.csv").read_text() == "epoch,joules\n0,\n"
    assert sorted(one.name for one in kept.at.iterdir()) == ["a"]
    kept.keep("a", summary("mlp:8", accuracy=0.5))
    assert [one["accuracy"] for one in kept.all()] == [0.5]
    assert not (kept.path("a") / "x.png").exists()


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"phases": {}}', json.dumps({**summary("m"), "kind": "x"}), json.dumps(summary("m"))[:-3]],
)
def test_a_broken_summary_is_no_kept_run(tmp_path: Path, text: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/summary.json").write_text(text)
    assert runs.Runs(tmp_path).find("a") is None
    assert runs.Runs(tmp_path).all() == []


def test_a_folder_that_cannot_be_written_is_said_before_anything_trains(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unusable, match=r"--runs .*/file/runs: cannot be written \(Not a directory\)"):
        runs.Runs(tmp_path / "file/runs").check()


def test_other_work_is_another_run() -> None:
    keys = [
        runs.key("classify", {"epochs": 2}),
        runs.key("classify", {"epochs": 3}),
        runs.key("floor", {"epochs": 2}),
    ]
    assert len(set(keys)) == 3
    assert keys[0] == runs.key("classify", {"epochs": 2})


POINTS = [
    {"name": n, "x": x, "y": y} for n, x, y in [("a", 1, 0.5), ("b", 2, 0.9), ("c", 3, 0.8), ("d", 2, 0.7)]
]


@pytest.mark.parametrize(
    ("more_x", "more_y", "best"),
    [
        (False, True, ["a", "b"]),
        (True, True, ["b", "c"]),
        (False, False, ["a"]),
        (True, False, ["a", "d", "c"]),
    ],
)
def test_no_other_beats_a_point_of_the_front_in_both(more_x: bool, more_y: bool, best: list[str]) -> None:
    assert [one["name"] for one in plot.front(POINTS, more_x, more_y)] == best


def test_a_plot_names_what_is_allowed() -> None:
    kept = [summary("mlp:8"), summary("mlp:16", joules=2.0)]
    with pytest.raises(Unusable, match=r"--y 'no' is no quantity .* allowed are accuracy, epochs, joules"):
        plot.plot(kept, "joules", "no")
    with pytest.raises(Unusable, match="no run is kept"):
        plot.plot([], "joules", "accuracy")
    with pytest.raises(Unusable, match="--log: joules has values of 0"):
        plot.plot([summary("m", joules=0.0)], "joules", "accuracy", "x")


def test_a_plot_tells_runs_of_one_model_apart_and_draws_the_floor_as_less() -> None:
    below = summary("mlp:8", epochs=1, joules=0.1)
    below["phases"]["whole"]["below_floor"] = True
    _, points = plot.plot([below, summary("mlp:8"), summary("mlp:9", joules=3.0)], "joules", "accuracy")
    assert [one["name"] for one in points] == ["mlp:8, 1 epoch", "mlp:8, 5 epochs", "mlp:9"]
    assert "< 0.5" in plot.table(points, ("joules", "accuracy"))


def test_of_a_floor_everything_is_drawn() -> None:
    point = {"floor_joules": 0.04, "seconds": 1.0}
    spec = charts.floor_curve(
        {
            "points": [
                {"rounds": 100, "joules": 0.0, "below_floor": True, **point},
                {"rounds": 1000, "joules": 4.0, "below_floor": False, **point},
            ],
            "joules_per_round": 0.004, "floor_joules": 0.04, "knee_rounds": 10.0, "most": 1000, "hardware": "a CPU",
            "repeats": 3,
        }
    )  # fmt: skip
    text = json.dumps(spec)
    assert "the knee: about 10 rounds" in text
    assert "floor 40.0 mJ" in text
    assert '"below the floor"' in text
