"""What hostile or careless neighbours do to a running exporter: it stays up, says what is wrong, and keeps counting."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.web import MOST_CONNECTIONS
from running import Exporter, assert_conserved, exporter, total


def refused(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gramwatt_exporter", "--web.listen-address=127.0.0.1:0", *words],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_second_exporter_on_one_ledger_is_refused_and_the_next_is_not(tmp_path: Path, rapl: Any) -> None:
    flags = {"path.sysfs": str(rapl.root), "state.dir": str(tmp_path / "state")}
    with exporter(tmp_path, flags) as first:
        first.wait_samples(1)
        second = refused(f"--state.dir={tmp_path / 'state'}", f"--socket.path={tmp_path / 'second.sock'}")
        assert second.returncode == 2
        assert f"another exporter (pid {first.process.pid}) keeps its ledger in" in second.stderr
        assert "Traceback" not in second.stderr
        first.process.kill()
        first.process.wait()
    with exporter(tmp_path, flags) as again:
        assert_conserved(again.wait_samples(1))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"version":1,"boot_id":"x","accounts":{"devices":[{"component":"cpu","name":"a","source":"rapl",'
        '"uncertainty_ratio":0,"energy":[],"partition":[0,0,0,0],"units":"0"}]}}',
        '{"version":0}',
        "null",
    ],
)
def test_no_ledger_can_keep_the_exporter_from_starting(tmp_path: Path, rapl: Any, text: str) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/ledger.json").write_text(text)
    with exporter(tmp_path, {"path.sysfs": str(rapl.root), "state.dir": str(tmp_path / "state")}) as running:
        assert_conserved(running.wait_samples(1))
        assert "is damaged" in running.stderr
        assert "Traceback" not in running.stderr


@pytest.mark.parametrize("name", ["ledger.json", "ledger.previous.json", "intensity.json"])
def test_what_a_newer_version_keeps_is_not_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / "state").mkdir()
    file = tmp_path / "state" / name
    file.write_text('{"version":2}')
    ended = refused(f"--state.dir={tmp_path / 'state'}", f"--socket.path={tmp_path / 'second.sock'}")
    assert ended.returncode == 2
    assert f"a newer gramwatt-exporter wrote {file}" in ended.stderr.replace("the /", "/")
    assert "Traceback" not in ended.stderr
    assert file.read_text() == '{"version":2}'


def test_totals_are_never_silently_zero(tmp_path: Path, rapl: Any) -> None:
    """Each file of the state is damaged in turn; totals go on from what is kept beside it, which is said."""
    flags = {"path.sysfs": str(rapl.root), "state.dir": str(tmp_path / "state")}
    with exporter(tmp_path, flags) as first:
        first.wait_samples(2)
        first.stop()
    with exporter(tmp_path, flags) as second:
        second.wait_samples(1)
        rapl.add(3_000_000)
        before = total(second.wait_samples(2), "gramwatt_device_energy_joules_total")
        second.process.kill()
        second.process.wait()
    assert before > 0
    for name in ("ledger.json", "journal.0", "journal.1", "ledger.previous.json"):
        for text in (b"", b"\0" * 5000, b'{"version":1,"accounts":{}}'):
            (tmp_path / "state" / name).write_bytes(text)
            with exporter(tmp_path, flags) as again:
                series = again.wait_samples(2)
                assert total(series, "gramwatt_device_energy_joules_total") >= before
                if name == "ledger.json":
                    assert "totals go on from ledger.previous.json" in again.stderr
                    assert total(series, "gramwatt_state_damages_total", continued_from="previous") == 1
                assert total(series, "gramwatt_state_damages_total", continued_from="nothing") == 0
                again.process.kill()
                again.process.wait()


def test_a_state_directory_that_was_removed_is_made_again(tmp_path: Path, rapl: Any) -> None:
    state = tmp_path / "state"
    with exporter(tmp_path, {"path.sysfs": str(rapl.root), "state.dir": str(state)}) as running:
        running.wait_samples(1)
        for file in state.iterdir():
            file.unlink()
        state.rename(tmp_path / "gone")
        running.wait_samples(2)
        assert (state / "ledger.json").exists()


@pytest.mark.parametrize("text", ["[" * 100_000, "a: 2024-99-99", "\0", "{", "? [a]\n: b"])
def test_settings_that_no_parser_likes_are_refused_and_the_exporter_goes_on(
    tmp_path: Path, rapl: Any, text: str
) -> None:
    settings = tmp_path / "gramwatt.yml"
    settings.write_text("process: {series: 3}\n")
    with exporter(tmp_path, {"config.file": str(settings), "path.sysfs": str(rapl.root)}) as running:
        running.wait_samples(1)
        settings.write_text(text)
        for _ in range(20):
            running.process.send_signal(signal.SIGHUP)
        assert_conserved(running.wait_samples(2))
        assert "the old ones stay in force" in running.stderr
        assert "Traceback" not in running.stderr
    check = refused(f"--config.file={settings}", "--config.check")
    assert check.returncode == 2
    assert "Traceback" not in check.stderr


def test_idle_and_slow_clients_do_not_shut_a_scrape_out(tmp_path: Path, rapl: Any) -> None:
    with exporter(tmp_path, {"path.sysfs": str(rapl.root)}) as running, ExitStack() as stack:
        running.wait_samples(1)
        host, _, port = running.address.rpartition(":")
        for number in range(4 * MOST_CONNECTIONS):
            client = stack.enter_context(socket.create_connection((host, int(port))))
            client.sendall(b"GET /metrics HTTP/1.1\r\nX: " if number % 2 else b"")
        assert_conserved(running.wait_samples(2))
        descriptors = list(Path(f"/proc/{running.process.pid}/fd").iterdir())
        assert len(descriptors) < MOST_CONNECTIONS + 64
        threads = list(Path(f"/proc/{running.process.pid}/task").iterdir())
        assert len(threads) < MOST_CONNECTIONS + 32


def test_an_ipv6_address_is_said_as_one_can_open_it(tmp_path: Path, rapl: Any) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    with exporter(tmp_path, {"web.listen-address": "[::1]:0", "path.sysfs": str(rapl.root)}) as running:
        assert running.address.startswith("[::1]:")
        assert total(running.wait_samples(1), "gramwatt_build_info") == 1


def test_a_directory_that_is_no_procfs_is_refused_by_name(tmp_path: Path) -> None:
    for name in ("loadavg", "stat", "meminfo"):
        (tmp_path / name).write_text("")
    result = refused(f"--path.procfs={tmp_path}", f"--socket.path={tmp_path / 'other.sock'}")
    assert result.returncode == 2
    assert f"$.path.procfs: {tmp_path} is not a proc file system" in result.stderr
    assert "Traceback" not in result.stderr


def test_saves_that_never_succeeded_are_counted_where_an_alert_sees_them(tmp_path: Path, rapl: Any) -> None:
    state = tmp_path / "state"
    (state / ".ledger.json.new").mkdir(parents=True)  # nothing can be written there, also not by root
    with exporter(tmp_path, {"path.sysfs": str(rapl.root), "state.dir": str(state)}) as running:
        series = running.wait_samples(2)
        assert_conserved(series)
        assert total(series, "gramwatt_state_save_failures_total") >= 2
        assert "cannot save the ledger" in running.stderr
        (state / ".ledger.json.new").rmdir()
        running.wait(lambda later: total(later, "gramwatt_state_saved_timestamp_seconds") > 0)
        assert "the ledger is saved again" in running.stderr


def test_a_scrape_under_way_is_answered_whole_when_the_exporter_ends(tmp_path: Path, rapl: Any) -> None:
    with exporter(tmp_path, {"path.sysfs": str(rapl.root)}) as running, ThreadPoolExecutor(4) as pool:
        running.wait_samples(1)
        scrapes = [pool.submit(scrape_until_refused, running) for _ in range(4)]
        assert running.stop(signal.SIGTERM) == 0
        assert sum(scrape.result() for scrape in scrapes) >= 0
        assert "Traceback" not in running.stderr


def scrape_until_refused(running: Exporter) -> int:
    """How many whole answers came; half an answer is an error."""
    answers = 0
    while True:
        try:
            running.get("/metrics")
        except (urllib.error.URLError, ConnectionError):
            return answers
        answers += 1


def test_a_model_name_cannot_keep_a_budgets_expression_busy(tmp_path: Path, rapl: Any) -> None:
    """A backtracking engine takes 2**60 steps for this name; SIGTERM and every scrape would wait for it."""
    settings = tmp_path / "gramwatt.yml"
    settings.write_text('budgets: [{name: llm, limit: 1kg, match: {model: "([a-z0-9]+[-.]?)+-instruct"}}]\n')
    with exporter(tmp_path, {"config.file": str(settings), "path.sysfs": str(rapl.root)}) as running:
        running.wait_samples(1)
        window = {"name": "x", "phase": "training", "model": "a" * 60}
        status, _ = running.call("POST", "/v1/windows", window)
        assert status == 201
        assert_conserved(running.wait_samples(2))
        assert running.stop() == 0
