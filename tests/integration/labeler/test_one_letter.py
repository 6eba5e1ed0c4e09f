"""One run has one letter and one set of numbers, whichever door it came by and wherever it is read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from api_site import NOW, Browser, Site
from gramwatt_labeler.__main__ import main
from gramwatt_labeler.model import Graded, Measurement, Window
from gramwatt_labeler.scale_book.regrading import regrade
from gramwatt_labeler.scale_files import grade
from gramwatt_labeler.store import Origin, Store

TRAINING = {
    "phase": "training", "model": "acme/net", "task": "image-classification", "dataset": "cifar10",
    "energy": "1,35", "energy_unit": "kWh", "emissions": "420", "accuracy": "91", "accuracy_unit": "%",
    "size": "98", "size_unit": "MB", "dataset_size": "170", "dataset_size_unit": "MB", "downloads": "1200",
}  # fmt: skip
# GAISSALabel's managers set the intervals of its inferences, too.
INFERENCES = """\
format: 2
kind: rated
name: gaissalabel
title: Ours
version: "2026"
date: 2026-11-29
source: us
phase: inference
letters: [A, B, C, D, E]
metrics:
  duration: {weight: 0.3, unit: ms, lower_is_better: true, cuts: [50, 200, 1000, 5000]}
  flops: {weight: 0.3, lower_is_better: true, cuts: [1.0e+9, 5.0e+9, 2.0e+10, 1.0e+11]}
  energy: {weight: 0.3, unit: kWh, lower_is_better: true, cuts: [0.001, 0.01, 0.1, 1]}
  accuracy: {weight: 0.1, unit: "%", bounds: [95, 90, 80, 60]}
"""


def _drawn(text: str) -> str:
    """The letter that a picture of a label says, in words for those who do not see it."""
    found = re.search(r"grade ([A-E])\b", text)
    return found[1] if found else ""


def _on_label(page: str) -> str:
    """The letter of the label on a page, "" for none; the other scales' letters stand in a table beside it."""
    found = re.search(r"Energy label of [^<\"]*: (?:grade ([A-E])|not graded)", page)
    assert found, "the page has no label"
    return found[1] or ""


def _added(browser: Browser, form: dict[str, str]) -> str:
    answer = browser.post("/evaluate", **form, add="1")
    assert "Added to the data set" in answer.text
    return str(answer.url.path).rsplit("/", 1)[1]


def test_a_letter_is_the_same_on_form_page_label_list_model_and_rest(site: Site) -> None:
    browser = Browser(site)
    typed = _drawn(browser.post("/evaluate", **TRAINING).text)
    assert typed
    evaluation = _added(browser, TRAINING)
    scale = "gaissa-fixed"  # the main scale has no reference for this data set
    for path in (
        f"/evaluations/{evaluation}", f"/evaluations/{evaluation}/label.svg", f"/labels/{evaluation}",
        f"/labels/{evaluation}.svg", f"/api/v1/labels/{evaluation}.svg",
    ):  # fmt: skip
        assert _drawn(browser.get(path)) == typed, path
    model = site.store.evaluation(evaluation).grades
    assert {name for name, one in model.items() if one.grade.letter} >= {"gaissa", scale}
    listed = browser.get("/evaluations")
    assert f'aria-label="grade {typed}"' in listed
    assert f"<small>{scale}</small>" in listed
    shown = browser.get("/models/1")
    assert f"label.svg?scale={scale}" in shown
    on_main = browser.get("/evaluations?scale=gramwatt")  # what is asked for by name is that alone
    assert 'aria-label="grade' not in on_main


def test_compared_runs_have_the_letters_of_their_labels(site: Site) -> None:
    browser = Browser(site)
    ids = [_added(browser, TRAINING), _added(browser, TRAINING | {"model": "acme/other"})]
    letter = _drawn(browser.get(f"/evaluations/{ids[0]}"))
    assert browser.get(f"/compare?ids={','.join(ids)}").count(f'aria-label="grade {letter}"') == 2


def _scale_saved(site: Site) -> None:
    made = site.post("scales", {"content": INFERENCES}, "manager")
    assert made.status_code == 201, made.text


