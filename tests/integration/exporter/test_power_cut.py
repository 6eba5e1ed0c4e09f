"""The power fails: what is left on real file systems is at most a minute old, and never nothing.

The file system lies in a file, on a loop device. FS_IOC_SHUTDOWN (linux/fs.h; XFS and ext4 know it) ends it without
writing what is still in memory, as a power cut does.
"""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.ledger import storage
from gramwatt_exporter.ledger.storage import VERSION, StateFile
from running import exporter, total

_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
_NO_FLUSH_OF_THE_LOG = 2
# More with GRAMWATT_TEST_CUTS=20, as before a release.
CUTS = int(os.environ.get("GRAMWATT_TEST_CUTS", "5"))


def tool(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=60)


class Disk:
    """A file system in a file. Skips the test, with the reason, where there cannot be one."""

    def __init__(self, directory: Path, kind: str, options: str) -> None:
        self.image, self.root = directory / "image", directory / "mount"
        self.root.mkdir()
        self._options = ",".join(["loop", *([options] if options else [])])
        maker = shutil.which(f"mkfs.{kind}", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if os.geteuid() != 0:
            pytest.skip("only root may mount a file system")
        if maker is None:
            pytest.skip(f"mkfs.{kind} is not installed (package xfsprogs or e2fsprogs)")
        with self.image.open("wb") as file:
            file.truncate(320 << 20)
        tool(maker, "-q", *(["-F"] if kind == "ext4" else []), str(self.image))
        try:
            self.mount()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no loop device can be mounted here: {error.stderr.decode().strip()}")

    def mount(self) -> None:
        tool("mount", "-o", self._options, str(self.image), str(self.root))

    def unmount(self, lazily: bool = False) -> None:
        tool("umount", *(["--lazy"] if lazily else []), str(self.root))

    def cut_the_power(self) -> None:
        descriptor = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _NO_FLUSH_OF_THE_LOG))
        finally:
            os.close(descriptor)
        self.unmount()
        self.mount()


@contextmanager
def disk(directory: Path, kind: str, options: str) -> Iterator[Disk]:
    made = Disk(directory, kind, options)
    try:
        yield made
    finally:
        made.unmount(lazily=True)  # a test that failed may hold files open


@pytest.mark.apart
@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "options"),
    [("ext4", ""), ("ext4", "noauto_da_alloc"), ("xfs", "")],
    ids=["ext4", "ext4-noauto", "xfs"],
)
def test_a_power_cut_costs_what_was_saved_since_the_last_flush_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, options: str
) -> None:
    chance = random.Random(20261128)
    with disk(tmp_path, kind, options) as made:
        directory = made.root / "state"
        saved = 0
        for _ in range(CUTS):
            file = StateFile(str(directory))
            found, damage = file.load()
            assert "zero" not in damage
            flushed = 0 if found is None else found["number"]
            assert flushed >= 0 if not saved else flushed >= saved, "older than the last flush"
            number = flushed
            for _ in range(chance.randrange(1, 12)):
                number += 1
                is_due = chance.random() < 0.3
                monkeypatch.setattr(storage, "FLUSH_SECONDS", 0.0 if is_due else 1e9)
                whole = file.path.stat().st_ino if file.path.exists() else 0
                file.save({"version": VERSION, "number": number, "text": "x" * chance.randrange(200_000)})
                if file.path.stat().st_ino != whole:
                    saved = number
                if chance.random() < 0.1:
                    time.sleep(0.2)  # the kernel may have begun to write by itself
            file.close()  # gives the descriptors back, and writes nothing
            made.cut_the_power()
        file = StateFile(str(directory))
        found, damage = file.load()
        file.close()
        assert found is not None, damage
        assert found["number"] >= saved


@pytest.mark.apart
@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "options"),
    [("ext4", ""), ("ext4", "noauto_da_alloc"), ("xfs", "")],
    ids=["ext4", "ext4-noauto", "xfs"],
)
def test_a_running_exporter_goes_on_after_a_power_cut(
    tmp_path: Path, rapl: Any, kind: str, options: str
) -> None:
    with disk(tmp_path, kind, options) as made:
        flags = {"path.sysfs": str(rapl.root), "state.dir": str(made.root / "state")}
        kept = Decimal(0)
        for _ in range(3):
            with exporter(tmp_path, flags) as running:
                series = running.wait_samples(1)
                assert total(series, "gramwatt_device_energy_joules_total") >= kept
                rapl.add(5_000_000)
                kept = total(running.wait_samples(2), "gramwatt_device_energy_joules_total")
                running.stop()  # flushes
            with exporter(tmp_path, flags) as running:
                rapl.add(5_000_000)
                running.wait_samples(3)
            made.cut_the_power()
        assert kept > 0
        assert "zero" not in running.stderr
