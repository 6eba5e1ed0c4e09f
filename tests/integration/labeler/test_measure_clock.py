"""``measure`` where the clock of Prometheus is another one than this machine's."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from gramwatt_labeler.__main__ import main

WATTS = 30.0
NAME = "gramwatt_device_energy_joules_total"


def served(ahead: float) -> ThreadingHTTPServer:
    """A query API whose clock is so many seconds ahead, with samples from ten minutes ago on."""
    first = float(int(time.time() + ahead)) - 600

    class Answers(BaseHTTPRequestHandler):
        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(time.time() + ahead)

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            query, until = form["query"][0], float(form["time"][0])
            is_range = query.endswith("ms]")
            found = []
            if is_range and NAME in query:
                since = until - int(query.rpartition("[")[2].removesuffix("ms]")) / 1000
                pairs = [
                    [first + at, str(WATTS * at)] for at in range(0, 3601, 5) if since <= first + at <= until
                ]
                labels = {"__name__": NAME, "component": "cpu", "instance": "a:1"}
                found = [{"metric": labels, "values": pairs}] if pairs else []
            tree = {"data": {"resultType": "matrix" if is_range else "vector", "result": found}}
            body = json.dumps(tree).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Answers)


@pytest.fixture(params=[-7200.0, 0.0, 7200.0])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    server = served(request.param)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_how_long_ago_is_by_the_clock_of_prometheus(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["measure", "--selector", NAME, "--start", "5m", "--json", "--dry-run"]
    assert main([*words, "--data.dir", str(tmp_path), "--prometheus.url", url]) in (0, 3)
    measured = json.loads(capsys.readouterr().out)[0]["measurement"]
    assert WATTS * 290 <= measured["energy_joules"] <= WATTS * 300
