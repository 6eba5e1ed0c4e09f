"""Files that a run leaves behind: many writers, odd files, full disks. The exit code stays the command's."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import gramwatt
import pytest
from gramwatt import locking
from gramwatt.csv_file import append_row
from gramwatt.emissions_csv import COLUMNS, append
from gramwatt.outputs import finite, guarded, write_json
from gramwatt.result import Result, from_window
from thorough import spread

CLIENT = Path(__file__).parents[3] / "client"
HEAD = ("name", "value")
RUN = ["run", "--phase", "training", "--quiet"]


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.reader(file))


def add(path: Path, name: str = "new") -> None:
    append_row(path, HEAD, {"name": name, "value": 1})


@pytest.mark.parametrize("before", [b"", b"\n", b"\r\n \n"])
def test_an_empty_file_gets_the_header(tmp_path: Path, before: Any) -> None:
    path = tmp_path / "e.csv"
    path.write_bytes(before)
    add(path)
    add(path)
    assert [row for row in rows(path) if "".join(row).strip()] == [[*HEAD], ["new", "1"], ["new", "1"]]


@pytest.mark.parametrize(
    "before",
    [
        b"name,value\na,1\n",
        b"name,value\r\na,1\r\n", b"name,value\na,1", b"name,value", b"\xef\xbb\xbfname,value\na,1",
        b'name,value\n"a\nb",1', b'name,value\n1,"a ""b"""', b"name,value\ra,1",
        "name,value\nca\N{LATIN SMALL LETTER F},1".encode(),
    ],
)  # fmt: skip
def test_a_file_of_ours_is_gone_on_with(tmp_path: Path, before: Any) -> None:
    path = tmp_path / "e.csv"
    path.write_bytes(before)
    count = len(rows(path))
    add(path)
    assert rows(path)[-1] == ["new", "1"]
    assert len(rows(path)) == count + 1
    assert path.read_bytes().startswith(before)
    assert [file.name for file in tmp_path.iterdir()] == ["e.csv"]


def test_columns_in_another_order_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text("value,name\n")
    add(path)
    assert rows(path) == [["value", "name"], ["1", "new"]]


@pytest.mark.parametrize(
    "before",
    [
        "name,value\ncaf\xe9,1\n".encode("latin-1"), "name,value\na,1\n".encode("utf-16"),
        "name,value\na,1\n".encode("utf-16-le"), b"name;value\na;1\n", b"name,value,more\n", b"name,name\n",
        b"name,value\na", b'name,value\n"a', b"name,value\na\0,1\n", b"\x00\x01\x02", b"name,value\n\xff",
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_gone_on_with_is_set_aside(tmp_path: Path, before: Any) -> None:
    path = tmp_path / "e.csv"
    path.write_bytes(before)
    add(path)
    assert (tmp_path / "e.csv.bak").read_bytes() == before
    assert rows(path) == [[*HEAD], ["new", "1"]]
    path.write_bytes(before)
    add(path)
    assert (tmp_path / "e.csv_1.bak").read_bytes() == before


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "e.csv").write_bytes(b"\xff")
    (tmp_path / "e.csv").symlink_to(tmp_path / "real" / "e.csv")
    add(tmp_path / "e.csv")
    assert (tmp_path / "e.csv").is_symlink()
    assert sorted(path.name for path in (tmp_path / "real").iterdir()) == ["e.csv", "e.csv.bak"]


@pytest.mark.parametrize("name", ["a\0b", "caf\udce9", 'a,"b"\nc', "", "\u202e", "x" * 100_000])
def test_every_name_can_be_written_and_the_file_gone_on_with(tmp_path: Path, name: Any) -> None:
    path = tmp_path / "e.csv"
    add(path, name)
    add(path)
    assert len(rows(path)) == 3
    assert [file.name for file in tmp_path.iterdir()] == ["e.csv"]


WRITER = """
import sys, time
from pathlib import Path
from gramwatt import locking
from gramwatt.csv_file import append_row
if sys.argv[2] == "no locks":
    def none(fd): raise OSError(37, "No locks available")
    locking._try_lock = none
while not Path(sys.argv[1]).with_name("go").exists():
    time.sleep(0.001)
for i in range(5):
    append_row(Path(sys.argv[1]), ("name", "value"), {"name": sys.argv[3], "value": i})
"""


@pytest.mark.slow
@pytest.mark.parametrize(("before", "locks"), spread([None, b"other,columns\n1,2\n"], ["locks", "no locks"]))
def test_many_writers_give_one_header_and_every_row(tmp_path: Path, locks: Any, before: Any) -> None:
    path = tmp_path / "e.csv"
    if before is not None:
        path.write_bytes(before)
    environ = {**os.environ, "PYTHONPATH": str(CLIENT)}
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), locks, str(i)], env=environ)
        for i in range(8)
    ]
    (tmp_path / "go").touch()
    assert [writer.wait(60) for writer in writers] == [0] * 8
    found = rows(path)
    assert found.count([*HEAD]) == 1
    assert found[0] == [*HEAD]
    assert sorted(found[1:]) == sorted([str(i), str(j)] for i in range(8) for j in range(5))
    others = sorted(file.name for file in tmp_path.iterdir() if file.name not in ("e.csv", "go"))
    assert others == ([] if before is None else ["e.csv.bak"])


