"""`python -m grafana.history`: makes the history and shows every dashboard with it. Behind `make demo-history`."""

from __future__ import annotations

import argparse
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests

from .build import history
from .series import blocks

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Runs until it is interrupted. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m grafana.history", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "var" / "history", help="where its data is written"
    )
    parser.add_argument("--prometheus-port", type=int, default=9190)
    parser.add_argument("--port", type=int, default=10145, help="of the dashboards")
    parser.add_argument("--write-only", action="store_true", help="make the database and exit")
    options = parser.parse_args()
    began = time.monotonic()
    shutil.rmtree(options.folder, ignore_errors=True)
    database = blocks(history(time.time()), options.folder, "promtool")
    print(f"two weeks made in {time.monotonic() - began:.0f} s", flush=True)
    if options.write_only:
        return 0
    for port in (options.prometheus_port, options.port):
        if _taken(port):
            print(f"port {port} is taken; choose another: see --help", file=sys.stderr)
            return 1
    return _serve(options, database, began)


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _serve(options: argparse.Namespace, database: Path, began: float) -> int:
    config = options.folder / "prometheus.yml"
    config.write_text("global: {}\n")
    prometheus = f"http://127.0.0.1:{options.prometheus_port}"
    commands = [
        [
            *("prometheus", f"--config.file={config.resolve()}", f"--storage.tsdb.path={database.resolve()}"),
            *(
                f"--web.listen-address={prometheus[7:]}",
                "--storage.tsdb.retention.time=400d",
                "--log.level=warn",
            ),
        ],
        [
            *(sys.executable, "-m", "gramwatt_labeler", "serve", f"--prometheus.url={prometheus}"),
            *(f"--web.listen-address=127.0.0.1:{options.port}", f"--data.dir={options.folder / 'labeler'}"),
            f"--web.dashboards-dir={ROOT / 'grafana' / 'dashboards'}",
        ],
    ]
    with (options.folder / "log").open("wb") as log:
        running = [subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log) for command in commands]
    try:
        page = f"http://127.0.0.1:{options.port}/dashboards/"
        _wait(f"{prometheus}/-/ready", running)
        _wait(page, running)
        print(f"every dashboard after {time.monotonic() - began:.0f} s: {page}")
        print(f"Prometheus: {prometheus}\nEnd with Ctrl+C.", flush=True)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        while all(one.poll() is None for one in running):
            time.sleep(0.5)
        print(f"it ended by itself; its log: {options.folder / 'log'}", file=sys.stderr)
    except KeyboardInterrupt:
        return 0
    finally:
        for one in running:
            one.terminate()
        for one in running:
            one.wait(20)
    return 1


def _wait(url: str, running: list[subprocess.Popen[bytes]]) -> None:
    while all(one.poll() is None for one in running):
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
