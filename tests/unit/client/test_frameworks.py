"""Callbacks of training frameworks: on stand-ins that call them as the frameworks do, and on the frameworks themselves.

The stand-ins (tests/fixtures/frameworks) need nothing installed. The tests marked as real run where the framework is.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
STAND_INS = os.pathsep.join([str(ROOT / "tests" / "fixtures" / "frameworks"), str(ROOT / "client")])

# Lightning's own launchers: rank 0 runs the script again (ddp), or all ranks are children of it (ddp_spawn, ddp_fork).
# Pipes take the place of the barrier behind setup and of the processes' common steps.
RANKS = """
import multiprocessing, os, subprocess, sys
from lightning.pytorch import Trainer
from gramwatt.lightning import GramwattCallback

def rank(local, before, after):
    callback = GramwattCallback("fit", values={"samples": 10})
    trainer = Trainer(callback, world_size=2, local_rank=local)
    trainer.state.fn = "fit"
    callback.setup(trainer, None, stage="fit")
    before()
    for hook in ("on_fit_start", "on_train_epoch_start"):
        getattr(callback, hook)(trainer, None)
    trainer.callback_metrics = {"loss": float(local)}
    after()
    for hook in ("on_train_epoch_end", "on_fit_end"):
        getattr(callback, hook)(trainer, None)
    # In one piece: two ranks write to one pipe.
    print(f"{local} {callback.result.window}\\n", end="", flush=True)

def child(local, ready, go, done):
    def before():
        ready.set(); go.wait(60)
    def after():
        done.set()
    if local:
        rank(1, before, after)
    else:
        rank(0, lambda: ready.wait(60), lambda: (go.set(), done.wait(60)))