def test_every_number_of_the_form_counts_where_a_manager_gives_it_an_interval(site: Site) -> None:
    _scale_saved(site)
    browser = Browser(site)
    form = {
        "phase": "inference", "model": "acme/net", "duration": "0,12", "flops": "4.1", "flops_unit": "GFLOP",
        "energy": "18", "energy_unit": "kJ", "accuracy": "91 %",
    }  # fmt: skip
    page = browser.post("/evaluate", **form).text
    assert "it may be anything" not in page  # no metric is missing
    evaluation = _added(browser, form)
    grade = site.store.evaluation(evaluation).grades["gaissalabel"].grade
    assert {name: one.letter for name, one in grade.metrics.items()} == {
        "duration": "B", "flops": "B", "energy": "B", "accuracy": "B",
    }  # fmt: skip
    own = browser.get(f"/evaluations/{evaluation}")
    for text in ("120 ms", "4.1 GFLOP", "5 Wh"):  # pages say each value in a unit that people read
        assert text in own


def test_a_preview_counts_a_letter_that_changes_and_none_where_nothing_does(site: Site) -> None:
    _scale_saved(site)
    form = {"phase": "inference", "model": "acme/net", "duration": "0,12", "flops": "4.1 GFLOP"}
    evaluation = _added(Browser(site), form)
    before = site.store.evaluation(evaluation).grades["gaissalabel"].grade
    narrower = INFERENCES.replace('"2026"', '"2027"').replace("[50, 200,", "[20, 100,")
    preview = site.post("scales/check", {"content": narrower}, "manager").json()
    assert (preview["changed"], preview["transitions"]) == (1, [{"from": "B", "to": "C", "count": 1}])
    assert {name: one.letter for name, one in before.metrics.items()} == {"duration": "B", "flops": "B"}
    same = site.post("scales/check", {"content": INFERENCES.replace('"2026"', '"2028"')}, "manager").json()
    assert same["changed"] == 0


@pytest.mark.parametrize(
    ("limits", "hint"),
    [
        ("bounds: [0.05, 0.2, 1, 5]", "lower_is_better: true"),
        ("cuts: [5, 1, 0.2, 0.05]", "rising"),
        ("cuts: [1e9, 2e9, 3e9, 4e9]", "write 1.0e+9"),
    ],
)
def test_limits_the_wrong_way_say_how_less_is_better(site: Site, limits: str, hint: str) -> None:
    wrong = f"  duration: {{weight: 1, {limits}}}\n"
    content = re.sub(r"metrics:\n.*", "metrics:\n" + wrong, INFERENCES, flags=re.DOTALL)
    answer: Any = site.post("scales/check", {"content": content}, "manager")
    assert answer.status_code == 422
    assert hint in answer.json()["error"]["message"]


CODECARBON = (
    b"timestamp,project_name,run_id,duration,emissions,cpu_energy,gpu_energy,ram_energy,energy_consumed,"
    b"country_iso_code,codecarbon_version,cpu_model,gpu_model,tracking_mode\n"
    b"2026-11-20T10:00:00,resnet,run-1,3600.5,0.0561,0.0425,%b,0.0117,%b,FRA,3.0.4,AMD EPYC 7763,%b,machine\n"
)


def _imported(site: Site, content: bytes) -> dict[str, Any]:
    answer = site.client.post(
        "/api/v1/evaluations/import", headers=site.headers(), files=[("files", ("emissions.csv", content))],
        data={"phase": "training", "task": "image-classification"},
    )  # fmt: skip
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = site.get("evaluations?limit=1").json()["evaluations"][0]
    return found


def test_a_file_of_codecarbons_keeps_units_parts_hardware_and_country(site: Site) -> None:
    one = _imported(site, CODECARBON % (b"0.2103", b"0.2645", b"8 x NVIDIA A100"))
    assert one["energy_joules"] == pytest.approx(0.2645 * 3.6e6)  # it writes kWh and kg
    assert one["emissions_grams"] == pytest.approx(56.1)
    assert one["components"] == {
        name: pytest.approx(kilowatt_hours * 3.6e6)
        for name, kilowatt_hours in (("cpu", 0.0425), ("gpu", 0.2103), ("dram", 0.0117))
    }
    assert (one["zone"], one["boundary"]) == ("FRA", "machine")
    assert one["intensity_grams_per_kwh"] == pytest.approx(56.1 / 0.2645)
    page = Browser(site).get(f"/evaluations/{one['id']}")
    for text in ("264 Wh", "56.1 g", "By component", "8 x NVIDIA A100", "FRA, 212 g/kWh"):
        assert text in page


