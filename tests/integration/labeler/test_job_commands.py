"""The job on the command line: grade, label, watch."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from gramwatt_labeler.__main__ import main
from gramwatt_labeler.store import Filters, Store
from labeler_job import SCALES

pytestmark = pytest.mark.usefixtures("scales_dir")


def test_grade_prints_one_line(prometheus_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grade", "--window", "steady", "--prometheus.url", prometheus_url]) == 0
    line = capsys.readouterr().out
    assert line.startswith("steady 'train' on gramwatt 1 (")
    assert ": C, 6 J per sample, EEI 0.692 against 8.67 J, 1.67 Wh" in line


def test_a_label_that_is_not_written(
    prometheus_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "label",
        "--window",
        "steady",
        "--output",
        str(tmp_path),
        "--layout",
        "badge",
        "--dry-run",
        "--json",
    ]
    assert main([*words, "--prometheus.url", prometheus_url]) == 0
    names = [Path(one).name for one in json.loads(capsys.readouterr().out)]
    assert names == ["steady-badge.svg", "steady-badge.png", "steady-badge.pdf"]
    assert list(tmp_path.iterdir()) == []


def test_grade_as_json_by_name(prometheus_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--name", "short-one", "--json", "--grading.scales", "gramwatt,comparia"]
    assert main(["grade", *words, "--prometheus.url", prometheus_url]) == 0
    results = json.loads(capsys.readouterr().out)
    assert [one["grade"]["scale"]["name"] for one in results] == ["gramwatt", "comparia"]
    assert results[0]["measurement"]["emissions_grams"] == 0.25


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--window", "no-task"], 3, "not graded: missing a task"),
        (["--window", "nothing"], 1, "window 'nothing' is unknown to Prometheus"),
        (["--window", "open"], 1, "has not finished yet"),
        (["--name", "nothing"], 1, "a window named 'nothing' is unknown"),
        (
            ["--window", "steady", "--grading.scales", "best"],
            1,
            "no scale 'best' (known: comparia, gaissa, gaissa-fixed, gaissalabel, gramwatt)",
        ),
        (["--window", "steady", "--watch.interval", "5"], 2, "$.watch.interval: expected a duration"),
    ],
)
def test_what_goes_wrong_is_one_line(
    words: Any, code: Any, text: Any, prometheus_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["grade", *words, "--prometheus.url", prometheus_url]) == code
    captured = capsys.readouterr()
    said = captured.out + captured.err
    assert text in said
    assert "Traceback" not in said
    assert len(said.splitlines()) == 1


def test_label_writes_files(prometheus_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["label", "--window", "steady", "--output", str(tmp_path / "out"), "--labels.formats", "svg,pdf"]
    assert main([*words, "--prometheus.url", prometheus_url]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["steady.pdf", "steady.svg"]
    assert str(tmp_path / "out" / "steady.svg") in capsys.readouterr().out


def test_watch_once_and_the_scale_list(
    prometheus_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "watch",
        "--once",
        "--labels.formats",
        "svg",
        "--prometheus.url",
        prometheus_url,
        "--data.dir",
        str(tmp_path),
    ]
    assert main(words) == 0
    assert "'short-one' on gramwatt" in capsys.readouterr().out
    assert (tmp_path / "grades.db").exists()
    assert (tmp_path / "labels" / "steady.svg").exists()
    assert main(["scales"]) == 0
    assert "gaissa-fixed" in capsys.readouterr().out
    assert main(["watch", "--config.check"]) == 0
    assert 'watch.interval: "15s"' in capsys.readouterr().out


def test_a_look_that_found_no_server_is_no_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    words = ["watch", "--once", "--prometheus.url", "http://127.0.0.1:1", "--data.dir", str(tmp_path)]
    assert main(words) == 1
    assert capsys.readouterr().out == ""
    assert "no answer from Prometheus at http://127.0.0.1:1" in caplog.text


def test_a_scale_of_several_metrics_grades_a_window_where_the_settings_name_it(
    prometheus_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRAMWATT_LABELER_GRADING_SCALES_DIR")
    words = ["grade", "--name", "short-one", "--grading.scales", "gramwatt,gaissa,gaissa-fixed", "--json"]
    main([*words, "--prometheus.url", prometheus_url])
    found = {one["grade"]["scale"]["name"]: one["grade"] for one in json.loads(capsys.readouterr().out)}
    assert found["gramwatt"]["letter"] == "D"  # of images without a name, by the most lenient reference
    assert found["gaissa"]["letter"] == "A"  # 0.25 g
    assert found["gaissa-fixed"]["letter"] is None  # what is missing could change it


def test_a_stretch_of_series_becomes_an_evaluation(
    prometheus_url: str, now: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    selector = 'gramwatt_device_energy_joules_total{instance="node-a:10044"}'
    data = ["--data.dir", str(tmp_path), "--prometheus.url", prometheus_url]
    words = ["measure", "--selector", selector, "--start", str(now - 3600), "--end", str(now - 3000), "--json",
             "--phase", "training", "--task", "image-classification", "--model", "acme/net", "--value", "samples=1000",
             *data]  # fmt: skip
    assert main([*words, "--dry-run"]) in (0, 3)
    assert not (tmp_path / "grades.db").exists()
    capsys.readouterr()
    assert main(words) in (0, 3)
    (printed,) = json.loads(capsys.readouterr().out)
    store = Store(f"sqlite:///{tmp_path / 'grades.db'}")
    (kept,) = store.page(Filters(origin="range"), "gramwatt").rows
    store.close()
    measured = kept.evaluation.measurement
    assert measured is not None
    assert (
        measured.energy_joules == printed["measurement"]["energy_joules"] == pytest.approx(18000)
    )  # 30 W, 600 s
    assert (kept.evaluation.boundary, kept.evaluation.window.instance) == ("machine", "node-a:10044")
    assert kept.evaluation.window.values == {"samples": 1000.0}
    assert main(["measure", "--selector", "{user=", "--start", "1h", *data]) == 2
    assert main(["measure", "--selector", '{user="nobody"}', "--start", "1h", *data]) == 1
    assert "nobody" in capsys.readouterr().err


def test_a_grafana_without_token_is_a_wrong_setting(
    prometheus_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRAMWATT_GRAFANA_TOKEN", raising=False)
    words = ["watch", "--once", "--data.dir", str(tmp_path), "--grafana.url", "http://127.0.0.1:1"]
    assert main([*words, "--prometheus.url", prometheus_url]) == 2
    assert "GRAMWATT_GRAFANA_TOKEN" in capsys.readouterr().err


def test_the_process_serves_and_ends_cleanly(prometheus_url: str, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [
        sys.executable, "-m", "gramwatt_labeler", "watch", "--prometheus.url", prometheus_url, "--data.dir",
        str(tmp_path), "--web.listen-address", address, "--watch.interval", "1s", "--labels.formats", "svg",
        "--grading.scales-dir", SCALES,
    ]  # fmt: skip
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GRAMWATT_")}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=environ, text=True)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                if "gramwatt_grade{" in requests.get(f"http://{address}/metrics", timeout=2).text:
                    break
            except requests.ConnectionError:
                pass
            assert time.monotonic() < deadline
            time.sleep(0.1)
        taken = subprocess.run(command, capture_output=True, env=environ, text=True, timeout=30, check=False)
        assert taken.returncode == 2
        assert "is the port taken?" in taken.stderr
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