if __name__ == "__main__":
    if sys.argv[1] == "ddp":
        if os.environ.get("LOCAL_RANK") == "1":
            rank(1, lambda: (print("ready", flush=True), sys.stdin.readline()), lambda: print("done", flush=True))
        else:
            other = subprocess.Popen([sys.executable, *sys.argv], env={**os.environ, "LOCAL_RANK": "1"}, text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            def joined():
                other.stdin.write("go\\n"); other.stdin.flush(); other.stdout.readline()
            rank(0, other.stdout.readline, joined)
            print(other.communicate()[0], end="")
    else:
        context = multiprocessing.get_context(sys.argv[1])
        for _ in range(2):  # a second launch in no time, with the same process above it
            events = [context.Event() for _ in range(3)]
            ranks = [context.Process(target=child, args=(local, *events)) for local in (0, 1)]
            [one.start() for one in ranks]
            [one.join(90) for one in ranks]
"""


def run(script: str, folder: Path, *arguments: str) -> str:
    """Run a script with the stand-ins importable, and the server of the test as its exporter."""
    path = folder / "script.py"
    path.write_text(script)
    done = subprocess.run(
        [sys.executable, str(path), *arguments],
        capture_output=True, text=True, timeout=180, env={**os.environ, "PYTHONPATH": STAND_INS},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "GramwattWarning" not in done.stderr, done.stderr
    return done.stdout


def shown(exporter: Any) -> list[tuple[str, str, str, dict[str, float]]]:
    return [(w["name"], w["phase"], w["parent"], w["values"]) for w in exporter.windows.values()]


@pytest.mark.slow
def test_lightning(exporter: Any, tmp_path: Path) -> None:
    run(
        """
from lightning.pytorch import Trainer
from gramwatt.lightning import GramwattCallback
callback = GramwattCallback("fit", model="mlp", values={"samples": 10})
trainer = Trainer(callback)
trainer.fit(); assert callback.result.joules > 0 and callback.result.phase == "training"
trainer.validate(); trainer.test(); trainer.predict()
assert callback.result.phase == "inference"
""",
        tmp_path,
    )
    assert shown(exporter) == [
        ("fit", "training", "", {"samples": 10, "loss": 0.5, "val_loss": 0.5}),
        ("epoch", "training", "w1", {"loss": 1.0, "val_loss": 0.5}),
        ("epoch", "training", "w1", {"loss": 0.5, "val_loss": 0.5}),
        ("fit", "inference", "", {"val_loss": 0.25}),  # 10 samples were those of the fit
        ("fit", "inference", "", {"test_loss": 0.125}),
        ("fit", "inference", "", {}),
    ]
    assert {(w["state"], w["ended_by"]) for w in exporter.windows.values()} == {("finished", "stop")}


@pytest.mark.slow
def test_lightning_after_an_error(exporter: Any, tmp_path: Path) -> None:
    run(
        """
from lightning.pytorch import Trainer
from gramwatt.lightning import GramwattCallback
trainer = Trainer(GramwattCallback("fit", epochs=True))
try:
    trainer.fit(fails=True)
except RuntimeError:
    pass
""",
        tmp_path,
    )
    assert exporter.names() == ["fit", "epoch", "epoch"]
    assert {w["ended_by"] for w in exporter.windows.values()} == {"stop"}


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["ddp", "spawn", "fork"])
def test_ranks_of_lightnings_own_launchers_share_one_window(
    exporter: Any, tmp_path: Path, launcher: str
) -> None:
    out = run(RANKS, tmp_path, launcher).split()
    launches = 1 if launcher == "ddp" else 2
    assert exporter.names() == ["fit", "epoch"] * launches
    assert sorted(zip(out[::2], out[1::2], strict=True)) == sorted(
        (rank, f"w{2 * launch + 1}") for launch in range(launches) for rank in "01"
    )
    for window in exporter.windows.values():
        (other,) = window["joined"]
        assert other != window["pid"]
        assert window["values"].get("loss") == 0  # that of rank 0
        assert window["state"] == "finished"


@pytest.mark.slow
def test_keras(exporter: Any, tmp_path: Path) -> None:
    run(
        """
from keras.callbacks import Model
from gramwatt.keras import GramwattCallback
callback = GramwattCallback("fit")
model = Model(callback)
model.fit(); model.evaluate(); model.predict()
try:
    model.fit(fails=True)
except RuntimeError:
    pass
assert callback.result.state == "open"
model.evaluate()
assert callback.result.phase == "inference"
""",
        tmp_path,
    )
    both = {"loss": 0.5, "val_loss": 0.25}
    assert shown(exporter) == [
        ("fit", "training", "", both),
        ("epoch", "training", "w1", both),
        ("epoch", "training", "w1", both),
        ("fit", "inference", "", {"loss": 0.125}),
        ("fit", "inference", "", {}),
        ("fit", "training", "", {}),  # failed; the evaluation after it is none of its own
        ("epoch", "training", "w6", {}),
        ("fit", "inference", "", {"loss": 0.125}),
    ]
    assert {w["state"] for w in exporter.windows.values()} == {"finished"}


@pytest.mark.slow
def test_transformers(exporter: Any, tmp_path: Path) -> None:
    run(
        """
from transformers import Trainer
from gramwatt.transformers import GramwattCallback
trainer = Trainer(GramwattCallback("tune"))
trainer.train()
try:
    trainer.train(fails=True)
except RuntimeError:
    pass
trainer.train(loss=0.125)
""",
        tmp_path,
    )
    windows = list(exporter.windows.values())
    assert exporter.names() == ["tune", "epoch", "epoch", "tune", "epoch", "tune", "epoch", "epoch"]
    assert windows[0]["values"] == {"loss": 0.5, "eval_loss": 0.25, "epoch": 2.0, "train_loss": 0.75}
    assert windows[4]["values"] == {}
    assert windows[6]["values"] == {"loss": 0.125}  # nothing of an earlier train
    assert {w["state"] for w in windows} == {"finished"}


@pytest.mark.slow
def test_values_are_those_of_the_rank_that_leads(exporter: Any, tmp_path: Path) -> None:
    """Rank 1 is late: rank 0 has stopped the window; nothing is sent, and nobody is warned."""
    worker = tmp_path / "worker.py"
    worker.write_text("""
import os
from gramwatt.transformers import GramwattCallback
callback = GramwattCallback("tune", epochs=False)
callback.on_train_begin()
callback.on_log(logs={"loss": float(os.environ["LOCAL_RANK"])})
callback.on_train_end()
""")
    launcher = """
import os, subprocess, sys
for rank in "01":
    environ = {**os.environ, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": "2"}
    subprocess.run([sys.executable, sys.argv[1]], check=True, env=environ)
"""
    run(launcher, tmp_path, str(worker))
    assert exporter.only()["values"] == {"loss": 0.0}


# --- the frameworks themselves

REAL_LIGHTNING = """
import json, sys, torch, lightning
from gramwatt.lightning import GramwattCallback
torch.set_num_threads(1)
class Module(lightning.LightningModule):
    def __init__(self):
        super().__init__(); self.net = torch.nn.Linear(8, 1)
    def training_step(self, batch, _):
        loss = self.net(batch[0]).pow(2).mean(); self.log("loss", loss, on_epoch=True); return loss
    def validation_step(self, batch, _): self.log("val_loss", self.net(batch[0]).pow(2).mean(), sync_dist=True)
    def test_step(self, batch, _): self.log("test_loss", self.net(batch[0]).pow(2).mean(), sync_dist=True)
    def predict_step(self, batch, _): return self.net(batch[0])
    def configure_optimizers(self): return torch.optim.SGD(self.parameters(), 1e-3)
def data(): return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(64, 8)), batch_size=16)
if __name__ == "__main__":
    strategy = sys.argv[1]
    ranks = {} if strategy == "one" else {"strategy": strategy}
    trainer = lightning.Trainer(accelerator="cpu", devices=2 if ranks else 1, max_epochs=2, logger=False,
        callbacks=[GramwattCallback("fit", values={"samples": 128})], enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, **ranks)
    module = Module()
    trainer.fit(module, data(), data())
    if not ranks:
        trainer.validate(module, data(), verbose=False)
        trainer.test(module, data(), verbose=False)
        trainer.predict(module, data())
