"""The pages one reads: the list, an evaluation, a comparison, a return, a report."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import httpx
import pytest
from fastapi.testclient import TestClient
from gramwatt_labeler.intensities.kept import keep
from gramwatt_labeler.intensities.table import Intensity
from gramwatt_labeler.prometheus import Prometheus
from gramwatt_labeler.store import Store
from labeler_pages import HOSTILE, NOW, READER, application
from pypdf import PdfReader

PAGES = (
    "/evaluations", "/explore", "/evaluations?q=bert&letter=none&scale=gaissa", "/evaluations/w1",
    "/evaluations/w5?runs=2,5",
    "/evaluate", "/upload", "/compare?ids=w1&ids=w2,w4", "/roi", "/report", "/report?month=2026-11&user=alice",
)  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_every_page_stands_without_scripts_and_names_its_place(reader: TestClient, path: str) -> None:
    page = reader.get(path)
    assert page.status_code == 200
    assert "<script" not in page.text
    assert " style=" not in page.text
    assert "<h1>" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe-inline" not in page.headers["content-security-policy"]


def test_the_list_is_searched_filtered_and_sorted(reader: TestClient) -> None:
    def listed(query: str) -> list[str]:
        return re.findall(r'<a href="/evaluations/(\w+)">', reader.get(f"/evaluations?{query}").text)

    assert listed("") == ["w1", "w2", "w3", "w4", "w5"]
    assert listed("q=DISTIL") == ["w2"]
    assert listed("user=bob") == ["w2"]
    assert listed("task=text-generation&sort=-energy") == ["w4", "w3", "w1", "w2"]
    assert listed("model=google-bert/bert-base-uncased") == ["w1", "w3"]
    assert listed("since=2027-01-01") == []
    assert listed("host=lab-1:10044") == ["w1", "w2", "w3", "w4", "w5"]
    for path in ("/evaluations", "/explore"):  # a form keeps what it was narrowed by
        page = reader.get(f"{path}?host=lab-1:10044&dataset=squad").text
        assert '<option value="lab-1:10044" selected>' in page
        assert re.search(r'name="dataset"[^>]* value="squad"', page)
    assert "No evaluation has the words nothing-like-it." in reader.get("/evaluations?q=nothing-like-it").text


@pytest.mark.parametrize(
    ("query", "allowed"),
    [
        ("phase=x", "training, inference"),
        ("origin=x", "window"),
        ("scale=x", "gramwatt"),
        ("sort=x", "-ended"),
        ("since=soon", "2026-11-28"),
        ("cursor=x", "cursor"),
    ],
)
def test_a_filter_that_is_none_says_what_is_allowed(reader: TestClient, query: str, allowed: str) -> None:
    answer = reader.get(f"/evaluations?{query}")
    assert answer.status_code == 422
    assert allowed in answer.text


def test_an_evaluation_says_all_about_itself(reader: TestClient) -> None:
    page = reader.get("/evaluations/w1?runs=10").text
    for words in (
        "1.67 Wh",
        "hours of an LED bulb",
        "A year of it",
        "6.08 kWh",
        "raw JSON",
        "nvml",
        "What helps",
    ):
        assert words in page
    assert reader.get("/evaluations/nothing").status_code == 404
    assert reader.get("/evaluations/w1.json").json()["grades"][0]["window"]["id"] == "w1"
    assert reader.get("/evaluations/w1/label.pdf").content.startswith(b"%PDF")
    assert "must not be negative" in reader.get("/evaluations/w1?runs=-1").text
    assert "write a number" in reader.get("/evaluations/w1?runs=0").text
    assert "can mean 10000 or 10" in reader.get("/evaluations/w1?runs=10.000").text
    assert HOSTILE[:8] not in reader.get("/evaluations/w5").text


def test_the_explorer_adds_up_and_draws_what_is_known(reader: TestClient) -> None:
    page = reader.get("/explore?x=per_unit&y=energy").text
    assert "Energy (J) against Energy per unit (J)" in page
    assert "Letters on gramwatt: 4 of 5<" in page
    assert ">5</b>" in page
    assert "of 4" in page  # one CO2 is not known
    assert "The best of each letter" in page
    assert "E" in re.findall(r">([A-E])</text>", page)
    assert "allowed: " in reader.get("/explore?x=nothing").text
    assert reader.get("/explore?phase=x").status_code == 422
    assert "nobody-here" in reader.get("/explore?user=nobody-here").text


def test_a_comparison_says_what_cannot_be_told_apart(reader: TestClient) -> None:
    page = reader.get("/compare?ids=w1&ids=w3&ids=w2").text
    assert "not distinguishable" in page  # 6.0 and 6.2 W at 5 %
    assert "66.7 % less (±2.4 %)" in page  # 2.0 W
    for query in ("", "ids=w1", "ids=w1&ids=none", "ids=" + ",".join("abcdefg")):
        assert reader.get(f"/compare?{query}").status_code == 422


def test_a_return_is_computed_from_evaluations_and_numbers(reader: TestClient) -> None:
    page = reader.get(
        "/roi?baseline=w1&after=w2&calls_per_day=1000000&price=0,36&cost=1,5&intensity=56&calls=10&calls_unit=M"
    ).text
    # The GPU takes 0.48 J and then 0.16 J a token, at 1e-7 a joule: 1.5 is won back after 46,875,000 tokens.
    assert "46,875,000" in page
    assert "46.9 days" in page
    assert "889 Wh" in page
    never = reader.get("/roi?old=2&new=6&calls_per_day=10&price=0.3").text
    assert "more, at 10 calls a day" in never
    assert "-" not in never.partition("<dt>A year</dt>")[2][:20]
    assert "never" in never
    wrong = reader.get("/roi?old=x&calls_per_day=0&price=")
    assert wrong.status_code == 422
    assert "must be above 0" in wrong.text
    assert "is needed" in wrong.text


def test_the_grid_of_a_country_is_that_of_its_newest_year(reader: TestClient, store: Store) -> None:
    keep(
        store,
        [Intensity("France", year, grams, "a table") for year, grams in ((2022, 67.7), (2023, 56.04))],
        NOW,
    )
    page = reader.get("/roi?old=10&new=5&calls_per_day=10&price=1&zone=France").text
    assert "France 2023: 56.04 g per kWh (a table)" in page
    assert "CO2 saved" in page
    assert "<b>not known</b>" not in page


def test_a_tactic_brings_its_published_saving(reader: TestClient) -> None:
    page = reader.get("/roi?tactic=compression&old=100&calls_per_day=10&price=0.3&cost=0").text
    assert "At the low end of its range" in page
    assert "Deep Compression" in page


def test_a_report_is_a_page_a_file_and_a_pdf(reader: TestClient) -> None:
    page = reader.get("/report?month=2026-11&user=alice").text
    assert "of user alice in November 2026" in page
    assert "of 2 of the 3 runs" in page  # one CO2 is not known
    assert "The state of the budgets is not known" in page
    file = reader.get("/report.html?month=2026-11&user=alice")
    assert "attachment" in file.headers["content-disposition"]
    assert not re.search(r'(?:src|href)="(?!https://|#)', file.text)  # everything is inside
    assert "@media print" in file.text
    pdf = reader.get("/report.pdf?month=2026-11")
    text = "\n".join(one.extract_text() for one in PdfReader(io.BytesIO(pdf.content)).pages)
    assert "Method and uncertainty" in text
    assert "google-bert/bert-base-uncased" in text
    assert reader.get("/report.doc?month=2026-11").status_code == 404
    assert reader.get("/report?month=2026-13").status_code == 422
    assert reader.get("/report?user=nobody-here").status_code == 422


class _Counters(httpx.BaseTransport):
    """A Prometheus with the counters of w1 (6 W, a hole in the middle) and one budget."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        query = httpx.QueryParams(request.content.decode())["query"]
        start = NOW - 1000
        if "energy_joules" in query:
            times = [start + 5 + 10 * step for step in range(100) if not 40 < step < 60]
            rows: list[dict[str, object]] = [
                {
                    "metric": {"component": name, "instance": "a"},
                    "values": [[at, str(share * (at - start))] for at in times],
                }
                for name, share in (("cpu", 2.0), ("gpu", 4.0))
            ]
            return self._answer("matrix", rows)
        value = "9000" if "limit" in query else "4500"
        return self._answer("vector", [{"metric": {"budget": "lab"}, "value": [NOW, value]}])

    def _answer(self, kind: str, rows: list[dict[str, object]]) -> httpx.Response:
        return httpx.Response(200, json={"status": "success", "data": {"resultType": kind, "result": rows}})


