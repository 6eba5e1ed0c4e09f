"""The exporter as its users meet it: a process that is started, scraped, reloaded, killed and started again."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.metrics.catalogue import BY_NAME
from running import assert_conserved, exporter, select, total

ENERGY = "gramwatt_device_energy_joules_total"
PARTITION = "gramwatt_device_energy_partition_joules_total"


def burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def cpu_seconds() -> float:
    """Of this process and all children it has waited for."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gramwatt_exporter", *words],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environ},
    )


def test_measured_energy_is_conserved_and_every_metric_is_in_the_catalogue(tmp_path: Path, rapl: Any) -> None:
    with exporter(tmp_path, {"path.sysfs": str(rapl.root)}, GRAMWATT_INTENSITY_ZONE="FR") as running:
        running.wait_samples(1)
        for _ in range(5):
            rapl.add(1_234_567)
            burn(0.05)
            subprocess.run(["true"], check=True)
            series = running.wait_samples(2)
            assert_conserved(series)
        # four zones, five steps of 1.234567 J
        assert total(series, ENERGY) == Decimal("1.234567") * 4 * 5
        assert total(series, ENERGY, component="dram") == Decimal("1.234567") * 2 * 5
        assert {dict(key)["source"] for key in select(series, ENERGY)} == {"rapl"}
        assert total(series, PARTITION, component="cpu", part="live") > 0
        for name, labels in series:
            assert set(BY_NAME[name].labels) == {label for label, _ in labels}, name
        assert total(series, "gramwatt_device_emissions_grams_total") > 0


def test_kill_9_loses_no_joule_and_no_counter_goes_back(tmp_path: Path, rapl: Any) -> None:
    flags = {"path.sysfs": str(rapl.root), "state.dir": str(tmp_path / "state")}
    with exporter(tmp_path, flags) as running:
        running.wait_samples(1)
        for _ in range(3):
            rapl.add(5_000_000)
            burn(0.02)
            before = running.wait_samples(1)
        running.process.kill()
        running.process.wait()
    assert total(before, ENERGY) <= 60
    rapl.add(7_000_000)  # nobody looks
    with exporter(tmp_path, flags) as running:
        after = running.wait(lambda series: total(series, ENERGY) == 4 * (15 + 7))
        assert_conserved(after)
        for key, value in select(before, PARTITION).items():
            assert after[PARTITION, key] >= value
        for key, value in select(before, "gramwatt_workload_energy_joules_total").items():
            assert after["gramwatt_workload_energy_joules_total", key] >= value
        gained = total(after, PARTITION, part="unattributed") - total(before, PARTITION, part="unattributed")
        assert gained >= 4 * 7


def test_a_damaged_ledger_is_set_aside_and_said(tmp_path: Path, rapl: Any) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "ledger.json").write_text('{"version": 1, "accounts": {"devices": [')
    with exporter(tmp_path, {"path.sysfs": str(rapl.root), "state.dir": str(state)}) as running:
        running.wait_samples(1)
        assert "is damaged" in running.stderr
        assert "a fresh ledger begins" in running.stderr
        assert list(state.glob("ledger.json.damaged-*"))
        assert "Traceback" not in running.stderr
    assert (state / "ledger.json").exists()


def test_sigterm_ends_cleanly_and_removes_the_socket(tmp_path: Path) -> None:
    with exporter(tmp_path, {"state.dir": str(tmp_path / "state")}) as running:
        running.wait_samples(1)
        assert Path(running.socket).exists()
        assert running.stop(signal.SIGTERM) == 0
        assert not Path(running.socket).exists()
        assert (tmp_path / "state/ledger.json").exists()
        assert "Traceback" not in running.stderr


def test_a_restart_takes_its_port_back_at_once(tmp_path: Path) -> None:
    with exporter(tmp_path, {}) as running:
        address = running.address
        host, _, port = address.rpartition(":")
        with socket.create_connection(
            (host, int(port))
        ) as client:  # closed by the server: it keeps TIME_WAIT
            client.sendall(b"GET /-/healthy HTTP/1.0\r\n\r\n")
            while client.recv(4096):
                pass
        assert running.stop(signal.SIGTERM) == 0
    with exporter(tmp_path, {"web.listen-address": address}) as again:
        assert again.get("/-/healthy")[0] == 200


