"""The hub itself, through its own client library (extra ``hub``): pages of models, sizes of files and data sets."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from ..errors import ConfigError, LabelerError, Rejected, TryAgain
from ..store.nouns import Card

_log = logging.getLogger(__name__)
_TAG = "co2_eq_emissions"
_EXPAND = [
    "cardData", "createdAt", "downloads", "lastModified", "library_name", "likes", "pipeline_tag", "safetensors", "sha",
    "tags", "model-index",
]  # fmt: skip
_SILENT_SECONDS = (
    3.0  # until it is said that the hub does not answer; its library asks again for half a minute
)
_LEAST_SECONDS = 0.05  # between two requests: 20 a second at most
_BYTES = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "I16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "I8": 1,
          "U8": 1, "BOOL": 1, "F4": 0.5}  # fmt: skip


class Hub:
    """``endpoint`` "" is the library's own (https://huggingface.co, or HF_ENDPOINT). Raises ConfigError without it."""

    def __init__(
        self, endpoint: str = "", token: str = "", sleep: Callable[[float], None] = time.sleep
    ) -> None:
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        try:
            import huggingface_hub
            from huggingface_hub.utils import logging as its_log
        except ImportError:
            raise ConfigError(
                "$.hub", "needs the hub's client library: pip install 'gramwatt-labeler[hub]'"
            ) from None
        # The library logs each retry twice. Our own error says what went wrong in the end.
        its_log.set_verbosity_error()  # type: ignore[no-untyped-call]
        self._api: Any = huggingface_hub.HfApi(endpoint=endpoint or None, token=token or False)
        self._error: Any = huggingface_hub.errors.HfHubHTTPError
        self._is_silent = False
        self._sleep = sleep
        self._asked = 0.0

    def cards(self) -> Iterator[Card]:
        """Models that report CO2, the one changed last first. Raises TryAgain or Rejected.

        The library waits as long as the hub says where these are too many requests, and asks again.
        """
        with self._errors():
            found = iter(self._api.list_models(filter=_TAG, sort="last_modified", expand=_EXPAND))
        while True:
            with self._errors(), self._said_when_silent():
                info = next(found, None)
            if info is None:
                return
            with self._errors():
                card = card_of(info)
            yield card

    def file_bytes(self, hub_id: str) -> float | None:
        """The size of the model's files of weights; None where the hub does not say."""
        info = self._paced(lambda: self._api.model_info(hub_id, files_metadata=True))
        names = [(one.rfilename, one.size) for one in info.siblings or () if one.size]
        for ending in (
            ".safetensors",
            ".bin",
            ".pt",
            ".pth",
            ".ckpt",
            ".h5",
            ".keras",
            ".msgpack",
            ".onnx",
            ".gguf",
        ):
            found = [size for name, size in names if name.endswith(ending)]
            if found:
                return float(sum(found))
        return None

    def dataset_bytes(self, name: str) -> float | None:
        """What a data set's card states, else the size of its files; None where it is gone or private."""
        try:
            info = self._paced(lambda: self._api.dataset_info(name, files_metadata=True))
        except Rejected:
            return None
        stated = _stated(info.card_data)
        files = sum(one.size or 0 for one in info.siblings or () if not one.rfilename.startswith("."))
        return stated or (float(files) if files else None)

    def card_text(self, hub_id: str) -> str:
        """The text of a model's card, read once and not kept."""
        import huggingface_hub

        endpoint = self._api.endpoint
        card: Any = self._paced(
            lambda: huggingface_hub.hf_hub_download(
                hub_id, "README.md", endpoint=endpoint, token=self._api.token
            )
        )
        with open(card, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - a path of the library's cache
            return file.read(1_000_000)

    def _paced(self, ask: Callable[[], Any]) -> Any:
        now = time.monotonic()
        if now - self._asked < _LEAST_SECONDS:
            self._sleep(_LEAST_SECONDS - (now - self._asked))
        self._asked = time.monotonic()
        with self._errors(), self._said_when_silent():
            return ask()

    @contextlib.contextmanager
    def _said_when_silent(self) -> Iterator[None]:
        """Somebody may watch: a hub that is away or slow is said long before its library gives up."""
        timer = threading.Timer(_SILENT_SECONDS, self._say_silent)
        timer.daemon = True
        timer.start()
        try:
            yield
            self._is_silent = False
        finally:
            timer.cancel()

    def _say_silent(self) -> None:
        if not self._is_silent:
            self._is_silent = True
            _log.warning(
                "the hub at %s does not answer so far; it is asked again for half a minute",
                self._api.endpoint,
            )

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """What the library raises as what the caller is to do."""
        try:
            yield
        except self._error as error:
            status = getattr(getattr(error, "response", None), "status_code", 0)
            kind = Rejected if status in (401, 403, 404) else TryAgain
            raise kind(f"the hub answered {status}: {_line(error)}") from None
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise TryAgain(f"the hub did not answer as described: {_line(error)}") from None
        except LabelerError:
            raise
        except Exception as error:  # the library's HTTP client has errors of its own
            if type(error).__module__.partition(".")[0] not in ("httpx", "httpx2", "httpcore", "httpcore2"):
                raise
            raise TryAgain(
                f"the hub does not answer: {_line(error)}; without a network `gramwatt-labeler study import FILE` "
                "reads a table of models"
            ) from None


def card_of(info: Any) -> Card:
    """A model of the library's as plain values."""
    data = info.card_data
    card = data.to_dict() if hasattr(data, "to_dict") else data
    card = dict(card) if isinstance(card, Mapping) else {}
    if info.model_index and "model-index" not in card:
        card["model-index"] = info.model_index
    tensors = info.safetensors
    counts = tensors.parameters if tensors else {}
    sizes = [count * _BYTES[kind] for kind, count in counts.items() if kind in _BYTES]
    return Card(
        str(info.id)[:256],
        str(info.sha or "")[:64],
        _seconds(info.last_modified),
        _seconds(info.created_at),
        {
            name: card[name]
            for name in ("co2_eq_emissions", "datasets", "model-index", "license")
            if name in card
        },
        [str(one)[:256] for one in info.tags or ()][:200],
        str(info.pipeline_tag or "")[:256],
        str(info.library_name or "")[:256],
        info.downloads,
        info.likes,
        float(sum(sizes)) if sizes and len(sizes) == len(counts) else None,
        float(tensors.total) if tensors and tensors.total else None,
    )


def _seconds(at: object) -> float | None:
    return at.timestamp() if isinstance(at, datetime) else None


def _stated(card: Any) -> float | None:
    tree = card.to_dict().get("dataset_info") if hasattr(card, "to_dict") else None
    rows = tree if isinstance(tree, list) else [tree]
    found = [
        one["dataset_size"]
        for one in rows
        if isinstance(one, Mapping) and isinstance(one.get("dataset_size"), int)
    ]
    return float(sum(found)) if found and sum(found) > 0 else None


def _line(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:200]
