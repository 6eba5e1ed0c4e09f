"""A database of the first versions is upgraded whole and once, whoever opens it; a newer one is refused."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from gramwatt_labeler.errors import ConfigError
from gramwatt_labeler.model import Imported, Measurement, Window
from gramwatt_labeler.store import Filters, Origin, Store, migrate, searching
from gramwatt_labeler.store.tables import METADATA
from gramwatt_labeler.store.withdrawals import Which, Withdrawals
from sqlalchemy import Connection, create_engine, inspect, text

Opened = Callable[[str], Store]
OF_ONE = {"ix_evaluations_listed": "sqlite", "ix_evaluations_origin_ended": "postgresql"}
"""Indexes that one kind of database has."""

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*expression-based index"
)  # SQLAlchemy reads none of SQLite's


def differences(connection: Connection) -> list[Any]:
    """Between the tables there are and those that the code uses."""

    def is_compared(_: object, name: str | None, *others: object) -> bool:
        kind = connection.dialect.name
        return name != searching.INDEX and OF_ONE.get(name or "", kind) == kind

    context = MigrationContext.configure(connection, opts={"include_object": is_compared})
    return list(compare_metadata(context, METADATA))


def test_the_steps_make_the_tables_that_the_code_uses(url: str, opened: Opened) -> None:
    with opened(url).engine.connect() as connection:
        assert differences(connection) == []
        assert migrate.version(connection) == migrate.HEAD


def test_the_known_steps_are_those_in_the_folder() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.SCRIPTS))
    steps = [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]
    assert sorted(steps) == sorted(migrate.KNOWN)
    assert steps[0] == migrate.HEAD


def test_every_grade_of_an_old_database_is_there_after_the_upgrade(old_url: str, opened: Opened) -> None:
    store = opened(old_url)
    (w1_comparia, w1) = store.get("w1")
    assert w1.window == Window(
        id="w1", name="train", phase="training", start=1_700_000_000.0, end=1_700_000_060.0, model="acme/net@2",
        task="image-classification", dataset="digits", parent="p0", user="alice", values={"samples": 100.0},
        instance="node-a:10044",
    )  # fmt: skip
    assert w1.measurement == Measurement(
        energy_joules=45.0, components={"cpu": 30.0, "gpu": 10.0, "dram": 4.0, "psu": 1.0}, samples=12,
        coverage_ratio=1.0, emissions_grams=1.5, uncertainty_ratio=0.2, sources=("rapl", "nvml"), notes=("n",),
        floor_joules=0.5, unknown={"gpu": 2.0},
    )  # fmt: skip
    assert (w1.grade.letter, w1.grade.index, w1.graded_at) == ("E", 450.0, 1_700_000_900.0)
    assert w1.grade.reference is not None
    assert w1_comparia.grade.text.startswith("not graded: missing phase inference")
    (_, run) = store.get("run-7")
    assert run.measurement is not None
    assert run.measurement.imported == Imported(
        "CodeCarbon", "3.3.2", "machine", "France", "FRA", run="run-7", file="emissions.csv", line=2
    )
    assert store.get("lost", "gramwatt")[0].measurement is None
    # One line was changed by hand so that its scales were graded on different measurements: both stay.
    energies = {
        one.grade.scale.name: one.measurement.energy_joules
        for one in store.get("other-tool")
        if one.measurement
    }
    assert energies == {"comparia": 8.0, "gramwatt": 7.0}


def test_old_grades_are_evaluations_like_any_other(old_url: str, opened: Opened) -> None:
    store = opened(old_url)
    listed = store.page(scale="gramwatt")
    assert [one.evaluation.id for one in listed.rows] == [
        "lost",
        "other-tool",
        "failed",
        "hostile",
        "run-7",
        "w1",
    ]
    assert listed.total == 7  # with the one that no version can read
    origins = {one.evaluation.id: one.evaluation.origin for one in listed.rows}
    assert origins["w1"] is Origin.WINDOW
    assert origins["run-7"] is Origin.CODECARBON
    assert origins["other-tool"] is Origin.FILE
    assert [one.evaluation.id for one in store.page(Filters(model="acme/net@2")).rows] == ["other-tool", "w1"]
    assert {(model.facts.author, model.facts.name) for model in store.models()} == {
        ("acme", "net@2"),
        ("", "a/b/c"),
        ("", "resnet50"),
    }
    assert [one.evaluation.id for one in store.page(Filters(q="DROP TABLE")).rows] == ["hostile"]
    assert [one.window.id for one in store.not_annotated(0, ["gramwatt"])] == [
        "run-7", "hostile", "failed", "other-tool", "lost",
    ]  # fmt: skip


def test_what_cannot_be_read_keeps_its_columns_and_its_record(old_url: str, opened: Opened) -> None:
    with opened(old_url).engine.connect() as connection:
        row = connection.execute(
            text("SELECT record FROM grades WHERE evaluation_id = 'unreadable'")
        ).scalar_one()
        assert "of another version" in str(row)
        ended = connection.execute(text("SELECT ended FROM evaluations WHERE id = 'unreadable'")).scalar_one()
        assert ended == 1_700_000_700.0
        assert not inspect(connection).has_table("grades_0001")


def test_an_upgraded_database_takes_new_windows(old_url: str, opened: Opened) -> None:
    store = opened(old_url)
    known = store.get("w1", "gramwatt")[0]
    assert not store.add(known)
    assert store.has("w1", "comparia")
    assert not store.has("w2", "comparia")


OPEN = """
import sys
from gramwatt_labeler.errors import DatabaseAway
from gramwatt_labeler.store import Store
print("ready", flush=True)
sys.stdin.readline()
store = Store(sys.argv[1])
for _ in range(10):  # on a busy machine a server may take longer to answer than the store waits
    try:
        print(len(store.recent()), flush=True)
        break
    except DatabaseAway as error:
        away = error