def test_sighup_takes_new_settings_over_and_refuses_wrong_ones(tmp_path: Path) -> None:
    settings = tmp_path / "gramwatt.yml"
    settings.write_text("process: {series: 3}\n")
    with exporter(tmp_path, {"config.file": str(settings)}) as running:
        series = running.wait_samples(2)
        assert not select(series, "gramwatt_device_emissions_grams_total")
        settings.write_text(
            "intensity: {zone: DE, providers: [{kind: static, value: 321}]}\nprocess: {series: all}\n"
        )
        running.process.send_signal(signal.SIGHUP)
        name = "gramwatt_grid_intensity_grams_per_kilowatt_hour"
        series = running.wait(lambda s: total(s, name, grid_zone="DE", provider="static") == 321)
        series = running.wait(lambda s: total(s, "gramwatt_device_emissions_grams_total") > 0)
        assert_conserved(running.wait_samples(2))
        settings.write_text("intensity: {zon: DE}\n")
        running.process.send_signal(signal.SIGHUP)
        running.wait(lambda _: "refused" in running.stderr)
        assert "zon" in running.stderr
        assert total(running.wait_samples(2), name, grid_zone="DE") == 321


def test_pages(tmp_path: Path) -> None:
    with exporter(tmp_path) as running:
        running.wait_samples(1)
        assert running.get("/-/healthy")[0] == 200
        assert running.get("/-/ready") == (200, "ready\n")
        status, page = running.get("/")
        assert status == 200
        assert "GRAMWATT_INTENSITY_ZONE" in page  # how to get CO2
        assert running.get("/nothing")[0] == 404


def test_two_scrapers_of_one_sample_see_the_same_numbers(tmp_path: Path) -> None:
    with exporter(tmp_path, {"sampling.interval": "5s"}) as running:
        running.wait_samples(1)
        assert running.get("/metrics") == running.get("/metrics")


