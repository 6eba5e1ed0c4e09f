"""Trains models that draw digits. Training and drawing are windows apart, so that each has its own energy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from gramwatt.wording import quantity

from . import backends, digits, pictures, runs, tensors, words
from .backends import Backend, Floats, Generator, Integers
from .digits import Digits
from .errors import Unusable
from .measured import Recorder, rows, summed
from .runs import Summary
from .session import Session, Settings, limited

KINDS = ("pca", "pixel", "cvae-mlp", "cvae-cnn")
TASK = "image-generation"
_AT_ONCE = {"pca", "pixel"}  # computed in one pass
_SHOWN = 3  # images of each digit in samples.png
_NEIGHBOURS = 5
_JUDGED = 1000  # images at most that are compared with the training images


def generate(
    kinds: Sequence[str] = ("pca", "pixel"),
    settings: Settings | None = None,
    session: Session | None = None,
    images: int = 1000,
    data: str = "optdigits",
    backend: str = "auto",
    device: str = "auto",
) -> list[Summary]:
    """The summaries of the kinds, in their order; each draws ``images`` digits. Raises Unusable beforehand."""
    settings, session = settings or Settings(), session or Session()
    hard = next((kind for kind in kinds if kind not in _AT_ONCE), "")
    if not hard and device not in ("auto", "cpu"):
        raise Unusable(f"--device {device}: {' and '.join(kinds)} work on the CPU only")
    chosen = backends.choose(backend, device, hard, settings.threads)
    plain = backends.choose("numpy", "auto")
    with limited(settings.threads):
        known = digits.load(data, settings.seed)
        session.begin(known, chosen.software, chosen.device, chosen.hardware)
        return [
            _one(kind, known, plain if kind in _AT_ONCE else chosen, settings, images, session)
            for kind in dict.fromkeys(kinds)
        ]


def table(summaries: Sequence[Summary]) -> str:
    """A line a kind, the smallest first."""
    head = ("model", "parameters", "recognised", "train", "eval", "images", "generate", "per image", "CO2")
    lines = []
    for one in sorted(summaries, key=lambda one: int(one["parameters"])):
        phases, each = one["phases"], one["per_unit_joules"]["generate"]
        lines.append(
            (
                one["model"], f"{one['parameters']:,}", f"{one['recognised']:.3f}", words.energy(phases["train"]),
                words.energy(phases["eval"]), f"{one['images']:,}", words.energy(phases["generate"]),
                "?" if each is None else quantity(each, "J"), words.emissions(phases["generate"]),
            )
        )  # fmt: skip
    return words.table(head, lines)


def _one(
    kind: str, known: Digits, backend: Backend, settings: Settings, images: int, session: Session
) -> Summary:
    epochs = 1 if kind in _AT_ONCE else settings.epochs
    config = {
        "model": kind, "data": known.name, "data_sha256": known.sha256, "backend": backend.name,
        "software": backend.software, "device": backend.device, "hardware": backend.hardware, "epochs": epochs,
        "seed": settings.seed, "batch": settings.batch, "learning_rate": settings.learning_rate,
        "threads": settings.threads, "images": images,
    }  # fmt: skip
    key = runs.key("generate", config)
    kept = session.find(key, kind)
    if kept is not None:
        return kept
    model = backend.generator(kind, known.side, settings.seed, settings.batch, settings.learning_rate)
    recorder = Recorder(model=kind, task=TASK, dataset=known.name)
    _trained(model, kind, known, epochs, recorder, session)
    asked: Integers = np.arange(images) % 10
    # A window of its own, beside that of the training: what drawing costs is not part of what learning cost.
    with recorder.part("generate", epochs, images, name=f"generate {kind}"):
        drawn = model.draw(asked)
    phases = recorder.phases()
    used = phases["generate"]
    recognised = _recognised(drawn[:_JUDGED], asked[:_JUDGED], known)
    session.live.line(
        f"{kind:<10} {images:,} images drawn, {recognised:.0%} recognised as the digit asked for"
        f"  {words.spent(used)}  {words.power(used)}".rstrip()
    )
    each = None if used["joules"] is None or used["below_floor"] else used["joules"] / images
    summary = {
        "kind": "generate", **config, "parameters": model.parameters, "samples": len(known.train) * epochs,
        "loss": recorder.of(epochs)["eval"].values["loss"], "recognised": recognised, "phases": phases,
        "sources": recorder.sources, "per_unit_joules": {"generate": each},
    }  # fmt: skip
    files = {
        "model.safetensors": tensors.packed(model.tensors()),
        "samples.png": _picture(drawn, asked, known),
    }
    return session.keep(key, summary, recorder.measured, rows(recorder.parts), files)


def _trained(
    model: Generator, kind: str, known: Digits, epochs: int, recorder: Recorder, session: Session
) -> None:
    with recorder.all(f"explore {kind}", "training") as whole:
        for epoch in range(epochs + 1):
            if epoch:
                session.live.now(f"{kind}  epoch {epoch}/{epochs}  training")
                with recorder.part("train", epoch, len(known.train)) as part:
                    part.values["loss"] = model.train_epoch(known.train, known.train_labels)
            with recorder.part("eval", epoch, len(known.test)) as part:
                part.values["loss"] = model.evaluate(known.test, known.test_labels)
            session.live.line(_line(kind, epoch, epochs, recorder))
        whole.record(samples=len(known.train) * epochs, parameters=model.parameters)


def _line(kind: str, epoch: int, epochs: int, recorder: Recorder) -> str:
    """An epoch in less than 100 columns."""
    used = {phase: summed([part.result]) for phase, part in recorder.of(epoch).items()}
    loss = recorder.of(epoch)["eval"].values["loss"]
    spent = f"train {words.spent(used['train']):<12}" if epoch else f"{'untrained':<18}"
    count = f"{epoch}/{epochs}"
    return (
        f"{kind:<10} epoch {count:<7} loss {loss:<9.4f}  {spent} eval {words.spent(used['eval']):<12}"
        f" {words.power(used.get('train', used['eval']))}"
    ).rstrip()


def _recognised(drawn: Floats, asked: Integers, known: Digits) -> float:
    """The share of images whose nearest training images mostly show the digit asked for. No window has this work."""
    squares = (known.train**2).sum(1)
    right = 0
    for begin in range(0, len(drawn), 100):
        part = drawn[begin : begin + 100]
        distances = squares - 2 * part @ known.train.T
        near = np.argpartition(distances, _NEIGHBOURS, 1)[:, :_NEIGHBOURS]
        votes = known.train_labels[near]
        said = [np.bincount(one, minlength=10).argmax() for one in votes]
        right += int((np.array(said) == asked[begin : begin + 100]).sum())
    return right / len(drawn)


def _picture(drawn: Floats, asked: Integers, known: Digits) -> bytes:
    """A column for each digit."""
    count = min(len(drawn), 10 * _SHOWN)
    shown = [(drawn[place], str(asked[place])) for place in range(count)]
    return pictures.grid(shown, known.side)