def _letters(store: Store, evaluation: str) -> dict[str, str | None]:
    return {name: one.grade.letter for name, one in store.evaluation(evaluation).grades.items()}


@pytest.mark.parametrize("named", ["gramwatt", "gramwatt,comparia"])
def test_a_file_of_codecarbons_has_the_same_letters_by_command_and_rest(
    site: Site, tmp_path: Path, named: str
) -> None:
    file, database = tmp_path / "emissions.csv", f"sqlite:///{tmp_path / 'own.db'}"
    file.write_bytes(CODECARBON % (b"0.2103", b"0.2645", b"8 x NVIDIA A100"))
    facts = ["--phase", "training", "--task", "image-classification", "--grading.scales", named]
    assert main(["import", str(file), *facts, "--data.database-url", database]) == 0
    store = Store(database)
    by_command = _letters(store, "run-1")
    store.close()
    assert {name for name, letter in by_command.items() if letter} == {"gaissa"}
    by_rest = _letters(site.store, _imported(site, file.read_bytes())["id"])
    assert {name: letter for name, letter in by_command.items() if name in by_rest} == by_rest
    assert set(by_command) - set(by_rest) == set(named.split(",")) - {"gramwatt"}


def test_what_is_measured_is_graded_on_the_scales_of_the_settings_before_and_after_a_change(
    site: Site,
) -> None:
    """A letter of a recorded run rests on energy, unless the settings name a scale of other metrics."""
    window = Window("w1", "train", "training", NOW - 3600, NOW, model="acme/net", task="image-classification")
    measured = Measurement(7200.0, {"cpu": 7200.0}, 100, 1.0, emissions_grams=0.1)
    site.store.add(Graded(window, measured, grade(site.scales["gramwatt"], window, measured), NOW))
    assert site.store.evaluation("w1").evaluation.origin is Origin.WINDOW
    content = Path(str(site.scales.files["gaissa"].file)).read_text()
    own = {"content": re.sub(r"^name: .*$", "name: ours", content, flags=re.MULTILINE)}
    assert site.post("scales/check", own, "manager").json()["changed"] == 0
    assert site.post("scales", own, "manager").status_code == 201
    assert list(regrade(site.store, site.scales["ours"], NOW, grades_new=True)) == []
    (one,) = regrade(site.store, site.scales["ours"], NOW, grades_new=True, of_measured=["gramwatt", "ours"])
    assert one.after.letter == "A"


def test_a_run_without_a_gpu_has_its_cpu_as_hardware(site: Site) -> None:
    one = _imported(site, CODECARBON % (b"0.0", b"0.0542", b""))
    assert set(one["components"]) == {"cpu", "dram"}  # 0 is how it writes that there is none
    assert "AMD EPYC 7763" in Browser(site).get(f"/evaluations/{one['id']}")


def test_parts_beyond_the_whole_are_a_mistake_in_their_column(site: Site) -> None:
    answer = site.client.post(
        "/api/v1/evaluations/import", headers=site.headers(),
        files=[("files", ("emissions.csv", CODECARBON % (b"0.9", b"0.2645", b"")))], data={"phase": "training"},
    )  # fmt: skip
    assert "column 'gpu_energy': the parts are" in answer.text
    assert site.get("evaluations").json()["evaluations"] == []


@pytest.mark.parametrize(
    "left_out", ["energy", "emissions", "accuracy", "size", "dataset_size", "downloads", "task dataset"]
)
def test_a_number_left_out_never_gives_another_letter(site: Site, left_out: str) -> None:
    browser = Browser(site)
    whole = _on_label(browser.post("/evaluate", **TRAINING).text)
    assert whole
    less = {name: text for name, text in TRAINING.items() if name not in left_out.split()}
    assert _on_label(browser.post("/evaluate", **less).text) in ("", whole)