def test_a_window_has_its_own_edges_and_follows_its_children(tmp_path: Path) -> None:
    with exporter(tmp_path, {"sampling.interval": "10s"}) as running:
        running.wait(lambda s: total(s, "gramwatt_samples_total") >= 2)
        status, window = running.call("POST", "/v1/windows", {"name": "train", "phase": "training"})
        assert status == 201, window
        assert window["pid"] == os.getpid()
        before = cpu_seconds()
        burn(0.3)
        subprocess.run([sys.executable, "-c", "sum(i * i for i in range(3_000_000))"], check=True)
        used = cpu_seconds() - before
        status, window = running.call(
            "POST", f"/v1/windows/{window['window']}/stop", {"values": {"samples": 10}}
        )
        assert status == 200
        assert window["state"] == "finished"
        assert window["values"] == {"samples": 10}
        # Waited-for time is told in 10 ms, user and system apart, and both calls are part of the window.
        assert -0.02 - 0.03 * used < window["cpu_seconds"] - used < 0.05 + 0.03 * used
        assert window["energy_joules"] > 0
        assert window["sources"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a network namespace")
def test_a_listener_that_hears_nothing_is_not_trusted(tmp_path: Path) -> None:
    """In another network namespace the kernel accepts a listener and never tells it anything."""
    words = [sys.executable, "-m", "gramwatt_exporter", "--web.listen-address", "127.0.0.1:0"]
    process = subprocess.Popen(
        ["unshare", "-n", *words, "--socket.path", str(tmp_path / "s")], stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(3)]
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert any("network namespace" in line for line in lines), lines
    assert process.returncode == 0


def test_signals_that_come_while_it_starts_wait_until_it_has(tmp_path: Path) -> None:
    words = ["--web.listen-address", "127.0.0.1:0", "--socket.path", str(tmp_path / "s")]
    with subprocess.Popen(
        [sys.executable, "-m", "gramwatt_exporter", *words], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        try:
            _, rest = process.communicate(timeout=60)
        finally:
            process.kill()
    assert "no state.dir" in first  # said before anything is opened
    assert process.returncode == 0, rest
    assert "starts: http" in rest
    assert rest.rstrip().endswith("ended")
    assert not (tmp_path / "s").exists()


def test_an_open_window_goes_on_after_kill_9(tmp_path: Path) -> None:
    flags = {"state.dir": str(tmp_path / "state")}
    with exporter(tmp_path, flags) as running:
        running.wait_samples(1)
        status, window = running.call("POST", "/v1/windows", {"name": "train", "phase": "training"})
        assert status == 201, window
        burn(0.2)
        running.wait_samples(2)
        running.process.kill()
        running.process.wait()
    with exporter(tmp_path, flags) as running:
        running.wait_samples(1)
        status, before = running.call("GET", f"/v1/windows/{window['window']}?sample=true")
        assert (status, before["state"]) == (200, "open")
        assert before["cpu_seconds"] >= 0.2
        burn(0.2)
        status, after = running.call("POST", f"/v1/windows/{window['window']}/stop")
        assert 0.2 <= after["cpu_seconds"] - before["cpu_seconds"] < 0.3


def test_a_window_ends_when_its_process_does(tmp_path: Path) -> None:
    with exporter(tmp_path) as running:
        running.wait_samples(1)
        child = subprocess.Popen(["sleep", "30"])
        status, window = running.call(
            "POST", "/v1/windows", {"name": "x", "phase": "inference", "pid": child.pid}
        )
        assert status == 201, window
        child.kill()
        child.wait()
        running.wait_samples(2)
        status, window = running.call("GET", f"/v1/windows/{window['window']}")
        assert (window["state"], window["ended_by"]) == ("finished", "exit")


def test_refused_windows_leave_nothing_behind(tmp_path: Path) -> None:
    with exporter(tmp_path) as running:
        running.wait_samples(1)
        status, answer = running.call("POST", "/v1/windows", {"name": "x", "phase": "train"})
        assert status == 400
        assert answer["error"]["field"] == "phase"
        status, answer = running.call("POST", "/v1/windows", {"name": "x", "phase": "training", "pid": 2**22})
        assert status == 404
        assert running.call("GET", "/v1/windows") == (200, {"windows": []})


def test_status_and_top_and_intensity_answer(tmp_path: Path) -> None:
    with exporter(tmp_path, GRAMWATT_INTENSITY_ZONE="FR") as running:
        running.wait_samples(2)
        status, answer = running.call("GET", "/v1/status")
        assert status == 200
        assert answer["sampling_interval_seconds"] == 0.1
        status, answer = running.call("GET", "/v1/top?processes=3")
        assert status == 200
        assert len(answer["processes"]) <= 3
        status, answer = running.call("GET", "/v1/intensity")
        assert status == 200
        assert answer["average"]["zone"] == "FR"


def test_check_prints_the_settings_and_where_they_come_from(tmp_path: Path) -> None:
    settings = tmp_path / "gramwatt.yml"
    settings.write_text("pue: 1.2\n")
    words = ("--config.file", str(settings), "--config.check", "--sampling.interval", "1s")
    done = run(*words, GRAMWATT_LOG_LEVEL="debug")
    assert done.returncode == 0, done.stderr
    lines = {line.split(":", 1)[0]: line for line in done.stdout.splitlines()}
    assert lines["pue"].endswith(f"# {settings}")
    assert lines["sampling.interval"].endswith("# flag --sampling.interval")
    assert lines["log.level"].endswith("# environment GRAMWATT_LOG_LEVEL")
    assert lines["web.listen_address"].endswith("# default")


def test_wrong_settings_are_refused_with_their_path_and_what_is_allowed(tmp_path: Path) -> None:
    settings = tmp_path / "gramwatt.yml"
    for text, path, allowed in (
        ("sampling: {intervall: 1s}", "$.sampling", "allowed here: interval"),
        ("sampling: {interval: fast}", "$.sampling.interval", "500ms"),
        ("sampling: {interval: 1h}", "$.sampling.interval", "100ms to 10s"),
        ("web: {listen_address: nowhere}", "$.web.listen_address", "HOST:PORT"),
        ("log: {level: loud}", "$.log.level", "debug, info, warning, error"),
        ("intensity: {providers: [{kind: guess}]}", "$.intensity.providers[0].kind", "static"),
        ("intensity: {zone: Fr ance}", "intensity.zone", "Fr ance"),
        ("budgets: [{name: a, limit: 5}]", "$.budgets[0].limit", "50kg"),
        ("process: {series: some}", "$.process.series", "a whole number, all"),
    ):
        settings.write_text(text)
        done = run("--config.file", str(settings), "--socket.path", str(tmp_path / "s"))
        assert done.returncode == 2, (text, done.stderr)
        assert path in done.stderr
        assert allowed in done.stderr
        assert "Traceback" not in done.stderr


def test_a_taken_port_names_the_port_and_the_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run("--web.listen-address", address, "--socket.path", str(tmp_path / "s"))
    assert done.returncode == 2
    assert address in done.stderr
    assert "web.listen" in done.stderr
    assert "Traceback" not in done.stderr
