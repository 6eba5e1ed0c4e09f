"""A ledger with its journal says what the whole state says, after any life of the machine; and costs what changed."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
from pathlib import Path

import msgspec
import pytest
from gramwatt_exporter import files
from gramwatt_exporter.ledger.accounts import Accounts
from gramwatt_exporter.ledger.persistence import load
from gramwatt_exporter.ledger.storage import StateFile
from gramwatt_exporter.model import Device
from gramwatt_exporter.state import NodeState
from gramwatt_exporter.windows import OpenRequest, Peer
from gramwatt_exporter.windows.window import SCRAPES_KEPT
from simulation import Machine, Rig, random_life, rig

CPU = Device("cpu", "package-0", "rapl", 0.05)
ME = Peer(uid=0, pid=1, user="root")


def state_of(built: Rig) -> NodeState:
    return NodeState(built.sampler, lambda: {"counters": built.machine.now_ns}, "boot")


def comparable(state: object) -> object:
    """Order of tables and the time of saving mean nothing."""
    plain = json.loads(msgspec.json.encode(state))
    plain.pop("saved_at")
    plain.pop("id", None)
    plain.pop("checksum", None)
    for table in ("workloads", "departed_workloads"):
        plain["accounts"][table].sort()
    plain["windows"]["windows"].sort(key=lambda window: window["id"])
    for window in plain["windows"]["windows"]:
        window["scrapes"] = min(window["scrapes"], SCRAPES_KEPT)  # more of them change nothing
    return plain


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_ledger_and_journal_are_the_whole_state(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    built = rig()
    file, state = StateFile(str(tmp_path)), state_of(built)
    for number in range(60):
        random_life(built.machine, chance, chance.randrange(8), most=50)
        built.machine.advance(1_000_000_000)
        built.meters.draw(CPU, chance.randrange(50_000_000), 1_000_000_000)
        built.sampler.sample()
        windows = built.sampler.windows
        if chance.random() < 0.3:
            windows.open(OpenRequest(name="run", phase="training"), ME)
        for window_id in sorted(windows.open_ids):
            if chance.random() < 0.3:
                windows.stop(window_id, built.machine.wall)
        built.sampler.freeze()
        built.sampler.scraped(chance.randrange(3))
        windows.expire(built.machine.wall + chance.choice((0, 10_000_000)))
        file.save_changes(state, last=chance.random() < 0.1)
        saved, damage = StateFile(str(tmp_path)).load()
        assert damage == ""
        assert comparable(saved) == comparable(_whole(built))
        load(Accounts(), saved["accounts"])
        if file.previous.exists() and number:
            copy = tmp_path / f"copy-{number}"
            shutil.copytree(tmp_path, copy, ignore=shutil.ignore_patterns("copy-*", "lock"))
            (copy / "ledger.json").write_bytes(b"")
            fallen_back, damage = StateFile(str(copy)).load()
            assert "totals go on from ledger.previous.json" in damage
            assert comparable(fallen_back) == comparable(_whole(built))


def _whole(built: Rig) -> object:
    """As another would keep it: asking must not change what has been kept."""
    accounts = built.sampler.accounts
    every = [*accounts.workloads.values(), *accounts.departed_workloads.values()]
    kept = [(account.kept_version, account.kept_number) for account in every]
    whole = state_of(built).whole()
    for account, (version, number) in zip(every, kept, strict=True):
        account.kept_version, account.kept_number = version, number
    return whole


@pytest.mark.slow
def test_what_did_not_change_is_not_written(tmp_path: Path) -> None:
    built = rig(Machine(pid_max=5000))
    for number in range(2000):
        process = built.machine.fork(command=f"command-{number}")
        assert process is not None
        built.machine.work(process.pid, 5_000_000)
    built.meters.draw(CPU, 1_000_000_000, 1_000_000_000)
    built.sampler.sample()
    file, state = StateFile(str(tmp_path)), state_of(built)
    file.save_changes(state)
    whole = file.path.stat().st_size
    busy = next(iter(built.machine.processes))
    written = []
    for _ in range(5):
        built.machine.work(busy, 5_000_000)
        built.machine.advance(1_000_000_000)
        built.meters.draw(CPU, 10_000_000, 1_000_000_000)
        built.sampler.sample()
        before = sum(path.stat().st_size for path in tmp_path.glob("journal.*"))
        file.save_changes(state)
        written.append(sum(path.stat().st_size for path in tmp_path.glob("journal.*")) - before)
    assert max(written) < max(4096, whole / 10)


def test_a_save_that_failed_is_made_up_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = rig()
    process = built.machine.fork()
    assert process is not None
    file, state = StateFile(str(tmp_path)), state_of(built)

    def sample() -> None:
        built.machine.work(process.pid, 5_000_000)
        built.machine.advance(1_000_000_000)
        built.meters.draw(CPU, 10_000_000, 1_000_000_000)
        built.sampler.sample()

    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    sample()
    file.save_changes(state)
    sample()
    file.save_changes(state)
    write = os.pwrite
    with monkeypatch.context() as full:
        full.setattr(files, "write_flushed", no_room)
        sample()
        with pytest.raises(OSError, match="No space left"):
            file.save_changes(state, last=True)  # not whole, but in the journal
        full.setattr(os, "pwrite", lambda to, data, at: write(to, data[:100], at))
        sample()
        with pytest.raises(OSError, match="No space left"):
            file.save_changes(state)
    built.machine.advance(1_000_000_000)
    built.sampler.sample()  # in which nothing is used
    file.save_changes(state)
    saved, _ = StateFile(str(tmp_path)).load()
    assert comparable(saved) == comparable(_whole(built))
