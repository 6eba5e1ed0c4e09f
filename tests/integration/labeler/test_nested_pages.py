"""Runs inside runs on the pages: found by their own model and task, added up once."""

from __future__ import annotations

from api_site import NOW, Site
from gramwatt_labeler.model import Graded, Measurement, Window
from gramwatt_labeler.scale_files import grade


def add(site: Site, name: str, parent: str, joules: float, model: str = "", task: str = "") -> None:
    window = Window(
        id=name, name=name, phase="training", start=NOW - 60, end=NOW, model=model, task=task, parent=parent
    )
    measured = Measurement(joules, {"cpu": joules}, 9, 1.0)
    loaded = site.scales["gramwatt"]
    site.store.add(Graded(window, measured, grade(loaded, window, measured), NOW))


def test_a_model_inside_a_script_is_found_and_no_joule_counts_twice(site: Site) -> None:
    # gramwatt run -- a script that opens a window a model, and in it one an epoch.
    add(site, "the-script", "", 7.2e6)
    add(site, "the-model", "the-script", 3.6e6, "m/one", "fill-mask")
    add(site, "the-epoch", "the-model", 1.8e6, "m/one", "fill-mask")
    shown = {
        query: [name for name in ("the-script", "the-model", "the-epoch") if f"/evaluations/{name}" in page]
        for query in ("", "task=fill-mask", "model=m%2Fone", "task=fill-mask&parts=1")
        if (page := site.client.get(f"/evaluations?{query}").text)
    }
    assert shown == {
        "": ["the-script"], "task=fill-mask": ["the-model"], "model=m%2Fone": ["the-model"],
        "task=fill-mask&parts=1": ["the-model", "the-epoch"],
    }  # fmt: skip
    everything = site.client.get("/explore?parts=1").text
    assert "2 kWh" in everything
    assert "2 of them parts of others" in everything
    assert "1 kWh" in site.client.get("/explore?task=fill-mask").text