def test_a_lock_file_of_a_dead_process_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(fd: int) -> bool:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(locking, "_try_lock", none)
    lock = tmp_path / "e.csv.lock"
    for created in (0, time.time() + 86_400):  # the second is of before the clock was set back
        lock.touch()
        os.utime(lock, (created, created))
        add(tmp_path / "e.csv")
        assert not lock.exists()
    assert rows(tmp_path / "e.csv")[-2:] == [["new", "1"]] * 2


@pytest.mark.parametrize("ahead", [3600, -3600])
def test_a_lock_file_is_as_old_as_its_file_server_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: Any
) -> None:
    """The clock of this machine is an hour ahead of the server's, or behind it."""

    def none(fd: int) -> bool:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(locking, "_try_lock", none)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + ahead)
    path, lock = tmp_path / "e.csv", tmp_path / "e.csv.lock"
    add(path)
    lock.touch()
    fd = os.open(path, os.O_RDWR)
    with locking.locked(fd, path, wait=0.05) as held:
        assert not held
    os.close(fd)
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["e.csv", "e.csv.lock"]


def test_a_lock_that_is_never_given_up_does_not_hold_a_finished_run(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    add(path)
    other, mine = os.open(path, os.O_RDWR), os.open(path, os.O_RDWR)
    with locking.locked(other, path) as held, locking.locked(mine, path, wait=0.05) as second:
        assert (held, second) == (True, False)
    with locking.locked(mine, path, wait=0.05) as third:
        assert third
    os.close(other)
    os.close(mine)


@pytest.mark.slow
def test_a_disk_that_fills_up_leaves_no_half_row(tmp_path: Path) -> None:
    """A file size limit stands for the full disk: the write stops in the middle of the row."""
    path = tmp_path / "e.csv"
    add(path)
    before = path.read_bytes()
    code = f"""
import resource, signal
from pathlib import Path
from gramwatt.csv_file import append_row
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) + 5}, resource.RLIM_INFINITY))
try:
    append_row(Path({str(path)!r}), ("name", "value"), {{"name": "x" * 100, "value": 1}})
except OSError:
    print("refused")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(CLIENT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "refused\n", done.stderr
    assert path.read_bytes() == before


def test_summary_has_null_for_what_json_has_not(tmp_path: Path) -> None:
    write_json(tmp_path / "s.json", {"a": float("nan"), "b": [float("inf"), 1.5], "c": {"d": float("-inf")}})
    assert json.loads((tmp_path / "s.json").read_text()) == {"a": None, "b": [None, 1.5], "c": {"d": None}}
    assert finite((1, "x", None, True)) == [1, "x", None, True]


@pytest.mark.slow
def test_a_summary_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "real.json"
    target.write_text("old")
    target.chmod(0o640)
    (tmp_path / "link.json").symlink_to(target)
    write_json(tmp_path / "link.json", {"a": 1})
    assert json.loads(target.read_text()) == {"a": 1}
    assert (tmp_path / "link.json").is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    code = f"""
import resource, signal
from pathlib import Path
from gramwatt.outputs import write_json
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5, resource.RLIM_INFINITY))
try:
    write_json(Path({str(target)!r}), {{"b": "x" * 1000}})
except OSError:
    print("refused")
