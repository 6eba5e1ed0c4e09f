"""Models of the hub through the hub's own client library: synced, corrected, graded, listed, studied."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_site import Browser, Site, error
from gramwatt_labeler.errors import InputError, TryAgain
from gramwatt_labeler.hub import remote
from gramwatt_labeler.hub.remote import Hub
from gramwatt_labeler.hub.sync import Counts, sync
from gramwatt_labeler.hub.table import Table
from gramwatt_labeler.job_runner import JobRunner
from gramwatt_labeler.scale_files import load_scales
from gramwatt_labeler.store.hub import HubRows
from gramwatt_labeler.store.jobs import Jobs
from hub_stand_in import HubStandIn, model

needs_library = pytest.mark.skipif(
    importlib.util.find_spec("huggingface_hub") is None,
    reason="huggingface_hub is not installed: pip install 'gramwatt-labeler[hub]'",
)
SCALES = load_scales()
INDEX = [{"name": "x", "results": [{"task": {"type": "t"}, "dataset": {"name": "d", "type": "d"},
          "metrics": [{"type": "accuracy", "value": 0.9}, {"type": "f1", "value": 80}]}]}]  # fmt: skip
MODELS = [
    model("acme/old", "2023-01-01", "1,500"),
    model("acme/kilo", "2023-02-01", {"emissions": "83 kg", "source": "CodeCarbon", "training_type": "fine-tuning"},
          card={"datasets": ["acme/data"], "model-index": INDEX},
          safetensors={"parameters": {"F32": 1000}, "total": 1000}),
    model("acme/range", "2023-03-01", "3-5 g"),
    model("acme/list", "2023-04-01", [1, 2]),
    model("acme/new", "2023-05-01", 12.5, card={"datasets": ["private/data"]}),
]  # fmt: skip
TABLE = (
    "modelId,datasets,datasets_size,co2_eq_emissions,source,training_type,geographical_location,environment,"
    "performance_metrics,downloads,likes,library_name,domain,size,created_at\n"
    "org/one,['a'],1000,149200.0,AutoTrain,pretraining,East US,8 v100,\"{'accuracy': 0.5, 'f1': nan}\",10,2,"
    "['transformers'],NLP,352833716.0,2019-10-03\n"
    "org/two,[],,7.5,Not Specified,Not Specified,Not Specified,Not Specified,{},1,0,[],Audio,,2022-01-05\n"
    "org/two,[],,7.5,Not Specified,Not Specified,Not Specified,Not Specified,{},1,0,[],Audio,,2022-01-05\n"
)


@pytest.fixture
def hub() -> Iterator[HubStandIn]:
    with HubStandIn([*MODELS]) as made:
        yield made


def synced(site: Site, hub: HubStandIn, **options: Any) -> Counts:
    return sync(Hub(hub.url), HubRows(site.store.database), SCALES, "gramwatt", "alice", **options)


@needs_library
def test_a_hub_that_does_not_answer_soon_is_said_once_and_waited_for(
    site: Site, hub: HubStandIn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(remote, "_SILENT_SECONDS", 0.05)
    hub.held = threading.Event()

    def answer_when_said() -> None:
        deadline = time.monotonic() + 50
        while "does not answer so far" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.01)
        assert hub.held is not None
        hub.held.set()

    answering = threading.Thread(target=answer_when_said)
    answering.start()
    counts = synced(site, hub)
    answering.join()
    assert counts.created == 5
    assert f"the hub at {hub.url} does not answer so far" in caplog.text


@needs_library
def test_requests_to_the_hub_are_not_logged_one_by_one(tmp_path: Path, hub: HubStandIn) -> None:
    done = subprocess.run(
        [
            sys.executable, "-m", "gramwatt_labeler", "study", "sync", "--data.dir", str(tmp_path), "--hub.endpoint",
            hub.url,
        ],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("5 models seen: 5 new")
    assert "HTTP Request" not in done.stderr


@needs_library
def test_what_changed_is_read_and_graded_once(site: Site, hub: HubStandIn) -> None:
    counts = synced(site, hub)
    assert (counts.seen, counts.created, counts.updated, counts.failed) == (5, 5, 0, 0)
    listed = site.get("evaluations?origin=hub&scale=gaissa-fixed").json()
    assert {row["model"]: row["emissions_grams"] for row in listed["evaluations"]} == {
        "acme/old": 1500.0, "acme/kilo": 83_000.0, "acme/new": 12.5,
    }  # fmt: skip
    kilo = next(row for row in listed["evaluations"] if row["model"] == "acme/kilo")
    assert kilo["grade"]["letter"] in "ABCDE"
    whole = site.get(f"evaluations/{kilo['id']}").json()
    assert whole["boundary"] == ""  # a card does not say what was measured
    measures = {name: one["value"] for name, one in whole["measures"].items()}
    assert measures["performance_score"] == pytest.approx(2 / (1 / 0.9 + 1 / 0.8))
    assert (measures["size"], measures["dataset_size"]) == (4000.0, 1_000_000.0)
    assert measures["size_efficency"] == pytest.approx(4000 / 83_000)
    assert whole["measures"]["co2_eq_emissions"]["text"] == "83 kg"
    assert whole["detail"]["reporting"] == "with method"
    models = {one["name"]: one for one in site.get("models").json()["models"]}
    assert (models["kilo"]["hub_id"], models["kilo"]["licence"], models["kilo"]["parameters"]) == (
        "acme/kilo", "mit", 1000.0,
    )  # fmt: skip
    assert models["new"]["file_bytes"] == 4_000_000.0  # no safetensors: its files were looked at
    asked = len(hub.asked)
    assert synced(site, hub).seen == 0
    assert len(hub.asked) == asked + 1  # the first page says that nothing changed


@needs_library
def test_only_what_is_new_is_read_again(site: Site, hub: HubStandIn) -> None:
    synced(site, hub)
    hub.models[0] = model("acme/old", "2023-06-01", "2 kg")
    del hub.models[2]
    counts = synced(site, hub)
    assert (counts.seen, counts.created, counts.updated) == (1, 0, 1)
    (row,) = site.get("evaluations?model=acme/old").json()["evaluations"]
    assert row["emissions_grams"] == 2000.0
    assert synced(site, hub, whole=True).deleted == 1


@needs_library
def test_one_that_was_interrupted_begins_anew_and_keeps_what_it_had(site: Site, hub: HubStandIn) -> None:
    hub.busy = 1  # the library waits as long as the hub says
    hub.broken_after = 4
    with pytest.raises(TryAgain, match="400"):
        synced(site, hub)
    rows = HubRows(site.store.database)
    assert rows.newest() is None
    assert rows.syncs()[0].state == "failed"
    hub.broken_after = None
    counts = synced(site, hub)
    assert counts.seen == 5
    assert rows.count() == 5
    assert rows.newest() is not None


@needs_library
def test_kilograms_in_the_text_are_flagged_and_not_changed(
    site: Site, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    with HubStandIn([model("acme/suspect", "2023-01-01", 83.524)]) as hub:
        synced(site, hub, texts=True)
    (row,) = site.get("evaluations?origin=hub").json()["evaluations"]
    assert row["emissions_grams"] == 83.524
    if "suspected" not in row["detail"]:
        pytest.fail(f"not flagged: {row['detail']}")


@needs_library
def test_a_manager_starts_a_sync_and_sees_what_it_did(site: Site, hub: HubStandIn) -> None:
    assert error(site.post("hub/syncs", {}))[0] == 403
    manager = Browser(site)
    assert "waits for its turn" in manager.post("/study/syncs").text
    rows = HubRows(site.store.database)

    def run(params: Any, progress: Any) -> Any:
        counts = sync(Hub(hub.url), rows, SCALES, "gramwatt", params["by"], progress, params["whole"])
        return {"seen": counts.seen}

    JobRunner(Jobs(site.store.database), {"hub": run}).do_all()
    assert site.get("jobs/1").json()["result"] == {"seen": 5}
    assert site.get("hub/syncs").json()["syncs"][0]["by"] == "manager"
    assert '<td data-name="Seen" class="number">5</td>' in manager.get("/study")


@needs_library
@pytest.mark.apart
def test_the_command_syncs_through_the_environment(hub: HubStandIn, tmp_path: Path) -> None:
    base = [sys.executable, "-m", "gramwatt_labeler", "study", "--json", "--data.dir", str(tmp_path)]
    done = subprocess.run(
        [*base, "--hub.endpoint", hub.url, "sync"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["created"] == 5
    assert hub.tokens == {""}
    away = subprocess.run(
        [*base, "--hub.endpoint", "http://127.0.0.1:1", "sync"], capture_output=True, text=True, timeout=300
    )
    assert away.returncode == 1
    waiting, line = away.stderr.splitlines()  # not each of the library's tries
    assert "the hub at http://127.0.0.1:1 does not answer so far" in waiting
    assert "without a network `gramwatt-labeler study import FILE`" in line


def filled(site: Site) -> HubRows:
    rows = HubRows(site.store.database)
    counts = sync(Table(TABLE, "HFCO2.csv"), rows, SCALES, "gramwatt", "alice")
    assert (counts.seen, counts.created, counts.failed) == (2, 2, 0)
    return rows


def test_the_studys_table_is_read_without_a_network_and_a_model_in_it_has_its_label(site: Site) -> None:
    filled(site)
    answer = site.client.get("/study/org/one", follow_redirects=False)
    assert answer.status_code == 303
    page = site.client.get(answer.headers["location"]).text
    assert re.search(r"Letters.*gaissa", page, re.DOTALL)
    label = site.client.get(answer.headers["location"] + "/label.pdf?scale=gaissa")
    assert label.content.startswith(b"%PDF")
    assert site.client.get("/study/org/none").status_code == 404
    assert site.client.get("/study/%00").status_code == 404
    assert "org/one" in site.client.get("/models?q=ORG/ONE").text
    summary = site.get("study/summary").json()
    assert (summary["models"], summary["with_co2"], summary["reporting"]) == (
        2,
        2,
        {"automatic": 1, "value alone": 1},
    )
    assert summary["drivers"][0]["note"] == "not tested: 1 of at least 10"
    study = site.client.get("/study")
    assert "not tested: 1 of at least 10" in study.text
    assert site.client.get("/study?domain=Audio").status_code == 200
    assert site.client.get("/study?domain=Spoons").status_code == 422


def test_a_model_without_a_date_is_of_no_month(site: Site) -> None:
    table = TABLE.replace(",2022-01-05\n", ",\n")
    sync(Table(table, "HFCO2.csv"), HubRows(site.store.database), SCALES, "gramwatt", "alice")
    (row,) = site.get("evaluations?model=org/two").json()["evaluations"]
    assert "not known" in site.client.get(f"/evaluations/{row['id']}").text
    # It is of this month as little as of any other.
    assert site.get("evaluations?from=2020-01-01").json()["evaluations"] == []
    assert "1970-01" not in site.client.get("/explore?origin=hub").text


def test_a_model_without_a_date_is_the_last_of_the_list(site: Site) -> None:
    text = TABLE.replace("2022-01-05", "")
    sync(Table(text, "HFCO2.csv"), HubRows(site.store.database), SCALES, "gramwatt", "test")
    listed = site.get("evaluations?origin=hub").json()["evaluations"]
    assert [(row["model"], row["end"] is None) for row in listed] == [("org/one", False), ("org/two", True)]
    for sort in ("ended", "-ended"):
        assert [row["model"] for row in site.get(f"evaluations?sort={sort}").json()["evaluations"]] == [
            "org/one",
            "org/two",
        ]
    first = site.get("evaluations?sort=ended&limit=1").json()
    second = site.get(f"evaluations?sort=ended&limit=1&cursor={first['next']}").json()
    assert ([row["model"] for row in second["evaluations"]], second["next"]) == (["org/two"], None)
    assert [row["model"] for row in site.get("evaluations?to=2030-01-01").json()["evaluations"]] == [
        "org/one"
    ]
    page = site.client.get("/evaluations?origin=hub").text
    assert re.findall(r'data-name="Ended">([^<]*)<', page) == ["2019-10-03 00:00", "not known"]
    assert "1970" not in page + site.client.get(f"/evaluations/{listed[1]['id']}").text


def test_what_a_person_says_wins_over_the_card_and_can_be_taken_back(site: Site) -> None:
    rows = filled(site)
    body = {"hub_id": "org/two", "field": "emissions", "value": "7,5 kg", "note": "the text says so"}
    assert error(site.post("study/curation", body, "viewer"))[0] == 403
    assert site.post("study/curation", body).status_code == 201
    (row,) = site.get("evaluations?model=org/two").json()["evaluations"]
    assert row["emissions_grams"] == 7500.0
    one = site.get("study/models?id=org/two").json()
    assert (one["layers"]["emissions"], one["curated"]["emissions"]["by"]) == ("curated", "contributor")
    # The next sync keeps it.
    sync(Table(TABLE.replace("7.5", "8.5"), "HFCO2.csv"), rows, SCALES, "gramwatt", "alice")
    (row,) = site.get("evaluations?model=org/two").json()["evaluations"]
    assert row["emissions_grams"] == 7500.0
    person = Browser(site, "contributor")
    number = next(m["id"] for m in site.get("models?q=org/two").json()["models"])
    assert "the text says so" in person.get(f"/models/{number}")
    wrong = person.post(f"/models/{number}/curation", field="emissions", value="83 litres")
    assert wrong.status_code == 422
    page = person.post(f"/models/{number}/curation", field="emissions", action="back")
    assert "the text says so" not in page.text
    (row,) = site.get("evaluations?model=org/two").json()["evaluations"]
    assert row["emissions_grams"] == 8.5
    assert error(site.post("study/curation", body | {"hub_id": "org/none"}))[0] == 404
    assert error(site.post("study/curation", body | {"field": "spoon"}))[0] == 422
    assert error(site.post("study/curation", body | {"value": "1,500"}))[::2] == (422, "$.value")


def test_a_model_is_registered_by_form_and_keeps_what_is_not_said(site: Site) -> None:
    person = Browser(site, "contributor")
    wrong = person.post("/models", model="acme/net", parameters="many")
    assert wrong.status_code == 422
    assert "is not a number" in wrong.text
    page = person.post("/models", model="acme/net", parameters="110", parameters_unit="M", library="<i>").text
    assert '<h1 class="name">acme/net</h1>' in page
    assert "<i>" not in page
    person.post("/models", model="acme/net", file_bytes="438", file_bytes_unit="MB")
    (one,) = site.get("models?q=acme/net").json()["models"]
    assert (one["parameters"], one["file_bytes"]) == (110e6, 438e6)
    site.client.cookies.clear()
    assert site.client.post("/models", data={"model": "x/y"}).status_code == 403


@pytest.mark.parametrize(
    "text", ["", "modelId\nx\n", "modelId,co2_eq_emissions\nx,many\n", "modelId,co2_eq_emissions\n,1\n"]
)
def test_a_wrong_table_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(InputError, match="line"):
        Table(text, "t.csv")
