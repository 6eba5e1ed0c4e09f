"""What is wrong with a page that is open in a browser, as lines of text: ``page_faults.js`` asked from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from playwright.sync_api import Page

_SCRIPT = Path(__file__).with_suffix(".js").read_text()
_PARTS_OF_A_DATE = 12  # each is a stop of its own


def load(page: Page) -> None:
    """The checks, into a page that has just been opened."""
    page.evaluate(_SCRIPT)


def found(page: Page, check: Literal["layout", "targets", "structure", "paper", "contrast"]) -> list[str]:
    """What one of the checks finds."""
    return list(page.evaluate(f"faults.{check}()"))


def keyboard(page: Page) -> list[str]:
    """What Tab does not reach in the order of the page, or reaches unseen."""
    for _ in range(page.evaluate("faults.watch()") + _PARTS_OF_A_DATE):
        page.keyboard.press("Tab")
    return list(page.evaluate("faults.walked()"))
