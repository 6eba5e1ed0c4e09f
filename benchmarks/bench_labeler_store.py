"""The labeler with 100,000 evaluations on SQLite and PostgreSQL: how long a list takes, and how fast it takes in.

python -m benchmarks.bench_labeler_store [--evaluations N] [--only sqlite|postgresql]

Times are of whole requests to ``gramwatt-labeler serve``, by wall clock. Budget: each under 100 ms, 1,000 windows a
minute graded and kept.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from gramwatt_labeler.store import Store
from sqlalchemy import create_engine, text

from benchmarks.harness import machine
from benchmarks.labeler_requests import Asking, requests
from benchmarks.labeler_rows import fill, recorded

# Those of the tests, which find each other by another path.
_postgresql: Any = importlib.import_module("tests.support.postgresql")
_ports: Any = importlib.import_module("tests.support.ports_for_tests")
BUDGET_SECONDS = 0.1
WINDOWS_PER_MINUTE = 1000
_START_SECONDS = 60


@contextlib.contextmanager
def database(kind: str) -> Iterator[str]:
    """The address of an empty one."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="gramwatt-bench-") as folder:
            yield f"sqlite:///{Path(folder) / 'labeler.db'}"
    else:
        with _postgresql.server() as address:
            yield f"postgresql+pg8000://gramwatt@{address}/postgres"


@contextlib.contextmanager
def serving(url: str) -> Iterator[str]:
    """``host:port`` of the labeler over this database."""
    port = _ports.free_ports(1)[0]
    flags = [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    environment = os.environ | {"GRAMWATT_LABELER_DATA_DATABASE_URL": url}
    words = [sys.executable, "-m", "gramwatt_labeler", "serve", *flags]
    process = subprocess.Popen(words, env=environment)
    try:
        address = f"127.0.0.1:{port}"
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                Asking(address).body("/-/ready")
                break
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait()


def intake(store: Store, count: int) -> float:
    """Windows a minute, graded and kept one by one as the job does, by wall clock."""
    began = time.perf_counter()
    for graded in recorded(count):
        store.add(replace(graded, window=replace(graded.window, id=f"new-{graded.window.id}")))
    return count / (time.perf_counter() - began) * 60


def measured(kind: str, evaluations: int) -> tuple[dict[str, float], float]:
    """Median seconds by request, and windows a minute."""
    with database(kind) as url:
        store = Store(url)
        fill(store, evaluations)
        if kind == "postgresql":  # as its autovacuum does within minutes
            with create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
                connection.execute(text("VACUUM ANALYZE"))
        with serving(url) as address:
            asking = Asking(address)
            found = {name: asking.seconds(path)[0] for name, path in requests(asking.following)}
        rate = intake(store, 300)
        store.close()
    return found, rate


def main() -> int:
    """Print a table; 1 when a budget is missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--evaluations", type=int, default=100_000)
    options.add_argument("--only", choices=("sqlite", "postgresql"))
    asked = options.parse_args()
    kinds = [asked.only] if asked.only else ["sqlite", "postgresql"]
    print(machine())
    found = {kind: measured(kind, asked.evaluations) for kind in kinds}
    print(f"{'':<32}" + "".join(f"{kind:>14}" for kind in kinds))
    for name in found[kinds[0]][0]:
        times = [found[kind][0][name] for kind in kinds]
        mark = "" if max(times) <= BUDGET_SECONDS else "  over budget"
        print(f"{name:<32}" + "".join(f"{1000 * one:11.1f} ms" for one in times) + mark)
    print(f"{'windows a minute':<32}" + "".join(f"{found[kind][1]:14.0f}" for kind in kinds))
    slowest = max(max(times.values()) for times, _ in found.values())
    print(f"slowest {1000 * slowest:.0f} of {1000 * BUDGET_SECONDS:.0f} ms")
    return (
        0
        if slowest <= BUDGET_SECONDS and min(rate for _, rate in found.values()) >= WINDOWS_PER_MINUTE
        else 1
    )


if __name__ == "__main__":
    raise SystemExit(main())
