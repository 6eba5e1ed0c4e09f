"""Language models: BERT fills a mask, GPT-2 continues a text. Only new tokens count for the energy of a token."""

from __future__ import annotations

from typing import Any

from gramwatt.wording import quantity

from . import backends, runs, transformer_models, words
from .errors import Unusable
from .measured import Recorder, rows
from .runs import Summary
from .session import Session
from .transformer_models import DEFAULTS, Loaded

KINDS = ("fill-mask", "gpt2")
_TASKS = {"fill-mask": "fill-mask", "gpt2": "text-generation"}
_PROMPTS = {"fill-mask": "Paris is the [MASK] of France.", "gpt2": "The energy of a computer"}
_GUESSES = 5


def text(
    kind: str,
    prompt: str = "",
    model: str = "",
    max_new_tokens: int = 40,
    repeat: int = 1,
    weights: str = "auto",
    device: str = "auto",
    seed: int = 1,
    threads: int = 1,
    session: Session | None = None,
) -> Summary:
    """The summary of ``repeat`` answers to a prompt. Raises Unusable.

    ``max_new_tokens`` is how many tokens GPT-2 adds to the prompt; a mask is always one new token.
    """
    session = session or Session()
    transformer_models.need()
    backend = backends.choose("torch", device, threads=threads)
    loaded = transformer_models.load(kind, model or DEFAULTS[kind], weights, backend.device, seed)
    prompt = prompt or _PROMPTS[kind]
    ids = _encoded(kind, prompt, max_new_tokens, loaded)
    session.begin(
        f"{words.short(loaded.name, 60)}, {loaded.parameters:,} parameters",
        backend.software,
        backend.device,
        backend.hardware,
    )
    made = f"random: a small model made here, {words.short(loaded.why, 60)}"
    session.live.line(f"weights: {made if loaded.weights == 'random' else loaded.weights}")
    config = {
        "model": loaded.name, "task": kind, "weights": loaded.weights, "parameters": loaded.parameters,
        "prompt": prompt, "max_new_tokens": max_new_tokens if kind == "gpt2" else 1, "repeat": repeat, "seed": seed,
        "threads": threads, "backend": backend.name, "software": backend.software, "device": backend.device,
        "hardware": backend.hardware, "epochs": 0,
    }  # fmt: skip
    key = runs.key("text", config)
    kept = session.find(key, loaded.name)
    if kept is not None:
        return kept
    recorder = Recorder(model=loaded.name, task=_TASKS[kind])
    answer, new = _answered(kind, ids, loaded, max_new_tokens, repeat, recorder, session)
    phases = recorder.phases()
    used = phases["generate"]
    each = None if used["joules"] is None or used["below_floor"] or not new else used["joules"] / new
    summary = {
        "kind": "text", **config, "prompt_tokens": len(ids), "new_tokens": new, "answer": answer, "phases": phases,
        "tokens_per_second": new / used["seconds"] if used["seconds"] else None, "sources": recorder.sources,
        "per_unit_joules": {"token": each},
    }  # fmt: skip
    return session.keep(key, summary, recorder.measured, rows(recorder.parts))


def table(summary: Summary) -> str:
    """What one prompt cost, by new token."""
    used = summary["phases"]["generate"]
    each, speed = summary["per_unit_joules"]["token"], summary["tokens_per_second"]
    head = ("model", "weights", "parameters", "new tokens", "time", "energy", "per token", "tokens/s", "CO2")
    line = (
        words.short(summary["model"].rsplit("/", 1)[-1], 20), summary["weights"], f"{summary['parameters']:,}",
        f"{summary['new_tokens']:,}", words.time(used), words.energy(used),
        "?" if each is None else quantity(each, "J"), "?" if speed is None else f"{speed:.1f}",
        words.emissions(used),
    )  # fmt: skip
    return words.table(head, [line])


def _encoded(kind: str, prompt: str, max_new_tokens: int, loaded: Loaded) -> list[int]:
    if kind == "fill-mask" and prompt.count("[MASK]") != 1:
        raise Unusable(f"--prompt {words.short(prompt, 60)!r}: write [MASK] once, where the word is missing")
    if kind == "fill-mask" and loaded.tokenizer.mask_id is None:
        raise Unusable(f"--model {loaded.name} knows no mask; use a model such as {DEFAULTS['fill-mask']}")
    ids = loaded.tokenizer.encode(prompt)
    room = loaded.most_tokens - (max_new_tokens if kind == "gpt2" else 0)
    if not 1 <= len(ids) <= room:
        raise Unusable(
            f"--prompt has {len(ids)} tokens; with --max-new-tokens {max_new_tokens} this model takes "
            f"1 to {max(room, 0)}"
        )
    return ids


def _answered(
    kind: str, ids: list[int], loaded: Loaded, most: int, repeat: int, recorder: Recorder, session: Session
) -> tuple[str, int]:
    """The last answer, and how many tokens are new in all of them."""

    def once(most: int) -> tuple[str, int]:
        return _fill(ids, loaded) if kind == "fill-mask" else _continue(ids, loaded, most)

    once(1)  # the first call sets up buffers and kernels, which later calls do not
    new = 0
    answer = ""
    session.live.now(f"{loaded.name}  generating")
    with recorder.part("generate", 0, repeat, name=f"text {kind}") as part:
        for _ in range(repeat):
            answer, count = once(most)
            new += count
        part.values["tokens"] = new
    return answer, new


def _fill(ids: list[int], loaded: Loaded) -> tuple[str, int]:
    import torch

    place = ids.index(int(loaded.tokenizer.mask_id or 0))
    with torch.no_grad():
        logits = loaded.model(input_ids=_tensor(ids, loaded)).logits[0, place]
        likely = torch.softmax(logits, 0).topk(_GUESSES)
    guesses = [
        f"{loaded.tokenizer.decode([int(one)]).strip() or '?'} ({float(share):.0%})"
        for share, one in zip(likely.values, likely.indices, strict=True)
    ]
    return ", ".join(guesses), 1


def _continue(ids: list[int], loaded: Loaded, most: int) -> tuple[str, int]:
    import torch

    inputs = _tensor(ids, loaded)
    with torch.no_grad():
        output: Any = loaded.model.generate(
            inputs, attention_mask=torch.ones_like(inputs), max_new_tokens=most, do_sample=False, pad_token_id=0,
        )  # fmt: skip
    found = output[0].tolist()
    return loaded.tokenizer.decode(found), len(found) - len(ids)


def _tensor(ids: list[int], loaded: Loaded) -> Any:
    import torch

    return torch.tensor([ids], device=next(loaded.model.parameters()).device)
