"""Trains models that say which digit an image shows, each measured by epoch and phase.

Epoch 0 is a test of the untrained model; each further epoch is a window of training and one of testing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import backends, digits, models, pictures, runs, tensors, words
from .backends import Backend, Classifier, Integers
from .digits import Digits
from .measured import Recorder, rows, summed
from .models import Spec
from .runs import Summary
from .session import Session, Settings, limited

MODELS = ("mlp:16", "mlp:64", "mlp:256", "mlp:256,128", "mlp:512,256")
TASK = "image-classification"
_SHOWN = 30  # images of a picture


def classify(
    wanted: Sequence[str] = MODELS,
    settings: Settings | None = None,
    session: Session | None = None,
    data: str = "optdigits",
    backend: str = "auto",
    device: str = "auto",
) -> list[Summary]:
    """The summaries of the models, in their order. Raises Unusable before anything is trained."""
    settings, session = settings or Settings(), session or Session()
    specs = [models.read(text) for text in dict.fromkeys(wanted)]
    hard = next((str(spec) for spec in specs if spec.needs_torch), "")
    chosen = backends.choose(backend, device, hard, settings.threads)
    with limited(settings.threads):
        images = digits.load(data, settings.seed)
        for spec in specs:
            spec.fits(images.side)
        session.begin(images, chosen.software, chosen.device, chosen.hardware)
        return [_one(spec, images, chosen, settings, session) for spec in specs]


def table(summaries: Sequence[Summary]) -> str:
    """A line a model, the smallest first."""
    head = ("model", "parameters", "accuracy", "time", "train", "eval", "energy", "power", "CO2")
    lines = []
    for one in sorted(summaries, key=lambda one: int(one["parameters"])):
        phases = one["phases"]
        whole = phases["whole"]
        lines.append(
            (
                words.short(one["model"], 18), f"{one['parameters']:,}", f"{one['accuracy']:.4f}", words.time(whole),
                words.energy(phases["train"]), words.energy(phases["eval"]), words.energy(whole), words.power(whole),
                words.emissions(whole),
            )
        )  # fmt: skip
    return words.table(head, lines)


def _one(spec: Spec, images: Digits, backend: Backend, settings: Settings, session: Session) -> Summary:
    config = {
        "model": str(spec), "data": images.name, "data_sha256": images.sha256, "backend": backend.name,
        "software": backend.software, "device": backend.device, "hardware": backend.hardware,
        "epochs": settings.epochs, "seed": settings.seed, "batch": settings.batch,
        "learning_rate": settings.learning_rate, "threads": settings.threads,
    }  # fmt: skip
    key = runs.key("classify", config)
    kept = session.find(key, str(spec))
    if kept is not None:
        return kept
    model = backend.classifier(spec, images.side, settings.seed, settings.batch, settings.learning_rate)
    recorder = Recorder(model=str(spec), task=TASK, dataset=images.name)
    said = _trained(model, str(spec), images, settings.epochs, recorder, session)
    last = recorder.of(settings.epochs)["eval"].values
    phases = recorder.phases()
    summary = {
        "kind": "classify", **config, "parameters": model.parameters, "samples": len(images.train) * settings.epochs,
        "accuracy": last["accuracy"], "loss": last["loss"], "phases": phases, "sources": recorder.sources,
        "per_unit_joules": _per_image(phases, images, settings.epochs),
    }  # fmt: skip
    files = {"model.safetensors": tensors.packed(model.tensors()), **_pictures(images, said)}
    return session.keep(key, summary, recorder.measured, rows(recorder.parts), files)


def _trained(
    model: Classifier, name: str, images: Digits, epochs: int, recorder: Recorder, session: Session
) -> Integers:
    """What the trained model takes the test images for."""
    said: Integers = np.zeros(0, np.int64)
    with recorder.all(f"explore {name}", "training") as whole:
        for epoch in range(epochs + 1):
            if epoch:
                session.live.now(f"{name}  epoch {epoch}/{epochs}  training")
                with recorder.part("train", epoch, len(images.train)) as part:
                    part.values["loss"] = model.train_epoch(images.train, images.train_labels)
            with recorder.part("eval", epoch, len(images.test)) as part:
                loss, said = model.evaluate(images.test, images.test_labels)
                part.values |= {"loss": loss, "accuracy": float((said == images.test_labels).mean())}
            session.live.line(_line(name, epoch, epochs, recorder))
        whole.record(
            samples=len(images.train) * epochs, parameters=model.parameters, accuracy=part.values["accuracy"]
        )
    return said


def _line(name: str, epoch: int, epochs: int, recorder: Recorder) -> str:
    """An epoch in less than 100 columns."""
    parts = recorder.of(epoch)
    values = parts["eval"].values
    used = {phase: summed([part.result]) for phase, part in parts.items()}
    spent = f"train {words.spent(used['train']):<9}" if epoch else f"{'untrained':<15}"
    count = f"{epoch}/{epochs}"
    return (
        f"{words.short(name, 16):<16} epoch {count:<6} loss {values['loss']:<7.4f} accuracy {values['accuracy']:.4f}"
        f"  {spent} eval {words.spent(used['eval']):<9} {words.power(used.get('train', used['eval']))}"
    ).rstrip()


def _per_image(phases: dict[str, Any], images: Digits, epochs: int) -> dict[str, float | None]:
    """Joules per image of each phase; None for what the sensors cannot resolve."""
    counts = {"train": len(images.train) * epochs, "eval": len(images.test) * (epochs + 1)}
    return {
        phase: None
        if phases[phase]["joules"] is None or phases[phase]["below_floor"]
        else phases[phase]["joules"] / count
        for phase, count in counts.items()
    }


def _pictures(images: Digits, said: Integers) -> dict[str, bytes]:
    """Examples with the digit that each is, and wrong predictions as ``3 as 8``."""
    examples = [
        (image, str(label))
        for image, label in zip(images.test[:_SHOWN], images.test_labels[:_SHOWN], strict=True)
    ]
    wrong = np.flatnonzero(said != images.test_labels)[:_SHOWN]
    mistaken = [(images.test[at], f"{images.test_labels[at]} as {said[at]}") for at in wrong]
    return {
        "examples.png": pictures.grid(examples, images.side),
        "wrong.png": pictures.grid(mistaken, images.side),
    }
