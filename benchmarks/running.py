"""The exporter as it is installed: gramwatt-exporter in a process of its own."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.harness import EXPORTER, clean_environment, cpu_nanoseconds, get, resident_bytes, wait_for


class Running:
    """One gramwatt-exporter. ``seconds`` from its fork to its first sample, ``cpu`` seconds it used for that.

    ``before`` runs in it before the program does; ``environment`` is added to the variables.
    """

    def __init__(
        self,
        directory: str,
        number: int | str,
        settings: str = "sampling: {interval: 100ms}\n",
        before: Callable[[], None] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        place = Path(directory, f"run-{number}")
        place.mkdir()
        file, self.log = place / "settings.yml", place / "log"
        file.write_text(
            f'web: {{listen_address: "127.0.0.1:0"}}\nsocket: {{path: {place}/socket}}\n'
            f"state: {{dir: {place}/state}}\n{settings}"
        )
        began = time.monotonic()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*EXPORTER, f"--config.file={file}"],
                stderr=log,
                env={**clean_environment(), **(environment or {})},
                preexec_fn=before,
            )
        self.address = wait_for(self._address, 20, "the exporter's address")
        wait_for(self._sampled, 20, "the first sample")
        self.seconds = time.monotonic() - began
        self.cpu = cpu_nanoseconds(self.process.pid) / 1e9

    def _address(self) -> str | None:
        found = re.search(r"http://(\S+?)/metrics", self.log.read_text())
        return found[1] if found else None

    def _sampled(self) -> bool:
        try:
            return b"\ngramwatt_samples_total " in get(self.address)
        except (RuntimeError, OSError):
            return False

    def settle(self) -> float:
        """Megabytes after some samples and scrapes."""
        for _ in range(10):
            time.sleep(0.3)
            get(self.address)
        return resident_bytes(self.process.pid) / 1e6

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()
