"""How a run ended: what the client says of it when it stops the window."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gramwatt
import pytest
from gramwatt.outcome import of_exception, words
from gramwatt.result import from_window


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, None),
        (GeneratorExit(), None),
        (ValueError("x"), {"exception": "ValueError"}),
        (KeyboardInterrupt(), {"exception": "KeyboardInterrupt"}),
        (SystemExit(), {"exit_code": 0}),
        (SystemExit(0), {"exit_code": 0}),
        (SystemExit(3), {"exit_code": 3}),
        (SystemExit(-1), {"exit_code": 255}),
        (SystemExit("no data"), {"exit_code": 1}),
    ],
)
def test_outcome_of_an_exception(error: Any, outcome: Any) -> None:
    assert of_exception(error) == outcome


def test_an_exception_in_the_block_is_the_outcome(exporter: Any) -> None:
    with pytest.raises(ValueError, match="diverged"), gramwatt.window("x", phase="training") as w:
        raise ValueError("diverged")
    assert exporter.only()["outcome"] == {"exception": "ValueError"}
    assert w.result.outcome == {"exception": "ValueError"}
    assert w.result.failed
    assert w.result.summary()["outcome"] == {"exception": "ValueError"}


def test_a_block_that_ends_says_nothing_of_a_failure(exporter: Any) -> None:
    try:
        raise OSError
    except OSError:  # handled around the window: not its failure
        with gramwatt.window("x", phase="training") as w:
            pass
        plain = gramwatt.window("y", phase="training").start()
        plain.stop()
    assert [window["outcome"] for window in exporter.windows.values()] == [None, None]
    assert not w.result.failed


def test_stop_in_a_finally_knows_the_exception(exporter: Any) -> None:
    w = gramwatt.window("x", phase="training").start()

    def work() -> None:
        try:
            raise ZeroDivisionError
        finally:
            w.stop()

    with pytest.raises(ZeroDivisionError):
        work()
    assert exporter.only()["outcome"] == {"exception": "ZeroDivisionError"}


def test_an_exporter_that_does_not_know_outcomes_still_stops_the_window(exporter: Any) -> None:
    def earlier_version(method: str, path: str) -> bytes | None:
        if path.endswith("/stop") and exporter.fault:
            exporter.fault = None
            body = b'{"error": {"field": "outcome", "message": "is not a field of this call", "fix": ""}}'
            return b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        return None

    w = gramwatt.window("x", phase="training").start()
    exporter.fault = earlier_version
    assert w.stop(ValueError()).joules is not None
    assert exporter.only()["state"] == "finished"
    assert exporter.only()["outcome"] is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ("exit 0", {"exit_code": 0}),
        ("exit 3", {"exit_code": 3}),
        ("kill -9 $$", {"signal": "SIGKILL"}),
        ("kill -TERM $$", {"signal": "SIGTERM"}),
    ],
)
def test_outcome_of_a_command(
    gramwatt: Any, exporter: Any, tmp_path: Path, script: Any, outcome: Any
) -> None:
    done = gramwatt("run", "--phase", "training", "--summary-json", "s.json", "--", "sh", "-c", script)
    assert exporter.only()["outcome"] == outcome
    assert json.loads((tmp_path / "s.json").read_text())["outcome"] == outcome
    assert ("failed" in done.stderr) == (outcome != {"exit_code": 0})


@pytest.mark.slow
def test_a_command_that_was_not_found_has_failed(gramwatt: Any, exporter: Any) -> None:
    gramwatt("run", "--phase", "training", "--", "/nonexistent/command")
    assert exporter.only()["outcome"] == {"exit_code": 127}


def test_words() -> None:
    assert words({"exit_code": 1}) == "exit code 1"
    assert words({"signal": "SIGKILL"}) == "signal SIGKILL"


@pytest.mark.parametrize("odd", [None, 3, "exit", [], {}, {"exit_code": None}])
def test_odd_outcomes_are_none(odd: Any) -> None:
    assert from_window({"outcome": odd}).outcome is None
