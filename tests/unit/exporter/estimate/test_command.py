"""``gramwatt-exporter estimate show|calibrate`` on described machines."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from described_machines import describe
from gramwatt_exporter.estimate_command import run

LOADS = list(range(0, 101, 10))


class Shell:
    """Runs the command on a machine; ``busy`` is the load between its two looks at the CPU times."""

    def __init__(self, root: Path) -> None:
        self.state = root / "state"
        self.proc, self.sys = describe(root)
        self.busy = 0

    def __call__(self, *words: str, state: bool = True) -> tuple[int, str]:
        output = io.StringIO()
        flags = ["--path.procfs", str(self.proc), "--path.sysfs", str(self.sys)]
        flags += ["--state.dir", str(self.state)] if state else []
        return run([*words, *flags], {}, output, sleep=self.sleep), output.getvalue()

    def sleep(self, seconds: float) -> None:
        """Two hundred ticks pass."""
        (self.proc / "stat").write_text(f"cpu  {2 * self.busy} 0 0 {100 + 200 - 2 * self.busy} 0 0 0 0 0 0\n")

    def json(self, *words: str) -> dict[str, Any]:
        code, text = self("show", "--json", *words)
        assert code == 0
        found: dict[str, Any] = json.loads(text)
        return found

    def wall(self, load: int) -> tuple[float, float]:
        (point,) = self.json("--load", str(load))["points"]
        return point["wall_watts"], point["sigma_ratio"]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_json(shell: Shell) -> None:
    found = shell.json()
    cpu = found["cpu"]
    assert cpu["model"] == "AMD EPYC 7742 64-Core Processor"
    assert (cpu["architecture"], cpu["chips"], cpu["cores"], cpu["threads"]) == ("epyc-gen2", 2, 128, 256)
    assert "family 23 model 49" in cpu["how"]
    assert [point["load"] for point in found["points"]] == LOADS
    for point in found["points"]:
        parts = point["cpu_watts"] + point["dram_watts"] + point["other_watts"]
        assert point["wall_watts"] == pytest.approx(parts, abs=0.01)
        assert 0 < point["sigma_ratio"] < 1


def test_for_a_person(shell: Shell) -> None:
    code, text = shell("show", "--load", "0,100")
    assert code == 0
    assert "AMD EPYC 7742" in text
    assert "2 chips, 128 cores, 256 threads" in text
    assert len([line for line in text.splitlines() if " % " in line and " W" in line]) == 2
    assert "estimate calibrate --watts" in text


@pytest.mark.parametrize(
    ("text", "loads"),
    [
        ("0,10,..,100", LOADS),
        ("0,50,100", [0, 50, 100]),
        ("25%", [25]),
        ("0,30,..,100", [0, 30, 60, 90, 100]),
    ],
)
def test_loads(shell: Shell, text: str, loads: list[float]) -> None:
    assert [point["load"] for point in shell.json("--load", text)["points"]] == loads


@pytest.mark.parametrize("text", ["", "x", "101", "-1", "..,100", "10,..", "50,10,..,100", "nan"])
def test_loads_that_are_none(shell: Shell, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        shell("show", f"--load={text}")
    assert end.value.code == 2
    assert "--load" in capsys.readouterr().err


def test_a_machine_that_shows_nothing_has_an_estimate(tmp_path: Path) -> None:
    output = io.StringIO()
    flags = ["--path.procfs", str(tmp_path / "no"), "--path.sysfs", str(tmp_path / "no")]
    assert run(["show", "--json", *flags], {}, output) == 0
    found = json.loads(output.getvalue())
    assert found["points"][10]["wall_watts"] > found["points"][0]["wall_watts"] > 0
    assert found["advice"]


@pytest.mark.slow
def test_calibrate_and_back(shell: Shell) -> None:
    before, unsure = shell.wall(0)
    code, text = shell("calibrate", "--watts", "200", "--idle")
    assert code == 0
    assert "before" in text
    after, sure = shell.wall(0)
    assert after == pytest.approx(200, rel=0.05)
    assert sure < unsure / 2
    assert shell.wall(100)[1] < 0.2
    code, text = shell("calibrate", "--reset")
    assert (code, text) == (0, "the calibration is removed\n")
    assert shell.wall(0) == (before, unsure)
    assert shell("calibrate", "--reset") == (0, "there was no calibration\n")


def test_the_load_is_measured_where_nobody_says_it(shell: Shell) -> None:
    shell.busy = 50
    code, text = shell("calibrate", "--watts", "350")
    assert code == 0
    assert "wall at  50% load" in text
    assert shell.wall(50)[0] == pytest.approx(350, rel=0.05)


def test_of_the_packages_alone(shell: Shell) -> None:
    assert shell("calibrate", "--watts", "240", "--load", "100", "--of", "cpu")[0] == 0
    (point,) = shell.json("--load", "100")["points"]
    assert point["cpu_watts"] == pytest.approx(240, rel=0.05)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--watts", "5", "--load", "100"], "--watts: 5 is implausible"),
        (["--watts", "90000", "--idle"], "--watts: 90000 is implausible"),
    ],
)
def test_an_implausible_value_is_refused(
    shell: Shell, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shell("calibrate", *words)[0] == 2
    assert said in capsys.readouterr().err
    assert not shell.state.exists()


def test_without_a_state_directory_it_says_what_to_set(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shell("calibrate", "--watts", "100", "--idle", state=False)[0] == 2
    assert "state.dir" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--watts", "x"], ["--watts", "0"], [], ["--watts", "9", "--reset"]])
def test_arguments_that_are_none(shell: Shell, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        shell("calibrate", *words)
    assert end.value.code == 2
    assert capsys.readouterr().err


@pytest.mark.slow
def test_a_damaged_calibration_is_said_and_can_be_reset(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.state.mkdir()
    (shell.state / "estimate.json").write_text("{")
    assert shell("show")[0] == 2
    assert "--reset" in capsys.readouterr().err
    assert shell("calibrate", "--reset")[0] == 0
    assert shell("show")[0] == 0
