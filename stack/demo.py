"""`make demo`: train a real classifier under `gramwatt run`, wait for its grade and show where everything is."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import requests

from . import compose, selfcheck
from .settings import ROOT, Settings, StackError

EPOCHS = 90
SAMPLES = 6735 * EPOCHS  # 1,347 training images, each in five positions, once per epoch
GRADE_SECONDS = 180
SCRAPE_SECONDS = 60  # until the window's last values must have been scraped
TRAIN = [sys.executable, "examples/digits/train.py", "--epochs", str(EPOCHS)]


def run(settings: Settings) -> None:
    """Raises StackError when the training fails, is not measured, or gets no grade."""
    window, joules = _train(settings)
    print("\nwaiting for the labeler", flush=True)
    graded = _grade(settings, window)
    _await_last_values(settings, window, joules)
    label = _fetch_label(settings, window)
    print(f"\nenergy grade {graded['grade']} on scale {graded['scale']}")
    print(f"label        {label.relative_to(Path.cwd()) if label.is_relative_to(Path.cwd()) else label}")
    print("\nwhat proves it, in Prometheus at", settings.url("prometheus"))
    of_window = f'{{window="{window}"}}'
    for expression in (
        f"gramwatt_grade_info{of_window}",
        f"gramwatt_window_energy_joules_total{of_window}",
        f"gramwatt_window_emissions_grams_total{of_window}",
    ):
        _show(settings, expression)
    if not settings.zone:
        print("\nno CO2: no grid zone is set. Try: make demo ZONE=FR")


def _train(settings: Settings) -> tuple[str, float]:
    """Run the training measured; the window's id and its energy in joules."""
    folder = settings.var / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    summary = folder / "summary.json"
    summary.unlink(missing_ok=True)
    words = ["run", "--name", "digits", "--phase", "training", "--model", "mlp-512-256"]
    words += ["--task", "image-classification", "--dataset", "optdigits", "--value", f"samples={SAMPLES}"]
    words += ["--summary-json", str(summary), "--", *TRAIN]
    print(
        "$ gramwatt", " ".join(["python" if word == sys.executable else word for word in words]), flush=True
    )
    client = Path(sys.executable).parent / "gramwatt"
    environ = {**settings.environ, "GRAMWATT_SOCKET_PATH": str(compose.socket(settings) or settings.socket)}
    if subprocess.run([client, *words], cwd=ROOT, env=environ, check=False).returncode != 0:
        raise StackError("the training failed; its messages stand above")
    result = json.loads(summary.read_text())
    if not result.get("window"):
        raise StackError("the training ran but was not measured; the warning above says why")
    return str(result["window"]), float(result["energy_joules"] or 0)


def _grade(settings: Settings, window: str) -> dict[str, str]:
    end = time.monotonic() + GRADE_SECONDS
    while time.monotonic() < end:
        rows = selfcheck.query(settings, f'gramwatt_grade_info{{window="{window}"}}')
        if rows:
            labels: dict[str, str] = rows[0]["metric"]
            return labels
        time.sleep(1)
    raise StackError(
        f"no grade for window {window} within {GRADE_SECONDS} s; `make logs` shows what the labeler says of it"
    )


def _await_last_values(settings: Settings, window: str, joules: float) -> None:
    """The labeler grades what the exporter reports, which Prometheus scrapes some seconds later."""

    def missing() -> str:
        rows = selfcheck.query(settings, f'sum(gramwatt_window_energy_joules_total{{window="{window}"}})')
        scraped = float(rows[0]["value"][1]) if rows else 0.0
        return "" if scraped >= joules * (1 - 1e-6) else f"Prometheus has {scraped:.3f} of {joules:.3f} J"

    selfcheck.wait("the last values of the window", missing, SCRAPE_SECONDS)


def _fetch_label(settings: Settings, window: str) -> Path:
    """Save the label's picture under var/demo, whichever way the labeler runs."""
    folder = settings.var / "demo"
    for form in ("svg", "png", "pdf"):
        answer = requests.get(settings.url("labeler", f"/labels/{window}.{form}"), timeout=30)
        if not answer.ok:
            raise StackError(f"{answer.url}: HTTP {answer.status_code}: {answer.text.strip()[:200]}")
        (folder / f"label.{form}").write_bytes(answer.content)
    return folder / "label.png"


def _show(settings: Settings, expression: str) -> None:
    rows: list[dict[str, Any]] = selfcheck.query(settings, expression)
    print(f"  {expression}")
    for row in rows:
        labels = ", ".join(
            f'{name}="{value}"'
            for name, value in sorted(row["metric"].items())
            if name not in ("__name__", "instance", "job", "window")
        )
        print(f"    {{{labels}}} {row['value'][1]}")
    if not rows:
        print("    no data")
