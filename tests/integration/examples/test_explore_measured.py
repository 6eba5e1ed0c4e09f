"""The exploration under a real exporter: windows by epoch and phase, kept runs, pictures, plots, notebooks."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from running import Exporter

pytest.importorskip("sklearn", reason="the example needs scikit-learn: group demo")
pytestmark = pytest.mark.slow
Explored = Callable[..., "subprocess.CompletedProcess[str]"]
ROOT = Path(__file__).parents[3]
MODELS = ("mlp:16", "mlp:64", "mlp:256")
PNG = b"\x89PNG\r\n\x1a\n"


def summaries(kept: Path, kind: str) -> dict[str, dict[str, Any]]:
    read = [json.loads(file.read_text()) for file in kept.glob("*/summary.json")]
    return {one["model"]: one for one in read if one["kind"] == kind}


def windows(exporter: Exporter) -> list[dict[str, Any]]:
    status, answer = exporter.call("GET", "/v1/windows")
    assert status == 200
    found: list[dict[str, Any]] = answer["windows"]
    return found


@pytest.fixture(scope="module")
def classified(explored: Explored) -> str:
    """What the command printed that trained the models of the notebook."""
    done = explored("classify", "--models", *MODELS, "--epochs", "5")
    assert done.stderr == ""
    return str(done.stdout)


@pytest.fixture(scope="module")
def generated(explored: Explored) -> str:
    """What the command printed that drew the digits of the notebook."""
    return str(explored("generate", "--kind", "pixel", "pca").stdout)


def test_each_epoch_and_phase_is_a_window_inside_the_run(
    classified: str, exporter: Exporter, kept: Path
) -> None:
    model = summaries(kept, "classify")["mlp:16"]
    found = {one["window"]: one for one in windows(exporter)}
    whole = found[model["phases"]["whole"]["windows"][0]]
    assert (whole["name"], whole["model"], whole["phase"]) == ("explore mlp:16", "mlp:16", "training")
    parts = {one["name"]: one for one in found.values() if one["parent"] == whole["window"]}
    names = {f"{phase} epoch {epoch}" for phase in ("train", "eval") for epoch in range(6)} - {
        "train epoch 0"
    }
    assert set(parts) == names  # the untrained model is tested, and not trained
    assert {parts[name]["phase"] for name in names if name.startswith("eval")} == {"inference"}
    assert parts["eval epoch 5"]["values"]["accuracy"] == model["accuracy"]
    for phase in ("train", "eval"):
        joules = sum(one["energy_joules"] for name, one in parts.items() if name.startswith(phase))
        assert model["phases"][phase]["joules"] == pytest.approx(joules, abs=1e-9)
    assert sum(model["phases"][phase]["joules"] for phase in ("train", "eval")) <= whole["energy_joules"]


def test_a_kept_run_has_numbers_model_and_pictures(classified: str, kept: Path) -> None:
    model = summaries(kept, "classify")["mlp:64"]
    folder = kept / model["key"]
    whole = model["phases"]["whole"]
    assert model["accuracy"] > 0.8
    assert model["parameters"] == 64 * 64 + 64 + 64 * 10 + 10
    assert whole["joules"] > 0
    assert whole["grams"] > 0
    assert sum(whole["components"].values()) == pytest.approx(whole["joules"])
    assert sum(whole["component_grams"].values()) == pytest.approx(whole["grams"])
    assert {"seconds", "floor_joules", "uncertainty"} <= set(whole)
    assert {"device", "hardware", "software", "seed", "epochs", "data_sha256", "sources"} <= set(model)
    rows = list(csv.DictReader((folder / "epochs.csv").open()))
    assert [(int(row["epoch"]), row["phase"]) for row in rows[:3]] == [(0, "eval"), (1, "train"), (1, "eval")]
    assert len(rows) == 11
    assert {"cpu_joules", "cpu_grams", "watts", "grams", "below_floor", "window"} <= set(rows[0])
    for name in ("examples.png", "wrong.png"):
        assert (folder / name).read_bytes().startswith(PNG)
    assert (folder / "model.safetensors").stat().st_size > 4 * model["parameters"]


def test_a_kept_run_opens_no_window_and_says_that_it_is_one(
    classified: str, explored: Explored, exporter: Exporter, kept: Path
) -> None:
    before = len(windows(exporter))
    done = explored("classify", "--models", *MODELS, "--epochs", "5")
    assert len(windows(exporter)) == before
    assert done.stdout.count("energy NOT spent again") == len(MODELS)
    date = summaries(kept, "classify")["mlp:16"]["when"][:16]
    assert f"mlp:16           cached run of {date}" in done.stdout
    assert done.stdout.split("\n\n")[1] == classified.split("\n\n")[1]  # the same table
    again = explored("classify", "--models", "mlp:16", "--epochs", "5", "--again")
    assert "cached" not in again.stdout
    assert len(windows(exporter)) > before


def test_every_line_fits_into_100_columns(classified: str, generated: str) -> None:
    for line in (classified + generated).splitlines():
        assert len(line) <= 100 or line.startswith(("/", "kept in")), line


def test_drawing_has_a_window_beside_that_of_learning(generated: str, exporter: Exporter, kept: Path) -> None:
    pca = summaries(kept, "generate")["pca"]
    found = {one["window"]: one for one in windows(exporter)}
    learned, drawn = (found[pca["phases"][phase]["windows"][0]] for phase in ("whole", "generate"))
    assert (learned["name"], learned["phase"]) == ("explore pca", "training")
    assert (drawn["name"], drawn["phase"], drawn["parent"]) == ("generate pca", "inference", "")
    assert drawn["values"]["samples"] == 1000
    assert drawn["start"] >= learned["end"]
    assert pca["recognised"] > summaries(kept, "generate")["pixel"]["recognised"]
    assert (kept / pca["key"] / "samples.png").read_bytes().startswith(PNG)


@pytest.mark.parametrize("ending", ["svg", "png", "html"])
def test_any_quantity_is_drawn_against_any_other(
    classified: str, generated: str, explored: Explored, tmp_path: Path, ending: str
) -> None:
    output = tmp_path / f"plot.{ending}"
    done = explored(
        "plot", "--x", "parameters", "--y", "joules", "--log", "--kind", "classify", "--output", str(output)
    )
    assert [line.split()[0] for line in done.stdout.splitlines()[1:4]] == list(MODELS)
    data = output.read_bytes()
    if ending == "png":
        assert data.startswith(PNG)
        return
    text = data.decode()
    assert all(f">{model}<" in text for model in MODELS)
    assert "<script" not in text
    assert text.startswith("<svg" if ending == "svg" else "<!doctype html>")


def test_a_plot_of_what_no_run_has_names_what_they_have(classified: str, explored: Explored) -> None:
    said = explored("plot", "--x", "happiness", status=2).stderr
    assert (
        "--x 'happiness' is no quantity of the kept runs; allowed are accuracy, cpu_grams, cpu_joules" in said
    )
    wrong = explored("plot", "--output", "plot.gif", status=2).stderr
    assert "--output plot.gif: its name must end in .svg, .png, .html" in wrong


def test_small_loops_are_below_the_floor_and_large_ones_above(explored: Explored, kept: Path) -> None:
    done = explored("floor", "--most", "1e7", "--repeats", "1")
    loop = summaries(kept, "floor")["loop"]
    below = [point["below_floor"] for point in loop["points"]]
    assert below[:3] == [True, True, True]
    assert sorted(below, reverse=True) == below  # from the knee on everything is seen
    assert "         100 rounds" in done.stdout
    assert "  < " in done.stdout
    if not below[-1]:
        assert 1e3 < loop["knee_rounds"] < 1e7
        assert "the knee: about" in (kept / loop["key"] / "floor.svg").read_text()


NOTEBOOK = """
import io, json, os, sys
from contextlib import redirect_stdout
book = json.load(open(sys.argv[1]))
os.chdir(os.path.dirname(sys.argv[1]))
said, space = io.StringIO(), {"__name__": "__main__"}
with redirect_stdout(said):
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), cell["id"], "exec"), space)
print(json.dumps({"said": said.getvalue(), "summaries": space["summaries"]}))
"""


@pytest.mark.parametrize("name", ["classify", "generate"])
def test_a_notebook_has_the_figures_of_the_command(
    name: str, request: pytest.FixtureRequest, environ: dict[str, str], kept: Path
) -> None:
    pytest.importorskip("IPython", reason="the notebooks show pictures by IPython")
    printed = request.getfixturevalue("classified" if name == "classify" else "generated")
    book = ROOT / f"examples/explore/{name}.ipynb"
    assert all(not cell.get("outputs") for cell in json.loads(book.read_text())["cells"])
    done = subprocess.run(
        [sys.executable, "-c", NOTEBOOK, str(book)],
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    commands = summaries(kept, name)
    assert shown["summaries"] == [commands[one["model"]] for one in shown["summaries"]]
    assert shown["said"].count("energy NOT spent again") >= len(shown["summaries"])
    if name == "generate":
        assert printed.split("\n\n")[1].split("\n\n")[0] in shown["said"]
