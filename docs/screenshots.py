"""Writes the pictures of docs/images/dashboards anew, from a running `make demo-history`.

python docs/screenshots.py [ADDRESS]
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "images" / "dashboards"
CHOICES = {"compare": "?var-run_a=resnet-a&var-run_b=resnet-b"}
DRAWN = """() => document.querySelector('.panel') && !document.querySelector('main [aria-busy]')
  && !document.querySelector('.wait')"""


def picture(
    browser: Browser, address: str, name: str, width: int = 1280, scheme: str = "light", height: int = 1400
) -> None:
    """One dashboard, as tall as it is but not taller than ``height`` pixels."""
    phone = width < 600
    context = browser.new_context(
        viewport={"width": width, "height": 6000},
        color_scheme=scheme,  # type: ignore[arg-type]
        is_mobile=phone,
        has_touch=phone,
    )
    page = context.new_page()
    page.goto(address)
    page.wait_for_function(DRAWN)
    page.wait_for_timeout(500)  # charts are drawn with the next frame
    tall = page.evaluate("() => document.querySelector('footer').getBoundingClientRect().bottom")
    clip = {"x": 0.0, "y": 0.0, "width": float(width), "height": float(min(tall, height))}
    page.screenshot(path=FOLDER / f"{name}.png", clip=clip)  # type: ignore[arg-type]
    context.close()


def main(site: str) -> int:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("a program named chromium is needed on PATH", file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    names = sorted(path.stem for path in (ROOT / "grafana" / "dashboards").glob("gramwatt-*.json"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--no-first-run"]
        )
        for uid in names:
            name = uid.removeprefix("gramwatt-")
            picture(browser, f"{site}/dashboards/{uid}{CHOICES.get(name, '')}", name)
        picture(browser, f"{site}/", "start-dark", scheme="dark", height=900)
        picture(browser, f"{site}/", "start-phone", width=390, height=1300)
        browser.close()
    print(json.dumps({"written": len(names) + 2, "folder": str(FOLDER.relative_to(ROOT))}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:10145"))
