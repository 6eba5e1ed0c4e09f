"""BERT and GPT-2 by transformers: pretrained where a hub or a folder has them, else small with random weights."""

from __future__ import annotations

import importlib.util
import socket
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .errors import Unusable, install

DEFAULTS = {"fill-mask": "google-bert/bert-base-uncased", "gpt2": "openai-community/gpt2"}
WEIGHTS = ("auto", "pretrained", "random")
_HUB_SECONDS = 3  # until a hub that does not answer is given up; transformers itself tries for a minute
_LAYERS, _HEADS, _WIDTH = 4, 4, 128  # of a small model with random weights


class Bytes:
    """Each byte is a token, and one more is the mask: what stands in for a tokenizer that only a hub has."""

    mask_id = 256
    size = 257

    def encode(self, text: str) -> list[int]:
        """A ``[MASK]`` of the text is one token."""
        ids: list[int] = []
        for place, part in enumerate(text.split("[MASK]")):
            ids += ([self.mask_id] if place else []) + list(part.encode())
        return ids

    def decode(self, ids: list[int]) -> str:
        """Text of the ids; what is no UTF-8 is shown as a question mark."""
        text = bytes(one for one in ids if one < self.mask_id).decode(errors="replace")
        return "".join(one if one.isprintable() and one != "\ufffd" else "?" for one in text)


class Pretrained:
    """A tokenizer of transformers, with the few calls that are needed here."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.mask_id: int | None = tokenizer.mask_token_id

    def encode(self, text: str) -> list[int]:
        """With the tokens that the model expects around a text; ``[MASK]`` is the model's own mask."""
        mask = self._tokenizer.mask_token
        ids: list[int] = self._tokenizer.encode(text.replace("[MASK]", mask) if mask else text)
        return ids

    def decode(self, ids: list[int]) -> str:
        """Text of the ids without the tokens around it."""
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True)
        return text


@dataclass(frozen=True)
class Loaded:
    """A model on its device. ``weights`` is ``pretrained`` or ``random``; ``why`` says why they are random."""

    model: Any
    tokenizer: Bytes | Pretrained
    name: str
    weights: str
    why: str
    parameters: int
    most_tokens: int


def need() -> None:
    """Raises Unusable where transformers or PyTorch is missing."""
    missing = [name for name in ("torch", "transformers") if importlib.util.find_spec(name) is None]
    if missing:
        raise Unusable(
            f"text needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed here: "
            f"{install(*missing)}"
        )


def load(kind: str, name: str, weights: str, device: str, seed: int) -> Loaded:
    """``name`` is a model of the hub or a folder. Raises Unusable where its weights are asked for and not there."""
    need()
    why = "as asked for"
    if weights != "random":
        try:
            return _pretrained(kind, name, device)
        except (
            Exception
        ) as error:  # transformers raises many kinds: no such model, a broken file, a missing package
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            if weights == "pretrained":
                raise Unusable(f"--weights pretrained: {name} cannot be loaded: {reason}") from None
            why = f"because {name} cannot be loaded"
    return _random(kind, device, seed, why)


def _pretrained(kind: str, name: str, device: str) -> Loaded:
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    # What was downloaded before is found without a hub, too.
    here = {"local_files_only": not _hub_answers()}
    tokenizer = transformers.AutoTokenizer.from_pretrained(name, **here)
    maker = transformers.AutoModelForMaskedLM if kind == "fill-mask" else transformers.AutoModelForCausalLM
    return _on(device, maker.from_pretrained(name, **here), Pretrained(tokenizer), name, "pretrained", "")


def _hub_answers() -> bool:
    """Whether a connection to the hub can be opened. Behind a proxy that is left to transformers."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    address = urlsplit(constants.ENDPOINT)
    if urllib.request.getproxies().get(address.scheme):
        return True
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        socket.create_connection((address.hostname or "", port), timeout=_HUB_SECONDS).close()
    except OSError:
        return False
    return True


def _random(kind: str, device: str, seed: int, why: str) -> Loaded:
    import torch
    import transformers

    torch.manual_seed(seed)
    if kind == "fill-mask":
        config = transformers.BertConfig(
            vocab_size=Bytes.size, hidden_size=_WIDTH, num_hidden_layers=_LAYERS, num_attention_heads=_HEADS,
            intermediate_size=4 * _WIDTH,
        )  # fmt: skip
        model = transformers.AutoModelForMaskedLM.from_config(config)
    else:
        config = transformers.GPT2Config(
            vocab_size=Bytes.size, n_embd=_WIDTH, n_layer=_LAYERS, n_head=_HEADS,
            bos_token_id=None, eos_token_id=None,
        )  # fmt: skip
        model = transformers.AutoModelForCausalLM.from_config(config)
    return _on(device, model, Bytes(), f"small {config.model_type}", "random", why)


def _on(device: str, model: Any, tokenizer: Bytes | Pretrained, name: str, weights: str, why: str) -> Loaded:
    model = model.to(device).eval()
    parameters = sum(one.numel() for one in model.parameters())
    most = int(getattr(model.config, "max_position_embeddings", 0) or 1024)
    return Loaded(model, tokenizer, name, weights, why, parameters, most)
