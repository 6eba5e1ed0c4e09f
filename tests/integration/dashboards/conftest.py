"""Prometheus with a week of the laboratory, and with young series scraped every 5, 15 and 60 seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from history_server import laboratory, made_once, prometheus
from young import Worlds


def _shared(factory: pytest.TempPathFactory, worker: str) -> Path:
    return factory.getbasetemp() if worker == "master" else factory.getbasetemp().parent


@pytest.fixture(scope="session")
def prometheus_url(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    """A Prometheus with the laboratory's data up to and beyond NOW."""
    folder = made_once(
        _shared(tmp_path_factory, worker_id), tmp_path_factory.mktemp("week"), "laboratory", laboratory
    )
    with prometheus(folder) as url:
        yield url


@pytest.fixture(scope="session")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    """Three worlds whose series are young, in one Prometheus, and what their counters say."""
    folder = tmp_path_factory.mktemp("young")
    made = Worlds.make(folder)
    with prometheus(folder) as url:
        made.url = url
        yield made