"""
    environ = {**os.environ, "PYTHONPATH": str(CLIENT)}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True)
    assert done.stdout == "refused\n", done.stderr
    assert json.loads(target.read_text()) == {"a": 1}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["link.json", "real.json"]


def test_a_guard_lets_nothing_through() -> None:
    said: list[str] = []

    def broken() -> None:
        raise RuntimeError("a bug\nin two lines")

    assert not guarded("out", broken, said.append)
    assert said == ["out: RuntimeError: a bug in two lines"]


@pytest.mark.parametrize("number", [10**400, float("nan"), float("inf"), "3", True, None, []])
def test_odd_numbers_of_an_exporter_are_not_known(number: Any) -> None:
    answer = {
        "energy_joules": number,
        "processes": number,
        "values": {"a": number, "b": 2},
        "duration_seconds": number,
    }
    result = from_window(answer)
    assert (result.joules, result.processes, result.values) == (None, None, {"b": 2.0})
    assert "not measured" in str(result)


OUTPUTS = [
    ("--emissions-csv", "/dev/full"), ("--summary-json", "/dev/full"), ("--emissions-csv", "/dev/null"),
    ("--summary-json", "/dev/null"), ("--emissions-csv", "."), ("--summary-json", "."),
    ("--emissions-csv", "/nonexistent/e.csv"), ("--summary-json", "/nonexistent/s.json"),
    ("--emissions-csv", "pipe"), ("--summary-json", "pipe"), ("--emissions-csv", os.fsdecode(b"e\xff.csv")),
    ("--summary-json", os.fsdecode(b"s\xff.json")), ("--emissions-csv", "x" * 300), ("--summary-json", "x" * 300),
    ("--name", os.fsdecode(b"caf\xe9")), ("--name", "a\nb\tc"), ("--model", os.fsdecode(b"\xff")),
    ("--tag", os.fsdecode(b"a\xff=b\xfe")), ("--value", "samples=1e-320"), ("--value", "samples=1e308"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("option", "value"), OUTPUTS)
def test_exit_code_is_the_commands_whatever_an_output_does(
    gramwatt: Any, exporter: Any, tmp_path: Path, option: Any, value: Any
) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = gramwatt(*RUN, option, value, "--", "sh", "-c", "exit 7")
    assert done.returncode == 7
    assert "Traceback" not in done.stderr
    assert exporter.only()["state"] == "finished"


@pytest.mark.slow
@pytest.mark.parametrize(
    "redirection", ["2>/dev/full", "2>&-", ">&-", ">/dev/full", "<&- >&- 2>&-", "2>&1 | head -c0"]
)
def test_exit_code_survives_closed_and_full_streams(exporter: Any, redirection: Any) -> None:
    command = f"{sys.executable} -m gramwatt run --phase training -- sh -c 'exit 7' {redirection}"
    shell = f"{command}; exit ${{PIPESTATUS[0]}}"
    environ = {**os.environ, "PYTHONPATH": str(CLIENT)}
    assert subprocess.run(["bash", "-c", shell], env=environ, timeout=60).returncode == 7


def test_window_of_code_survives_every_csv(exporter: Any, tmp_path: Path) -> None:
    with (
        pytest.warns(gramwatt.GramwattWarning, match="/dev/full"),
        gramwatt.window("x", phase="training", emissions_csv="/dev/full") as w,
    ):
        pass
    assert w.result.measured


def test_an_absurd_end_is_a_line_not_a_traceback(tmp_path: Path) -> None:
    said: list[str] = []
    guarded("csv", lambda: append(tmp_path / "e.csv", Result("x", "training", end=1e30)), said.append)
    assert len(said) <= 1
    append(tmp_path / "e.csv", Result("x", "training"))
    assert rows(tmp_path / "e.csv")[0] == list(COLUMNS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("redirection", "code"), [(">/dev/full", 1), (">&-", 0), ("| true", 141), ("2>&- >/dev/full", 1)]
)
def test_a_command_whose_output_cannot_be_written_says_so_in_one_line(
    exporter: Any, redirection: Any, code: Any
) -> None:
    """`gramwatt windows` and the others; many names, so that the output is larger than a pipe."""
    for _ in range(600):
        exporter.answer(
            "POST", "/v1/windows", {"name": "n" * 128, "phase": "training", "values": {}}, os.getpid()
        )
    shell = f"{sys.executable} -m gramwatt windows {redirection}; exit ${{PIPESTATUS[0]}}"
    environ = {**os.environ, "PYTHONPATH": str(CLIENT)}
    done = subprocess.run(["bash", "-c", shell], env=environ, timeout=60, capture_output=True, text=True)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") <= 1


@pytest.mark.slow
def test_a_terminal_that_cannot_show_a_name_shows_its_number(gramwatt: Any, exporter: Any) -> None:
    body = {"name": "caf\N{LATIN SMALL LETTER E WITH ACUTE}", "phase": "training", "values": {}}
    exporter.answer("POST", "/v1/windows", body, os.getpid())
    done = gramwatt("windows", environ={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, "caf\\xe9" in done.stdout) == (0, True)