"""


def real(script: str, folder: Path, *arguments: str) -> None:
    path = folder / "real.py"
    path.write_text(script)
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "client"),
        "KERAS_BACKEND": "torch",
        "CUDA_VISIBLE_DEVICES": "",
    }
    done = subprocess.run(
        [sys.executable, str(path), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env=environ,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    assert "GramwattWarning" not in done.stderr, done.stderr


def needs(*packages: str) -> None:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


@pytest.mark.parametrize("strategy", ["one", "ddp", "ddp_spawn", "ddp_fork"])
def test_real_lightning(exporter: Any, tmp_path: Path, strategy: str) -> None:
    needs("torch", "lightning")
    real(REAL_LIGHTNING, tmp_path, strategy)
    windows = list(exporter.windows.values())
    assert [(w["name"], w["phase"], w["parent"]) for w in windows[:3]] == [
        ("fit", "training", ""), ("epoch", "training", "w1"), ("epoch", "training", "w1"),
    ]  # fmt: skip
    assert {"samples", "loss", "val_loss"} <= set(windows[0]["values"])
    assert {w["state"] for w in windows} == {"finished"}
    if strategy == "one":
        kept = [(w["phase"], sorted(w["values"])) for w in windows[3:]]
        assert kept == [("inference", ["val_loss"]), ("inference", ["test_loss"]), ("inference", [])]
    else:
        assert len(windows) == 3
        assert all(len(w["joined"]) == 1 for w in windows)


REAL_TRAINER = """
import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
from gramwatt.transformers import GramwattCallback
torch.set_num_threads(1)
model = BertForSequenceClassification(BertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=1,
    num_attention_heads=2, intermediate_size=32, num_labels=2))
data = [{"input_ids": torch.randint(0, 50, (8,)), "labels": torch.tensor(i % 2)} for i in range(32)]
arguments = TrainingArguments(output_dir="out", num_train_epochs=2, per_device_train_batch_size=8, logging_steps=2,
    report_to=[], save_strategy="no", eval_strategy="epoch", disable_tqdm=True, use_cpu=True)
Trainer(model=model, args=arguments, train_dataset=data, eval_dataset=data,
        callbacks=[GramwattCallback("tune")]).train()
"""


def test_real_transformers_trainer(exporter: Any, tmp_path: Path) -> None:
    needs("torch", "transformers", "accelerate")
    real(REAL_TRAINER, tmp_path)
    assert exporter.names() == ["tune", "epoch", "epoch"]
    assert {"loss", "eval_loss", "train_loss", "epoch"} <= set(exporter.windows["w1"]["values"])


def test_real_torchrun_ranks_share_windows(exporter: Any, tmp_path: Path) -> None:
    needs("torch")
    script = tmp_path / "job.py"
    script.write_text(
        "import torch.distributed as d, gramwatt\n"
        "d.init_process_group('gloo')\n"
        "with gramwatt.window('job', phase='training'):\n"
        "    with gramwatt.window('epoch', phase='training'):\n"
        "        d.barrier()\n"
        "    d.barrier()\n"
        "d.destroy_process_group()\n"
    )
    subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", str(script)],
        check=True, timeout=300, capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT / "client")},
    )  # fmt: skip
    assert [(w["name"], w["parent"], len(w["joined"])) for w in exporter.windows.values()] == [
        ("job", "", 1), ("epoch", "w1", 1),
    ]  # fmt: skip
    assert {w["state"] for w in exporter.windows.values()} == {"finished"}
