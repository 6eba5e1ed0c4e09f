"""Windows, measurements and scales to grade."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from gramwatt_labeler.grading.decoding import decode
from gramwatt_labeler.grading.scale import Scale
from gramwatt_labeler.model import Measurement, ScaleId, Window
from gramwatt_labeler.scale_files import LoadedScale, load_scales

TEST_SCALE = b"""
kind: eei
name: test
title: For tests
version: "1"
date: 2026-01-01
source: made up
bands: [{letter: A, up_to: 0.25}, {letter: B, up_to: 0.5}, {letter: C, up_to: 1}, {letter: D, up_to: 2}, {letter: E}]
aliases: {vision: image-classification}
references:
  - {task: image-classification, phase: training, unit: sample, hardware: cpu, joules: 2, source: s, date: 2026-01-01}
  - {task: image-classification, phase: training, unit: sample, hardware: gpu, joules: 1, source: s, date: 2026-01-01}
  - {task: image-classification, phase: training, unit: sample, hardware: cpu, joules: 0.5, source: small,
     date: 2026-01-01, datasets: [digits], quality: {key: accuracy, floor: 0.9}}
  - {task: text-generation, phase: inference, unit: token, hardware: cpu, joules: 4, source: s, date: 2026-01-01}
  - {task: text-generation, phase: inference, unit: request, hardware: cpu, joules: 100, source: s, date: 2026-01-01}
  - {task: named-run, phase: training, unit: run, hardware: cpu, joules: 3600000, source: s, date: 2026-01-01}
"""


@pytest.fixture(scope="session")
def scale() -> tuple[Scale, ScaleId]:
    return decode(TEST_SCALE, "test.yml")


@pytest.fixture(scope="session")
def built_in() -> dict[str, LoadedScale]:
    return dict(load_scales())


@pytest.fixture(scope="session")
def window() -> Callable[..., Window]:
    def make(**changes: Any) -> Window:
        facts: dict[str, Any] = {
            "id": "w1", "name": "train", "phase": "training", "start": 1_700_000_000.0, "end": 1_700_000_060.0,
            "task": "image-classification", "dataset": "photos", "values": {"samples": 100.0},
        }  # fmt: skip
        return Window(**(facts | changes))

    return make


@pytest.fixture(scope="session")
def measurement() -> Callable[..., Measurement]:
    def make(energy: float = 100.0, **changes: Any) -> Measurement:
        facts: dict[str, Any] = {
            "energy_joules": energy, "components": {"cpu": energy}, "samples": 12, "coverage_ratio": 1.0,
        }  # fmt: skip
        return Measurement(**(facts | changes))

    return make
