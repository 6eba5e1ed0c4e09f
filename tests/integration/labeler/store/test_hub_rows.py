"""Models of the hub, settings and tactics in both databases; a sync that is cut short keeps whole pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gramwatt_labeler.appearance import COLOURS
from gramwatt_labeler.errors import TryAgain
from gramwatt_labeler.hub.curating import curate
from gramwatt_labeler.hub.sync import PAGE, sync
from gramwatt_labeler.scale_files import load_scales
from gramwatt_labeler.store import Filters, Store
from gramwatt_labeler.store.catalogue import Catalogue
from gramwatt_labeler.store.hub import HubRows
from gramwatt_labeler.store.jobs import Jobs
from gramwatt_labeler.store.nouns import Card
from gramwatt_labeler.store.settings import SettingRows
from gramwatt_labeler.study.reading import Reading

SCALES = load_scales()
NOW = 1_800_000_000.0


class Broken:
    """A hub that gives so many models, the newest first, and then fails."""

    def __init__(self, count: int, fails: bool) -> None:
        self._count = count
        self._fails = fails

    def cards(self) -> Iterator[Card]:
        for number in range(self._count, 0, -1):
            name = f"org/m{number}\x00" if number == 1 else f"org/m{number}"
            yield Card(
                name, f"s{number}", NOW + number, NOW, {"co2_eq_emissions": f"{number} g"}, likes=2**40
            )
        if self._fails:
            raise TryAgain("the hub does not answer")

    def file_bytes(self, hub_id: str) -> float | None:
        return 1e6

    def dataset_bytes(self, name: str) -> float | None:
        return None

    def card_text(self, hub_id: str) -> str:
        return ""


def test_a_sync_that_fails_keeps_its_whole_pages_and_the_next_one_the_rest(store: Store) -> None:
    rows = HubRows(store.database)
    with pytest.raises(TryAgain):
        sync(Broken(PAGE + 5, fails=True), rows, SCALES, "gramwatt", "alice")
    assert rows.count() == PAGE
    assert rows.newest() is None
    counts = sync(Broken(PAGE + 5, fails=False), rows, SCALES, "gramwatt", "alice")
    assert (counts.created, counts.updated) == (5, 0)
    assert rows.newest() == NOW + PAGE + 5
    assert store.page(Filters(origin="hub")).total == PAGE + 5
    assert sync(Broken(PAGE + 6, fails=False), rows, SCALES, "gramwatt", "alice").seen == 1


class Silent(Broken):
    """One that gives all models and does not answer for what some of their files have."""

    def __init__(self, count: int, silent: set[str]) -> None:
        super().__init__(count, fails=False)
        self._silent = silent

    def file_bytes(self, hub_id: str) -> float | None:
        if hub_id in self._silent:
            raise TryAgain("the hub does not answer")
        return 1e6


def test_a_model_that_the_hub_does_not_answer_for_is_asked_for_again(store: Store) -> None:
    rows = HubRows(store.database)
    counts = sync(Silent(9, {"org/m8", "org/m6"}), rows, SCALES, "gramwatt", "alice")
    assert (counts.created, counts.failed) == (9, 2)
    assert (rows.count(), rows.syncs()[0].state) == (7, "done")
    counts = sync(Silent(9, set()), rows, SCALES, "gramwatt", "alice")
    assert (counts.seen, counts.created, counts.updated, counts.failed) == (9, 0, 2, 0)
    assert store.page(Filters(origin="hub")).total == rows.count() == 9
    assert sync(Silent(9, set()), rows, SCALES, "gramwatt", "alice").seen == 0


def test_a_hub_that_answers_for_none_of_several_is_away(store: Store) -> None:
    """It is not asked for each of them: its library asks for half a minute each time."""
    rows = HubRows(store.database)
    with pytest.raises(TryAgain):
        sync(Silent(9, {"org/m8", "org/m7", "org/m6"}), rows, SCALES, "gramwatt", "alice")
    assert [one.state for one in rows.syncs()] == ["failed"]
    assert sync(Silent(9, set()), rows, SCALES, "gramwatt", "alice").created == 9


def test_a_correction_changes_the_rows_of_the_study_at_once(store: Store) -> None:
    rows = HubRows(store.database)
    sync(Broken(3, fails=False), rows, SCALES, "gramwatt", "alice")
    reading = Reading(rows)
    assert sorted(row.grams or 0 for row in reading.rows()) == [1.0, 2.0, 3.0]
    assert reading.rows() is reading.rows()
    for value in ("2 kg", "3 kg"):
        curate(rows, "org/m2", "emissions", value, "", "alice", SCALES, "gramwatt", NOW + len(value))
    curate(rows, "org/m3", "emissions", "", "hidden", "alice", SCALES, "gramwatt", NOW)
    assert sorted(row.grams or 0 for row in reading.rows()) == [0, 1.0, 3000.0]


def test_settings_and_tactics_come_back_as_they_were_given(store: Store) -> None:
    settings = SettingRows(store.database)
    assert settings.get(COLOURS) is None
    for value in (["#000000"], ["#111111", "#222222"]):
        settings.put(COLOURS, value, "alice", NOW)
        assert settings.get(COLOURS) == value
    settings.put(COLOURS, None, "alice", NOW)
    assert settings.get(COLOURS) is None
    catalogue = Catalogue(store.database)
    row = {
        "name": "x", "title": "X", "stage": "s", "phase": "inference", "description": "d", "metric": "energy",
        "low": 0.1, "expected": 0.2, "high": 0.3, "derived": "", "source": "we\x00", "url": "", "enabled": True,
    }  # fmt: skip
    catalogue.put_tactic(row, "alice", NOW, is_new=True)
    assert catalogue.tactics() == [row | {"source": "we\ufffd"}]
    none = row | {"low": None, "expected": None, "high": None, "source": "we"}
    catalogue.put_tactic(none, "alice", NOW, is_new=False)
    assert catalogue.tactics() == [none]


def test_a_job_that_a_labeler_gives_back_is_no_try_of_it(store: Store) -> None:
    jobs = Jobs(store.database)
    job = jobs.add("probe", {}, "alice", NOW)
    for _ in range(5):
        taken = jobs.take(["probe"], NOW)
        assert taken is not None
        jobs.requeue(job)
    assert (jobs.get(job).state, jobs.get(job).tries) == ("queued", 0)
