"""The study by page and by REST: filters, charts, letters; and grading all of it again by command."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_site import Site, error
from gramwatt_labeler.__main__ import main
from gramwatt_labeler.hub.sync import sync
from gramwatt_labeler.hub.table import Table
from gramwatt_labeler.scale_files import load_scales
from gramwatt_labeler.store.hub import HubRows

HEAD = (
    "modelId,datasets,datasets_size,co2_eq_emissions,source,training_type,geographical_location,environment,"
    "performance_metrics,downloads,likes,library_name,domain,size,created_at\n"
)
CHARTS = ("months", "reporters", "letters", "sizes", "domains", "reporting")
# 24 models over 6 months: CO2 10, 20 .. 240 g, downloads 0, 100 .. 2300, half of them of AutoTrain.
ROWS = [
    f"org/m{n},[],1000,{10.0 * (n + 1)},{'AutoTrain' if n % 2 else 'CodeCarbon'},fine-tuning,East US,8 v100,"
    f"\"{{'accuracy': 0.9, 'f1': 0.8}}\",{100 * n},{n},['transformers'],{'NLP' if n < 18 else 'Audio'},"
    f"{1e6 * (n + 1)},2022-0{1 + n // 4}-03"
    for n in range(24)
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("study"))
    table = Table(HEAD + "\n".join(ROWS) + "\n", "models.csv")
    sync(table, HubRows(made.store.database), load_scales(), "gramwatt", "test")
    yield made
    made.store.close()


@pytest.mark.parametrize(
    ("query", "models"),
    [
        ("", 24),
        ("domain=Audio", 6),
        ("source=AutoTrain&domain=NLP", 9),
        ("co2_from=0.1 kg", 15),
        ("co2_from=20&co2_to=40,0", 3),
        ("downloads_from=1k", 14),
        ("likes_from=20", 4),
        ("from=2022-02&to=2022-03", 8),
        ("from=2023-01", 0),
    ],
)
def test_the_same_filters_narrow_the_page_and_the_calls(site: Site, query: str, models: int) -> None:
    summary = site.get(f"study/summary?{query}")
    assert (summary.status_code, summary.json()["models"]) == (200, models)
    assert site.get(f"study/letters?{query}").json()["models"] == models
    page = site.client.get(f"/study?{query}")
    assert page.status_code == 200
    if models:
        assert f"<b>{models}</b><span>models</span>" in page.text
    else:
        assert "No model passes all of these filters: From 2023-01." in re.sub(r"\s+", " ", page.text)


@pytest.mark.parametrize(
    ("query", "name"),
    [("domain=Video", "domain"), ("co2_from=1,500", "co2_from"), ("co2_to=5 s", "co2_to"),
     ("likes_from=-1", "likes_from"), ("from=2022", "from"), ("to=2022-13", "to"), ("source=" + "x" * 300, "source")],
)  # fmt: skip
def test_a_filter_that_cannot_be_read_is_named(site: Site, query: str, name: str) -> None:
    assert error(site.get(f"study/summary?{query}")) == (422, "invalid", name)
    assert error(site.get(f"study/charts/months.svg?{query}")) == (422, "invalid", name)
    page = site.client.get(f"/study?{query}")
    assert (page.status_code, f"{name}: " in page.text) == (422, True)


def test_an_empty_study_says_which_filter_empties_it(site: Site) -> None:
    page = site.client.get("/study?domain=Audio&downloads_from=1&to=2022-02").text
    words = re.sub(r"\s+", " ", page)
    assert (
        "Domain Audio, Downloads at least 1, To 2022-02. The first that leaves none is To 2022-02." in words
    )


def test_a_choice_that_no_model_has_is_refused_with_those_that_there_are(site: Site) -> None:
    found = site.get("study/summary?domain=Video").json()["error"]
    assert (found["message"], found["allowed"]) == ("no model has it", ["Audio", "NLP"])


def test_the_document_says_what_each_filter_takes(site: Site) -> None:
    for call in ("summary", "letters", "charts/{name}.{form}"):
        document = site.get("openapi.json").json()["paths"][f"/api/v1/study/{call}"]["get"]
        meaning = {one["name"]: one.get("description", "") for one in document["parameters"]}
        assert "in g, or with its unit behind it" in meaning["co2_from"]
        assert "units: g, mg, kg, t, lb" in meaning["co2_to"]
        assert "a number, alone or with k, M, B" in meaning["downloads_from"]
        assert "a month" in meaning["to"]


def test_each_chart_is_a_picture_and_its_numbers(site: Site) -> None:
    known = site.get("study/charts").json()["charts"]
    assert tuple(one["name"] for one in known) == CHARTS
    page = site.client.get("/study").text
    for one in known:
        assert one["title"] in page
        picture = site.get(f"study/charts/{one['name']}.svg")
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/svg+xml")
        assert picture.text.startswith("<svg")
        assert (
            site.get(f"study/charts/{one['name']}.svg", If_None_Match=picture.headers["etag"]).status_code
            == 304
        )
        body = site.get(f"study/charts/{one['name']}.json").json()
        assert (body["title"], body["models"]) == (one["title"], 24)
        assert body["spec"]["data"]["values"]
    months = site.get("study/charts/months.json?from=2022-01&to=2022-02").json()["spec"]["data"]["values"]
    assert [(one["month"], one["median"]) for one in months] == [("2022-01", 25.0), ("2022-02", 65.0)]
    assert error(site.get("study/charts/pie.svg")) == (404, "not_found", "name")
    assert error(site.get("study/charts/months.png")) == (404, "not_found", "name")
    assert error(site.get("study/charts/months.svg?from=2022-01&to=2022-01"))[:2] == (404, "not_found")
    assert error(site.get("study/charts/letters.svg?scale=nope")) == (422, "invalid", "scale")


def test_the_best_of_each_letter_is_named(site: Site) -> None:
    found = site.get("study/letters").json()
    assert sum(found["letters"].values()) == 24
    assert set(found["best"]) == set(found["letters"]) <= set("ABCDE")
    for one in found["best"].values():
        assert site.get(f"evaluations/{one['evaluation']}").json()["emissions_grams"] == one["grams"]
    assert site.get("study/letters?scale=gramwatt").json()["scale"] == "gramwatt"


def test_the_command_grades_every_model_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "models.csv"
    file.write_text(HEAD + "\n".join(ROWS) + "\n")
    database = ["--data.database-url", f"sqlite:///{tmp_path / 'grades.db'}"]
    assert main(["study", *database, "grade"]) == 0
    assert "0 models with CO2 graded on gaissa-fixed: none is here" in capsys.readouterr().out
    assert main(["study", *database, "import", str(file)]) == 0
    capsys.readouterr()
    assert main(["study", *database, "--json", "grade"]) == 0
    before = json.loads(capsys.readouterr().out)
    assert before["models"] == 24
    # The same scale with every CO2 bound moved: grading again follows it.
    scale = next(one for one in load_scales().values() if one.id.name == "gaissa-fixed")
    folder = tmp_path / "scales"
    folder.mkdir()
    text = scale.file.read_text().replace(f'version: "{scale.id.version}"', 'version: "9"')
    (folder / "fixed.yml").write_text(re.sub(r"weight: [\d.]+", "weight: 0.2", text))
    assert main(["study", *database, "--grading.scales-dir", str(folder), "grade"]) == 0
    assert "24 models with CO2 graded on gaissa-fixed" in capsys.readouterr().out
    assert main(["study", *database, "grade", "--scale", "nope"]) == 2
    assert "--scale: no scale 'nope'; there are" in capsys.readouterr().err


def test_a_model_that_is_in_a_table_twice_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "models.csv"
    database = ["--data.database-url", f"sqlite:///{tmp_path / 'grades.db'}"]
    for rows, words in (
        ((*ROWS, ROWS[0]), "1 line is of a model"),
        ((*ROWS, *ROWS[:3]), "3 lines are of a model"),
    ):
        file.write_text(HEAD + "\n".join(rows) + "\n")
        assert main(["study", *database, "import", str(file)]) == 0
        said = capsys.readouterr()
        assert "24 models seen" in said.out
        assert words in said.err
    file.write_text(HEAD + "\n".join(ROWS) + "\n")
    assert main(["study", *database, "import", str(file)]) == 0
    assert capsys.readouterr().err == ""


def test_the_record_of_a_hubs_model_names_who_measured_it(site: Site) -> None:
    one = site.get("evaluations?origin=hub&model=org/m0").json()["evaluations"][0]["id"]
    record = site.client.get(f"/evaluations/{one}").text.partition("The record")[2]
    assert "<dt>Measured by</dt><dd>CodeCarbon</dd>" in record
    assert "training type: fine-tuning" in record
    assert "<dt>Accuracy</dt>" in record
    assert "[&#39;" not in record  # no list as a program has it


def test_an_export_has_no_formula_for_a_spreadsheet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A card says where it was measured in any words."""
    file = tmp_path / "models.csv"
    file.write_text(HEAD + ROWS[0].replace("CodeCarbon", '"\r=1+1\nX"') + "\n")
    database = ["--data.database-url", f"sqlite:///{tmp_path / 'grades.db'}"]
    assert main(["study", *database, "import", str(file)]) == 0
    capsys.readouterr()
    assert main(["study", *database, "export"]) == 0
    (row,) = csv.DictReader(capsys.readouterr().out.splitlines())
    assert row["hub_id"] == "org/m0"
    assert row["source"].startswith("'")
    assert row["source"].endswith("=1+1 X")


def test_the_explorer_draws_no_quantity_against_itself(site: Site) -> None:
    """The CO2 of a hub's model is a quantity of the run and a metric of its scale: one number by two names."""
    page = site.client.get("/explore?origin=hub&scale=gaissa-fixed").text
    titles = re.findall(r"<h2>([^<]+ against [^<]+)</h2>", page)
    assert len(titles) == 1
    assert titles[0].count("CO2") < 2
    asked = site.client.get("/explore?origin=hub&scale=gaissa-fixed&x=co2&y=co2_eq_emissions").text
    assert "CO2 of the run against CO2 (g)" in asked