else:
    raise away
"""


def test_programs_that_start_together_on_a_new_database_make_it_once(url: str) -> None:
    assert _start_together(url) == ["0\n"] * 3


def test_programs_that_start_together_on_an_old_database_upgrade_it_once(old_url: str) -> None:
    assert _start_together(old_url) == ["11\n"] * 3


def _start_together(url: str) -> list[str]:
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )
        for _ in range(3)
    ]  # fmt: skip
    for program in programs:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
    for program in programs:
        assert program.stdin is not None
        program.stdin.write("\n")
        program.stdin.flush()
    answers = [program.communicate(timeout=120) for program in programs]
    assert [re.sub(r".*left out.*\n", "", wrong) for _, wrong in answers] == [""] * 3
    return [out for out, _ in answers]


def test_an_upgrade_that_is_cut_short_changes_nothing(
    old_url: str, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gramwatt_labeler.store.migrations import moving

    monkeypatch.setattr(moving, "_grade", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        opened(old_url)
    monkeypatch.undo()
    engine = create_engine(old_url)
    with engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) == {"grades"}
        assert connection.execute(text("SELECT count(*) FROM grades")).scalar_one() == 12
    engine.dispose()
    assert len(opened(old_url).recent()) == 11


def test_a_database_of_a_newer_version_is_refused_and_left_alone(url: str, opened: Opened) -> None:
    store = opened(url)
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match=r"\$\.data\.database_url: .*9999 by a newer labeler"):
        Store(url)
    with store.engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"


def test_a_database_of_the_first_version_0003_is_upgraded(url: str, opened: Opened) -> None:
    """One of its indexes has had another name."""
    engine = create_engine(url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(migrate.SCRIPTS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        connection.execute(text("DROP INDEX ix_grades_letter_scale"))
        columns = "scale, letter, evaluation_id"
        connection.execute(text(f"CREATE INDEX ix_grades_scale_letter ON grades ({columns})"))
    engine.dispose()
    with opened(url).engine.connect() as connection:
        assert differences(connection) == []


def test_what_version_0007_kept_can_be_taken_back_and_put_back(old_url: str, opened: Opened) -> None:
    engine = create_engine(old_url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(migrate.SCRIPTS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0007")
    engine.dispose()
    store = opened(old_url)
    with store.engine.connect() as connection:
        assert differences(connection) == []
    before = store.get("run-7")
    withdrawals = Withdrawals(store.database)
    act = withdrawals.take_back(Which(["run-7"]), "ann", "", 1_800_000_000.0, None)
    assert store.get("run-7") == []
    assert list(store.withdrawn("run-7")[1].grades.values()) == before
    withdrawals.restore(act.id, "ann", 1_800_000_000.0)
    assert store.get("run-7") == before


SLOWLY = """
CREATE FUNCTION wait() RETURNS event_trigger LANGUAGE plpgsql AS
$$ BEGIN
  IF current_setting('test.waited', true) IS DISTINCT FROM 'once' THEN PERFORM pg_sleep(6); END IF;
  PERFORM set_config('test.waited', 'once', true);
END $$;
CREATE EVENT TRIGGER slowly ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION wait();
"""
"""Each upgrade has one statement that takes 6 s."""


@pytest.mark.slow
def test_a_step_takes_as_long_as_it_needs(old_url: str, opened: Opened) -> None:
    """A page waits 5 s for an answer; a step moves every row of a database."""
    if not old_url.startswith("postgresql"):
        pytest.skip("a file does not time out")
    engine = create_engine(old_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(SLOWLY)
    engine.dispose()
    assert opened(old_url).get("w1")
