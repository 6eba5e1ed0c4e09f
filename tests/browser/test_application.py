"""The application in a Chromium whose scripts are switched off: each job of its pages, at a desk and on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import axe
import pytest
from gramwatt_labeler.store import Store
from gramwatt_labeler.store.people import People, Role
from labeler_pages import NOW, fill, fill_taken_back, fill_worst
from labeler_site import application, serving
from model_files import safetensors
from playwright.sync_api import Browser, FilePayload, Page, expect

pytestmark = pytest.mark.browser

PASSWORD = "a long enough password"
MODELS = Path(__file__).parents[1] / "fixtures" / "models"
ADDRESSES = (
    "/evaluations", "/evaluations?q=nothing", "/explore", "/evaluations/w1", "/evaluations/w4", "/evaluations/w5",
    "/models", "/models/3", "/models/4", "/study", "/probe", "/evaluate",
    "/evaluate?phase=inference", "/upload", "/compare?ids=w1,w2,w3,w4",
    "/roi?baseline=w1&after=w2&calls_per_day=9&price=1", "/roi?old=1&new=2&calls_per_day=9&price=1", "/nothing",
    "/evaluations/worst", "/labels/worst", "/compare?ids=w1,worst",
    "/labels/", "/labels/w4", "/labels/w1?lang=xx", "/report?made=1", "/report?id=w4", "/login",
    "/evaluations/typed", "/evaluations/gone", "/evaluate?corrects=typed", "/take-back?id=typed", "/taken-back",
    "/taken-back/1",
)  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The whole labeler over a database with the five runs and a user who may add."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('labeler') / 'labeler.db'}")
    fill(store)
    fill_worst(store)
    fill_taken_back(store)
    People(store.database).add("alice", Role.CONTRIBUTOR, PASSWORD, "test", NOW)
    with serving(application(store)) as address:
        yield address
    store.close()


@pytest.fixture(params=[1280, 390])
def plain(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Page]:
    """A page without scripts at the width of a desk and of a phone; what the browser complains about fails the test."""
    context = chromium.new_context(
        viewport={"width": request.param, "height": 900}, java_script_enabled=False, accept_downloads=True
    )
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    # The browser itself reports the answers of refused forms; nothing else is to be said.
    assert [text for text in said if "status of 4" not in text] == []


def log_in(page: Page, site: str) -> None:
    page.goto(f"{site}/login?then=/evaluations")
    page.get_by_label("Name").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Evaluations")).to_be_visible()


def test_no_page_is_wider_than_its_screen(site: str, chromium: Browser) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    for address in ADDRESSES:
        page.goto(site + address)
        expect(page.locator("h1").first).to_be_visible()
        beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert beyond <= 0, address
        small = page.evaluate(
            "[...document.querySelectorAll('button, .button, select, input:not([type=hidden])')]"
            ".filter(e => e.offsetParent && e.type !== 'checkbox' && e.getBoundingClientRect().height < 32).length"
        )
        assert small == 0, address  # a finger needs room
    context.close()


def test_no_page_is_wider_than_a_small_window_at_a_desk(site: str, chromium: Browser) -> None:
    """The size of 1280 pixels at a zoom of 200 %, and 1280 pixels themselves."""
    page = chromium.new_page()
    for width in (640, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        for address in ADDRESSES:
            page.goto(site + address)
            beyond = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert beyond <= 0, (address, width)
    page.close()


@pytest.mark.parametrize("width", [1440, 1280, 1240, 1100])
def test_the_list_needs_no_scrolling_sideways_at_a_desk(site: str, chromium: Browser, width: int) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(f"{site}/evaluations?user=alice")
    beyond = page.eval_on_selector(".scroll", "one => one.scrollWidth - one.clientWidth")
    context.close()
    assert beyond == 0


def test_a_keyboard_reaches_the_content_and_shows_where_it_is(site: str, plain: Page) -> None:
    plain.goto(f"{site}/evaluations")
    plain.keyboard.press("Tab")
    expect(plain.get_by_text("Skip to the content")).to_be_focused()
    plain.keyboard.press("Enter")
    plain.keyboard.press("Tab")
    expect(plain.get_by_role("link", name="Evaluate a model")).to_be_focused()
    assert plain.locator(":focus").evaluate("one => getComputedStyle(one).outlineStyle") == "solid"


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_violation(site: str, chromium: Browser, pytestconfig: pytest.Config, scheme: Any) -> None:
    """With axe-core: names, labels, headings, contrast, in light and in dark."""
    script = axe.source(Path(pytestconfig.cache.mkdir("axe")))
    context = chromium.new_context(
        viewport={"width": 1280, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    found = {}
    for address in ADDRESSES:
        page.goto(site + address)
        found[address] = axe.violations(page, script)
    context.close()
    assert {address: one for address, one in found.items() if one} == {}


def test_numbers_typed_in_become_a_label_and_an_evaluation(site: str, plain: Page) -> None:
    width = plain.viewport_size["width"] if plain.viewport_size else 0
    model = f"org/model-{width}"
    log_in(plain, site)
    plain.goto(f"{site}/evaluate")
    plain.get_by_label("Model (needed)").fill(model)
    plain.get_by_label("Task").fill("text-classification")
    plain.get_by_label("CO2 equivalent", exact=True).fill("1,500")
    plain.get_by_label("Unit of CO2 equivalent").select_option("kg")
    plain.get_by_label("Accuracy", exact=True).fill("91 %")
    plain.get_by_label("Downloads", exact=True).fill("1 200")
    plain.get_by_role("button", name="Show the label").click()

    expect(plain.locator("#emissions-mistake")).to_contain_text("1500 or 1.5")
    expect(plain.get_by_label("Model (needed)")).to_have_value(model)
    plain.get_by_label("CO2 equivalent", exact=True).fill("0,0015")
    plain.keyboard.press("Enter")  # by keyboard

    expect(plain.get_by_role("heading", name=re.compile("Grade [A-E] on"))).to_be_visible()
    expect(plain.get_by_text("Energy label of", exact=False).first).to_be_attached()
    with plain.expect_download() as download:
        plain.get_by_role("button", name="PDF").click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF")

    plain.get_by_label("add to the data set").check()
    plain.get_by_role("button", name="Show the label").click()
    expect(plain.get_by_text("Added to the data set.")).to_be_visible()
    expect(plain.get_by_role("heading", name=model)).to_be_visible()

    plain.goto(f"{site}/evaluate")
    plain.get_by_label("Model (needed)").fill(model)
    plain.get_by_label("Task").fill("text-classification")
    plain.get_by_label("CO2 equivalent", exact=True).fill("1.5 g")
    plain.get_by_label("Accuracy", exact=True).fill("0,91")
    plain.get_by_label("Downloads", exact=True).fill("1200")
    plain.get_by_label("add to the data set").check()
    plain.get_by_role("button", name="Show the label").click()
    plain.get_by_role("link", name="see that evaluation").click()
    expect(plain.get_by_role("heading", name=model)).to_be_visible()


def test_numbers_are_corrected_and_taken_back_by_keyboard(site: str, plain: Page) -> None:
    width = plain.viewport_size["width"] if plain.viewport_size else 0
    model = f"org/wrong-{width}"
    log_in(plain, site)
    plain.goto(f"{site}/evaluate")
    plain.get_by_label("Model (needed)").fill(model)
    plain.get_by_label("Energy", exact=True).fill("2.5")
    plain.get_by_label("add to the data set").check()
    plain.get_by_role("button", name="Show the label").click()
    plain.get_by_role("link", name="Correct these numbers").click()

    expect(plain.get_by_role("heading", name="Correct these numbers")).to_be_visible()
    expect(plain.get_by_label("Energy", exact=True)).to_have_value("2.5")
    plain.get_by_label("Unit of Energy").select_option("Wh")
    plain.get_by_label("Why it is corrected").fill("Wh, not kWh")
    plain.get_by_role("button", name="Show the label").click()
    plain.get_by_label("put these in the place of the old numbers").check()
    plain.keyboard.press("Enter")
    expect(plain.get_by_text("These numbers stand in the place of the old ones.")).to_be_visible()
    expect(plain.locator(".tile").get_by_text("2.5 Wh")).to_be_visible()

    plain.get_by_role("link", name="the evaluation of").click()
    expect(plain.get_by_role("alert")).to_contain_text("Taken back by alice")
    expect(plain.get_by_role("alert")).to_contain_text("Wh, not kWh")
    plain.get_by_role("link", name="The corrected numbers").click()
    plain.get_by_role("link", name="Take back").click()
    expect(plain.get_by_role("heading", name=f"Take back {model}?")).to_be_visible()
    expect(plain.get_by_label("Why")).to_be_focused()
    plain.keyboard.type("of another machine")
    plain.keyboard.press("Enter")

    expect(plain.get_by_role("heading", name="1 evaluation taken back")).to_be_visible()
    plain.goto(f"{site}/evaluations?model={model}")
    expect(plain.get_by_text("No evaluation has the model")).to_be_visible()
    plain.get_by_role("link", name="What was taken back").click()
    expect(plain.get_by_text("of another machine").first).to_be_visible()


def test_files_are_previewed_added_compared_and_reported(site: str, plain: Page) -> None:
    width = plain.viewport_size["width"] if plain.viewport_size else 0
    log_in(plain, site)
    plain.goto(f"{site}/upload")
    rows = f"model,emissions (kg),accuracy\nfirst/{width},0.001,0.9\nsecond/{width},0.002,0.8\nthird/{width},x,0.8\n"
    plain.get_by_label("Files").set_input_files(
        [FilePayload(name="runs.csv", mimeType="text/csv", buffer=rows.encode())]
    )
    plain.get_by_role("button", name="Read the files").click()
    expect(plain.get_by_role("heading", name="3 runs read")).to_be_visible()
    expect(plain.get_by_text("is not a number")).to_be_visible()
    plain.get_by_role("button", name="Add 2 to the data set").click()
    expect(plain.get_by_role("heading", name="2 added, 1 not added")).to_be_visible()

    plain.goto(f"{site}/evaluations?scale=gaissa&q=/{width}&sort=name")
    plain.get_by_label("Compare", exact=False).nth(0).check()
    plain.get_by_label("Compare", exact=False).nth(1).check()
    plain.get_by_role("button", name="Compare the ticked").click()
    expect(plain.get_by_role("heading", name="Compare")).to_be_visible()
    expect(
        plain.get_by_text("2 times", exact=False).or_(plain.get_by_text("50 % less", exact=False)).first
    ).to_be_visible()

    plain.goto(f"{site}/report")
    plain.get_by_label("User").select_option("alice")
    plain.get_by_role("button", name="Make the report").click()
    expect(plain.get_by_role("heading", name="Method and uncertainty")).to_be_visible()
    with plain.expect_download() as download:
        plain.get_by_role("link", name="PDF").click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF")


def test_a_model_reads_its_file_and_an_analysis_is_kept(site: str, plain: Page) -> None:
    width = plain.viewport_size["width"] if plain.viewport_size else 0
    log_in(plain, site)
    plain.goto(f"{site}/models/2")
    content = safetensors({"a": (1000, width)})
    plain.get_by_label("Facts from the model's file").set_input_files(
        [FilePayload(name="net.safetensors", mimeType="application/octet-stream", buffer=content)]
    )
    plain.get_by_role("button", name="Read the file").click()
    expect(plain.get_by_role("status")).to_contain_text(f"with {1000 * width:,} parameters")
    plain.get_by_label("Facts from the model's file").set_input_files(MODELS / "row-keras3.keras")
    plain.get_by_label("Shape of its input").fill("input_layer=1x16x16x1")
    plain.get_by_role("button", name="Read the file").click()
    expect(plain.get_by_role("status")).to_contain_text("with 197 parameters and 5.23 kFLOP per request")
    expect(plain.get_by_label("Shape of its input")).to_have_value("input_layer=1x16x16x1")
    plain.get_by_role("link", name=re.compile("inference$")).click()
    expect(plain.get_by_label("FLOPs per request", exact=True)).to_have_value("5.232")
    plain.get_by_role("link", name="Training", exact=True).click()
    expect(plain.get_by_label("Parameters", exact=True)).to_have_value("197")
    plain.goto(f"{site}/models/2")
    plain.get_by_label("Facts from the model's file").set_input_files(
        [FilePayload(name="net.txt", mimeType="text/plain", buffer=b"no model")]
    )
    plain.get_by_role("button", name="Read the file").click()
    expect(plain.get_by_role("alert")).to_contain_text("net.txt: this format is not read")

    title = f"int8 at {width}"
    plain.goto(f"{site}/roi?baseline=w1&after=w2&calls_per_day=20000&price=0,25&cost=500")
    plain.get_by_role("textbox", name="Title").fill(title)
    plain.get_by_role("button", name="Keep", exact=True).click()
    expect(plain.get_by_role("heading", name=title)).to_be_visible()
    plain.goto(f"{site}/evaluations/w2")
    plain.get_by_role("link", name=title).click()
    plain.get_by_role("button", name="Remove this analysis").click()
    expect(plain.get_by_role("heading", name="Does a tactic pay back?")).to_be_visible()
    expect(plain.get_by_role("link", name=title)).to_have_count(0)


def test_paper_has_no_form_and_shows_the_sources(site: str, plain: Page) -> None:
    log_in(plain, site)
    plain.emulate_media(media="print")
    for address in ADDRESSES:
        plain.goto(site + address)
        for what in ("form", "button", "nav"):
            assert plain.locator(f"{what}:visible").count() == 0, (address, what)
        expect(plain.locator("h1").first).to_be_visible()
    plain.goto(f"{site}/evaluations")
    expect(plain.get_by_role("link", name="distilbert/distilbert-base")).to_be_visible()
    expect(plain.locator("input:visible")).to_have_count(0)
    plain.goto(f"{site}/evaluations/w1")
    expect(plain.get_by_text("a phone battery of 15 Wh").first).to_be_visible()