@pytest.fixture
def measured(store: Store) -> Iterator[TestClient]:
    """The pages with a Prometheus behind them."""
    with httpx.Client(transport=_Counters()) as transport:
        yield TestClient(application(store, READER, Prometheus("http://prometheus", transport)))


def test_the_power_curve_has_a_gap_where_nobody_counted(measured: TestClient, reader: TestClient) -> None:
    drawing = measured.get("/evaluations/w1/power.svg").text
    area = re.findall(
        r'<path aria-label="[^"]*" role="[^"]*" aria-roledescription="area mark" d="([^"]+)"', drawing
    )
    joined = " ".join(area) or drawing
    assert joined.count("M") >= 2  # two stretches
    assert "no power curve" in reader.get("/evaluations/w1/power.svg").text


def test_a_run_that_was_scraped_once_has_no_curve_and_says_so(store: Store) -> None:
    class Once(_Counters):
        """The counters of w1 as a run that ended within one scrape has them."""

        def _answer(self, kind: str, rows: list[dict[str, object]]) -> httpx.Response:
            for row in rows:
                row["values"] = [[NOW + 1, "3"]]
            return super()._answer(kind, rows)

    with httpx.Client(transport=Once()) as transport:
        pages = TestClient(application(store, READER, Prometheus("http://prometheus", transport)))
        drawing = pages.get("/evaluations/w1/power.svg").text
    assert "ended before its energy was scraped a second time" in drawing