@pytest.mark.parametrize(
    "values",
    [
        {"accuracy": 0.97},
        {"downloads": 10**9},
        {"accuracy": 0.97, "size": 1000},
        {"emissions": 31.7, "accuracy": 0.6},
    ],
)
def test_no_letter_stands_on_less_than_its_scale_needs(site: Site, values: dict[str, float]) -> None:
    added = site.post("evaluations", {"phase": "training", "model": "acme/net", "values": values}).json()
    one = added["evaluations"][0]
    assert one["letter"] is None
    assert one["grades"]["gaissa"] is not None  # the original gives one all the same, on its own line
    page = Browser(site).get(f"/evaluations/{one['id']}")
    assert _on_label(page) == ""
    assert "may be anything" in page


def test_what_codecarbon_wrote_has_no_letter_without_what_it_did(site: Site) -> None:
    _imported(site, CODECARBON % (b"0.2103", b"0.2645", b"8 x NVIDIA A100"))
    assert site.get("evaluations").json()["evaluations"][0]["grade"]["letter"] is None
    assert 'aria-label="grade' not in Browser(site).get("/evaluations")


def test_lists_rest_and_report_have_the_letter_of_the_label(site: Site) -> None:
    browser = Browser(site)
    evaluation = _added(browser, TRAINING)
    letter = _drawn(browser.get(f"/evaluations/{evaluation}"))
    assert letter
    # A search sends every field of its form.
    for path in ("/evaluations?q=acme&scale=&letter=&sort=-ended", "/report?made=1"):
        page = browser.get(path)
        assert f'aria-label="grade {letter}"' in page, path
        assert "<small>gaissa-fixed</small>" in page, path
    assert "gaissa-fixed (1, sha256" in browser.get("/report?made=1")
    for shown in (
        site.get("evaluations").json()["evaluations"][0]["grade"],
        site.get("models/1/evaluations").json()["evaluations"][0]["grade"],
        site.get(f"evaluations/{evaluation}").json()["grade"],
    ):
        assert (shown["letter"], shown["scale"]["name"]) == (letter, "gaissa-fixed")
    named = site.get("evaluations?scale=gramwatt").json()["evaluations"][0]["grade"]
    assert (named["letter"], named["scale"]["name"]) == (None, "gramwatt")


def test_a_filter_by_letter_says_which_scale_it_asks(site: Site) -> None:
    browser = Browser(site)
    letter = _drawn(browser.get(f"/evaluations/{_added(browser, TRAINING)}"))
    assert "Letters are those on scale gramwatt" in browser.get(f"/evaluations?letter={letter}")
    assert f'aria-label="grade {letter}"' in browser.get(f"/evaluations?letter={letter}&scale=gaissa-fixed")


def test_letters_of_different_scales_are_not_compared(site: Site) -> None:
    browser = Browser(site)
    inference = {
        "phase": "inference", "model": "acme/other", "task": "text-classification", "hardware": "8 x NVIDIA A100",
        "boundary": "machine", "energy": "3 kJ", "requests": "400",
    }  # fmt: skip
    ids = [_added(browser, TRAINING), _added(browser, inference)]
    page = browser.get(f"/compare?ids={','.join(ids)}")
    assert page.count('aria-label="grade ') == 2
    for text in (
        "different scales (gaissa-fixed, gramwatt)",
        "<small>gaissa-fixed</small>",
        "<small>gramwatt</small>",
    ):
        assert text in page
    assert "<h2>Run time" not in page  # neither is known, and a bar would be 0


def test_an_explorer_without_letters_says_where_they_are(site: Site) -> None:
    browser = Browser(site)
    _added(browser, TRAINING)
    page = browser.get("/explore")
    assert "None of these has a letter on scale gramwatt" in page
    assert re.search(r'<a href="/explore\?[^"]*scale=gaissa-fixed[^"]*">gaissa-fixed</a>', page)


def test_a_share_is_no_thousandths_on_an_axis(site: Site) -> None:
    for number, accuracy in enumerate(("0.31", "0.62", "0.93")):
        _added(Browser(site), TRAINING | {"model": f"acme/{number}", "accuracy": accuracy, "accuracy_unit": "",
                                          "emissions": str(100 * (number + 1))})  # fmt: skip
    drawn = Browser(site).get("/explore?x=co2&y=accuracy")
    assert "Accuracy against CO2" in drawn
    assert re.search(r">0\.\d<", drawn)
    assert not re.search(r">\d+m<", drawn)
