"""The frameworks that a program has loaded are named with its window."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import gramwatt
import pytest
from gramwatt import software


def load(patch: pytest.MonkeyPatch, **versions: object) -> None:
    """A program that has loaded just these, of those that are known."""
    for module, _ in software._FRAMEWORKS:
        patch.delitem(sys.modules, module, raising=False)
    for module, version in versions.items():
        one = ModuleType(module)
        if version is not None:
            one.__version__ = version  # type: ignore[attr-defined]
        patch.setitem(sys.modules, module, one)


@pytest.mark.parametrize(
    ("versions", "said"),
    [
        ({}, ""),
        ({"torch": "2.7.0"}, "PyTorch 2.7.0"),
        ({"torch": "2.7.0", "vllm": "0.9.1", "transformers": "4.52"}, "vLLM 0.9.1, Transformers 4.52"),
        ({"torch": None, "sklearn": 3, "jax": "0.6\n"}, ""),
        ({"keras": "3" * 500}, "Keras " + "3" * 32),
    ],
)
def test_at_most_two_are_named_and_servers_first(
    versions: dict[str, object], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(monkeypatch, **versions)
    assert software.loaded() == said


def test_a_module_with_a_property_for_its_version_harms_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    load(monkeypatch)
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace())
    assert software.loaded() == ""


def test_a_window_is_sent_them_and_a_tag_of_its_own_wins(
    exporter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(monkeypatch, torch="2.7.0")
    for tags in (None, {"software": "mine 1"}):
        gramwatt.window("w", phase="training", tags=tags).start().stop()
    assert [one["tags"]["software"] for one in exporter.windows.values()] == ["PyTorch 2.7.0", "mine 1"]
