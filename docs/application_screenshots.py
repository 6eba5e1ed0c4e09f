"""Writes the pictures of docs/images/application anew: the pages over a database with the runs of a made-up team.

python docs/application_screenshots.py
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from gramwatt_labeler.model import Graded, Hardware, Measurement, Window
from gramwatt_labeler.published import Published
from gramwatt_labeler.scale_files import grade, load_scales
from gramwatt_labeler.store import Store
from gramwatt_labeler.web.app import create_app
from playwright.sync_api import Browser, sync_playwright
from prometheus_client import CollectorRegistry

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "images" / "application"
NOW = 1_795_000_000.0  # 2026-11-18
H100 = Hardware(gpus=(("NVIDIA H100 80GB HBM3", 1),))
# Name, task, what is counted, how many, joules of one, watts, user. No model of these names exists.
RUNS = (
    ("chat-7b-int8", "text-generation", "tokens", 2_400_000, 0.045, 310, "alice"),
    ("chat-7b", "text-generation", "tokens", 2_400_000, 0.098, 385, "alice"),
    ("chat-13b", "text-generation", "tokens", 1_900_000, 0.171, 430, "bob"),
    ("chat-34b", "text-generation", "tokens", 1_200_000, 0.312, 505, "bob"),
    ("chat-70b", "text-generation", "tokens", 800_000, 0.655, 560, "carol"),
    ("vision-small", "image-classification", "samples", 50_000, 0.021, 190, "carol"),
    ("vision-base", "image-classification", "samples", 50_000, 0.24, 260, "alice"),
)


def fill(store: Store) -> None:
    """The runs, three hours apart, with a sensor's usual uncertainty and France's grid."""
    scale = load_scales()["gramwatt"]
    for number, (name, task, unit, count, each, watts, user) in enumerate(RUNS):
        end, joules = NOW - 10_800.0 * number, count * each
        window = Window(
            id=name, name=f"{name} benchmark", phase="inference", start=end - joules / watts, end=end, task=task,
            model=f"acme/{name}", user=user, values={unit: float(count)}, instance="lab-1:10044", hardware=H100,
            software="vLLM 0.9" if unit == "tokens" else "",
        )  # fmt: skip
        measurement = Measurement(
            joules, {"cpu": 0.12 * joules, "gpu": 0.84 * joules, "dram": 0.04 * joules}, 240, 1.0,
            emissions_grams=joules / 3.6e6 * 56, uncertainty_ratio=0.05, sources=("rapl", "nvml"), zone="FR",
            intensity_method="measured",
        )  # fmt: skip
        store.add(Graded(window, measurement, grade(scale, window, measurement), end + 1))


@contextmanager
def site() -> Iterator[str]:
    """Address of the application while it is served."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/labeler.db")
        fill(store)
        app = create_app(
            CollectorRegistry(), Published(), store, load_scales(), "gramwatt", lambda one: f"https://labels.example.org/labels/{one}",
            "http://127.0.0.1:9", ROOT / "grafana" / "dashboards",
        )  # fmt: skip
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True
        thread.join(10)
        store.close()


def picture(browser: Browser, address: str, name: str, width: int = 1180, height: int = 760) -> None:
    """The top of one page. Scripts are off: the pages need none."""
    page = browser.new_page(viewport={"width": width, "height": height}, java_script_enabled=False)
    page.goto(address)
    page.screenshot(path=FOLDER / f"{name}.png")
    page.close()


def main() -> int:
    """Write them; 1 where no Chromium is."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("a program named chromium is needed on PATH", file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with site() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--no-first-run"]
        )
        picture(browser, f"{address}/evaluations", "evaluations", height=720)
        picture(browser, f"{address}/evaluations/chat-7b", "evaluation", height=790)
        picture(browser, f"{address}/evaluations/chat-7b", "evaluation-phone", 390, 844)
        picture(browser, f"{address}/evaluate?phase=inference", "evaluate", height=720)
        picture(browser, f"{address}/compare?ids=chat-7b,chat-7b-int8,chat-13b", "compare", height=860)
        picture(
            browser,
            f"{address}/roi?baseline=chat-7b&after=chat-7b-int8&calls_per_day=20000000&price=0.25&cost=5&intensity=56",
            "return",
            height=760,
        )
        browser.close()
    print(json.dumps({"written": len(list(FOLDER.glob("*.png"))), "folder": str(FOLDER.relative_to(ROOT))}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
