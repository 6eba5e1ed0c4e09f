"""Start the real exporter as a process of its own, and read what it publishes, exactly (Decimal, not float)."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

Series = dict[tuple[str, frozenset[tuple[str, str]]], Decimal]

_LINE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def parse(text: str) -> Series:
    """Every sample of an exposition. Raises AssertionError on a line that is none, or stands twice."""
    series: Series = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = _LINE.match(line)
        assert match is not None, line
        key = (match[1], frozenset(_LABEL.findall(match[2] or "")))
        assert key not in series, f"twice: {line}"
        series[key] = Decimal(match[3])
    return series


def select(series: Series, name: str, **labels: str) -> dict[frozenset[tuple[str, str]], Decimal]:
    """The samples of a metric that carry these labels."""
    wanted = set(labels.items())
    return {key: value for (metric, key), value in series.items() if metric == name and wanted <= key}


def total(series: Series, name: str, **labels: str) -> Decimal:
    """Their sum."""
    return sum(select(series, name, **labels).values(), Decimal(0))


class Exporter:
    """A running exporter. ``stderr`` is its log so far."""

    def __init__(self, directory: Path, flags: Mapping[str, str], environ: Mapping[str, str]) -> None:
        self.socket = str(directory / "gramwatt.sock")
        self._log = directory / "exporter.log"
        words = {"web.listen-address": "127.0.0.1:0", "socket.path": self.socket, **flags}
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "gramwatt_exporter",
                    *(f"--{key}={value}" for key, value in words.items()),
                ],
                stderr=log,
                stdout=log,
                env={**{k: v for k, v in os.environ.items() if not k.startswith("GRAMWATT_")}, **environ},
            )
        self.address = self._wait_for_address()

    @property
    def stderr(self) -> str:
        return self._log.read_text()

    def _wait_for_address(self) -> str:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            found = re.findall(r"http://(\S+?)/metrics, socket \S+ pid (\d+)", self.stderr)
            mine = [address for address, pid in found if int(pid) == self.process.pid]
            if mine:
                return str(mine[-1])
            if self.process.poll() is not None:
                raise AssertionError(f"the exporter ended with {self.process.returncode}: {self.stderr}")
            time.sleep(0.02)
        raise AssertionError(f"the exporter did not start: {self.stderr}")

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of a page."""
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def scrape(self) -> Series:
        """What /metrics says now."""
        status, text = self.get("/metrics")
        assert status == 200, text
        return parse(text)

    def wait(self, condition: Any, seconds: float = 60) -> Series:
        """Scrape until ``condition(series)`` holds; what it held for."""
        deadline = time.monotonic() + seconds
        last: Series = {}
        while time.monotonic() < deadline:
            status, text = self.get("/metrics")
            if status == 200:
                last = parse(text)
                if condition(last):
                    return last
            time.sleep(0.05)
        shown = "\n".join(f"{name}{dict(labels)} {value}" for (name, labels), value in last.items())
        raise AssertionError(f"did not come true in {seconds} s: {self.stderr[-2000:]}\n{shown[:4000]}")

    def wait_samples(self, more: int = 2) -> Series:
        """Scrape when so many more samples have been taken."""
        key = ("gramwatt_samples_total", frozenset[tuple[str, str]]())
        begin = self.wait(lambda series: key in series)[key]
        return self.wait(lambda series: series[key] >= begin + more)

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """A call over the Unix socket."""
        connection = http.client.HTTPConnection("localhost", timeout=15)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(15)
        connection.sock.connect(self.socket)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=15)


@contextmanager
def exporter(directory: Path, flags: Mapping[str, str] | None = None, **environ: str) -> Iterator[Exporter]:
    """One that is ended at the end."""
    running = Exporter(directory, {"sampling.interval": "100ms", **(flags or {})}, environ)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
        running.process.wait()


def assert_conserved(series: Series) -> None:
    """Parts, rows and workloads all sum to what the devices drew, to the last microjoule."""
    devices = {
        (dict(key)["component"], dict(key)["device"])
        for key in select(series, "gramwatt_device_energy_partition_joules_total")
    }
    assert devices
    for component, device in devices:
        parts = total(
            series, "gramwatt_device_energy_partition_joules_total", component=component, device=device
        )
        assert parts == total(
            series, "gramwatt_device_energy_joules_total", component=component, device=device
        )
    for component in {component for component, _ in devices}:
        partition = "gramwatt_device_energy_partition_joules_total"
        used = total(series, partition, component=component, part="live") + total(
            series, partition, component=component, part="exited"
        )
        assert total(series, "gramwatt_process_energy_joules_total", component=component) == used
        workloads = "gramwatt_workload_energy_joules_total", "gramwatt_workload_departed_energy_joules_total"
        assert sum(total(series, name, component=component) for name in workloads) == used
    assert total(series, "gramwatt_priced_energy_joules_total") == total(
        series, "gramwatt_device_energy_joules_total"
    )
