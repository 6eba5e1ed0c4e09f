"""Jobs of the older systems, done through a page, REST or a command as their users would."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from api_site import NOW, RUN, Browser, Site
from gramwatt_labeler.__main__ import main
from gramwatt_labeler.model import Graded, Measurement, Window
from gramwatt_labeler.scale_files import grade, load_scales
from gramwatt_labeler.store import Evaluation, Origin

MONTHS = b"""\
timestamp,project_name,run_id,duration,emissions,energy_consumed
2026-10-05T10:00:00,a,r1,3600,0.4,1.0
2026-11-06T10:00:00,b,r2,3600,0.8,2.0
2026-11-07T10:00:00,c,r3,3600,0.8,2.0
"""
OWID = """\
Entity,Code,Year,Carbon intensity of electricity - gCO2/kWh
France,FRA,2022,84.9
France,FRA,2023,56.0
World,OWID_WRL,2023,480.0
"""


def test_a_year_of_a_run_and_what_it_equals(site: Site) -> None:
    made = site.post("evaluations", RUN).json()["evaluations"][0]["id"]  # 1.35 kWh and 420 g
    page = Browser(site).get(f"/evaluations/{made}?runs=2")
    assert "<b>986 kWh</b> and <b>307 kg</b> CO2 equivalent in 365 days of 2 runs a day" in page
    assert "1.69</b> km by car" in page  # of the one run: 400 g a mile
    amounts = site.get("equivalents?energy=4860000&emissions=420").json()["equivalents"]
    assert any(one["amount"] == pytest.approx(420 / 400 * 1.609344) for one in amounts)


def test_the_explorer_has_months_filters_totals_and_equivalents(site: Site) -> None:
    answer = site.client.post(
        "/api/v1/evaluations/import", headers=site.headers(), files=[("files", ("emissions.csv", MONTHS))],
        data={"phase": "training", "task": "fill-mask"},
    )  # fmt: skip
    assert answer.status_code in (200, 201), answer.text
    browser = Browser(site)
    everything = browser.get("/explore")
    for text in ("CO2 of a run by month", "2026-10", "2026-11", "2 kg", "5 kWh", "km by car", "against"):
        assert text in everything, text
    november = browser.get("/explore?since=2026-11-01&until=2026-12-01&origin=codecarbon")
    assert "1.6 kg" in november
    assert "4 kWh" in november
    assert "2026-10<" not in november


def test_yearly_intensities_come_by_command_and_price_a_return(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "carbon-intensity-electricity.csv"
    table.write_text(OWID)
    assert main(["intensities", str(table), "--data.database-url", f"sqlite:///{site.file}"]) == 0
    capsys.readouterr()
    france = site.get("intensities?zone=France").json()["intensities"]
    assert [(one["year"], one["grams_per_kwh"]) for one in france] == [(2022, 84.9), (2023, 56.0)]
    page = site.client.get(
        "/roi?old=120&saving=40&saving_unit=%25&calls_per_day=20000&price=0.25&cost=0&zone=France"
    ).text
    assert re.search(r"5\.45 kg", page)  # 48 J x 7.3 million calls at 56 g/kWh


def test_tasks_models_hosts_and_intervals_are_found_over_rest(site: Site) -> None:
    scale = load_scales()["gramwatt"]
    for number, (host, model, task, user) in enumerate(
        (("lab-1:10044", "a/net", "fill-mask", "ann"), ("lab-2:10044", "a/net", "fill-mask", "bob"),
         ("lab-2:10044", "b/net", "summarization", "ann"))
    ):  # fmt: skip
        end = NOW + 86400.0 * number
        window = Window(
            f"w{number}", "run", "inference", end - 60, end, model=model, task=task, user=user, instance=host
        )
        measured = Measurement(energy_joules=60.0, components={"cpu": 60.0}, samples=9, coverage_ratio=1.0)
        site.store.add(Graded(window, measured, grade(scale, window, measured), NOW))

    def found(query: str) -> list[str]:
        return sorted(one["id"] for one in site.get(f"evaluations?{query}").json()["evaluations"])

    assert found("host=lab-2:10044") == ["w1", "w2"]
    assert found("task=fill-mask&model=a/net") == ["w0", "w1"]
    assert found("user=ann&phase=inference") == ["w0", "w2"]
    assert found(f"from={NOW + 3600:.0f}&to={NOW + 90000:.0f}") == ["w1"]
    assert found("host=lab-1:10044&task=summarization") == []


def test_runs_of_every_origin_are_in_one_list_by_page_and_rest(site: Site) -> None:
    for number, origin in enumerate(Origin):
        window = Window(f"w-{origin}", "run", "training", NOW, NOW + number, model=f"acme/{origin}-net")
        measured = Measurement(energy_joules=60.0, components={"cpu": 60.0}, samples=9, coverage_ratio=1.0)
        site.store.add_evaluation(Evaluation(window=window, measurement=measured, origin=origin))
    newest_first = [f"w-{origin}" for origin in reversed(Origin)]
    found: list[str] = []
    page = site.get("evaluations?limit=3").json()
    while True:
        found += [one["id"] for one in page["evaluations"]]
        if page["next"] is None:
            break
        page = site.get(f"evaluations?limit=3&cursor={page['next']}").json()
    assert found == newest_first
    shown = site.client.get("/evaluations").text
    for origin in Origin:
        assert f"/evaluations/w-{origin}" in shown
        (one,) = site.get(f"evaluations?origin={origin}").json()["evaluations"]
        assert (one["id"], one["origin"]) == (f"w-{origin}", origin.value)
        (by_name,) = site.get(f"evaluations?q={origin}-net").json()["evaluations"]
        assert by_name["id"] == one["id"]
