"""Trains several small models on handwritten digits and says what each used, by epoch and by phase.

    make explore                                                    # or, with the stack running:
    python examples/digits/explore.py --models mlp:16 mlp:64 mlp:256,128 --epochs 5

Each model is a recorded window; each epoch's training and test are windows inside it. A model that was trained before,
by the same code with the same settings, is read from the folder of runs: its energy is not spent again, and no window
is opened. The chart of any quantity against any other is at http://127.0.0.1:10045/explore.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gramwatt
import numpy as np
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits
from train import load, nudged

MODELS = ("mlp:16", "mlp:64", "mlp:256", "mlp:256,128", "mlp:512,256")
FACTS = {"task": "image-classification", "dataset": "optdigits"}
_MODEL = re.compile(r"mlp:(\d{1,4}(?:,\d{1,4}){0,4})")


def sizes(model: str) -> tuple[int, ...]:
    """The widths of the hidden layers: ``mlp:256,128`` -> (256, 128). Raises ValueError."""
    found = _MODEL.fullmatch(model)
    widths = tuple(int(one) for one in found[1].split(",")) if found else ()
    if not widths or 0 in widths:
        raise ValueError(
            f"model {model!r}: write mlp: and the widths of its layers, such as mlp:64 or mlp:256,128"
        )
    return widths


def key(model: str, epochs: int, seed: int) -> str:
    """The same for the same work: settings and code."""
    code = [Path(__file__).with_name(name).read_bytes() for name in ("explore.py", "train.py")]
    settings = json.dumps([model, epochs, seed, FACTS]).encode()
    return hashlib.sha256(b"\0".join([settings, *code])).hexdigest()[:24]


def explore(model: str, epochs: int, seed: int, runs: Path) -> dict[str, Any]:
    """The summary of one model: joules and grams (None where not measured), seconds, accuracy, parameters, epochs."""
    file = runs / key(model, epochs, seed) / "summary.json"
    if file.exists():
        summary: dict[str, Any] = json.loads(file.read_text())
        print(f"{model}: kept run of {summary['when']}; its energy is not spent again")
        return summary
    summary = _trained(model, epochs, seed)
    if summary["joules"] is None:
        return summary  # measured another time, it is worth keeping
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(summary, indent=2) + "\n")
    return summary


def _trained(model: str, epochs: int, seed: int) -> dict[str, Any]:
    images, test_images, labels, test_labels = load(seed)
    images, labels = nudged(images), np.tile(labels, 5)
    network = MLPClassifier(hidden_layer_sizes=sizes(model), batch_size=64, random_state=seed)
    order = np.random.default_rng(seed)
    steps = []
    accuracy = 0.0
    with gramwatt.window(f"explore {model}", phase="training", model=model, **FACTS) as whole:
        for epoch in range(1, epochs + 1):
            shuffled = order.permutation(len(images))
            with gramwatt.window(f"train epoch {epoch}", phase="training", model=model, **FACTS) as training:
                network.partial_fit(images[shuffled], labels[shuffled], classes=np.arange(10))
                training.record(samples=len(images))
            with gramwatt.window(f"test epoch {epoch}", phase="inference", model=model, **FACTS) as testing:
                accuracy = float(network.score(test_images, test_labels))
                testing.record(samples=len(test_images), accuracy=accuracy)
            parts = {"train": _joules(training), "test": _joules(testing)}
            steps.append(
                {"epoch": epoch, "loss": float(network.loss_), "accuracy": accuracy, "joules": parts}
            )
            said = f"train {_said(training)}, test {_said(testing)}"
            print(
                f"{model}  epoch {epoch}/{epochs}  loss {network.loss_:.4f}  accuracy {accuracy:.4f}  {said}",
                flush=True,
            )
        parameters = sum(one.size for one in (*network.coefs_, *network.intercepts_))
        whole.record(samples=len(images) * epochs, accuracy=accuracy, parameters=parameters)
    result = whole.result
    return {
        "model": model, "parameters": parameters, "accuracy": accuracy, "seconds": result.seconds if result else None,
        "joules": _joules(whole), "grams": result.grams if result else None,
        "components": dict(result.components) if result else {}, "sources": dict(result.sources) if result else {},
        "window": result.window if result else None, "seed": seed, "epochs": steps,
        "when": time.strftime("%Y-%m-%d %H:%M"),
    }  # fmt: skip


def _joules(window: gramwatt.Window) -> float | None:
    return window.result.joules if window.result else None


def _said(window: gramwatt.Window) -> str:
    """Energy that the sensors cannot resolve is said as less than the least that they can."""
    result = window.result
    return (
        f"less than {_written(result.floor_joules)}"
        if result and result.below_floor
        else _written(_joules(window))
    )


def _written(joules: float | None) -> str:
    return "not measured" if joules is None else f"{joules:.3g} J"


def table(summaries: Sequence[dict[str, Any]]) -> str:
    """A line a model, the smallest first."""
    lines = [f"{'model':<16}{'parameters':>12}{'accuracy':>10}{'energy':>14}{'CO2':>12}"]
    for one in sorted(summaries, key=lambda one: int(one["parameters"])):
        grams = "not known" if one["grams"] is None else f"{1e6 * one['grams']:.3g} µg"
        lines.append(
            f"{one['model']:<16}{one['parameters']:>12,}{one['accuracy']:>10.4f}{_written(one['joules']):>14}{grams:>12}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line. 2 for a model that is none."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--models", nargs="+", default=MODELS, metavar="mlp:N[,N]", help="default: %(default)s"
    )
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=Path, default=Path("var/explore"), help="folder of runs that are kept")
    options = parser.parse_args(arguments)
    try:
        for model in options.models:
            sizes(model)
    except ValueError as error:
        parser.error(str(error))
    with threadpool_limits(limits=1):  # see train.py
        summaries = [explore(one, options.epochs, options.seed, options.runs) for one in options.models]
    print("\n" + table(summaries))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