def test_a_report_names_the_state_of_budgets(measured: TestClient) -> None:
    assert "lab: 4.5 kg of 9 kg used (50 %)" in measured.get("/report?month=2026-11").text


class _Fleet(_Counters):
    """Three targets of two machines that share a budget; with the rules also what a machine that is off has spent."""

    def __init__(self, has_rules: bool) -> None:
        self._has_rules = has_rules

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        query = httpx.QueryParams(request.content.decode())["query"]
        found: list[tuple[dict[str, str], str]] = []
        machines = (("a:1", "m1", "1000"), ("a.lan:1", "m1", "1000"), ("b:1", "m2", "2500"))
        if "gramwatt_machine_info" in query:
            found = [({"job": "g", "instance": one, "machine": machine}, "1") for one, machine, _ in machines]
        elif "budget:" in query:
            value = "9000" if "limit" in query else "4500"
            found = [({"budget": "lab"}, value)] if self._has_rules else []
        elif "limit" in query:
            found = [({"job": "g", "instance": one, "budget": "lab"}, "9000") for one, _, _ in machines]
        else:
            found = [({"job": "g", "instance": one, "budget": "lab"}, grams) for one, _, grams in machines]
        return self._answer("vector", [{"metric": metric, "value": [NOW, value]} for metric, value in found])


@pytest.mark.parametrize(
    ("has_rules", "said"), [(True, "4.5 kg of 9 kg used (50 %)"), (False, "3.5 kg of 9 kg used (38.9 %)")]
)
def test_a_budget_of_several_machines_is_one(store: Store, has_rules: bool, said: str) -> None:
    with httpx.Client(transport=_Fleet(has_rules)) as transport:
        pages = TestClient(application(store, READER, Prometheus("http://prometheus", transport)))
        assert f"lab: {said}" in pages.get("/report?month=2026-11").text
