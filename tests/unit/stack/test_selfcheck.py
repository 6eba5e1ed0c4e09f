"""The self-check's arithmetic on scrapes, served by a real HTTP server."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from stack import selfcheck
from stack.settings import StackError

WHOLE = """\
gramwatt_device_energy_joules_total{component="cpu",device="package-0",source="rapl"} 10.000003
gramwatt_device_energy_joules_total{component="cpu",device="package-1",source="rapl"} 5
gramwatt_device_energy_partition_joules_total{component="cpu",device="package-0",part="idle"} 4
gramwatt_device_energy_partition_joules_total{component="cpu",device="package-0",part="live"} 3.000001
gramwatt_device_energy_partition_joules_total{component="cpu",device="package-0",part="exited"} 2
gramwatt_device_energy_partition_joules_total{component="cpu",device="package-0",part="unattributed"} 1.000002
gramwatt_device_energy_partition_joules_total{component="cpu",device="package-1",part="live"} 5
gramwatt_process_energy_joules_total{pid="7",command="a",workload="a.service",user="u",component="cpu"} 8.000001
gramwatt_process_energy_joules_total{pid="",command="other",workload="",user="",component="cpu"} 2
gramwatt_process_power_watts{pid="7",command="a",workload="a.service",user="u",component="cpu"} 3
gramwatt_process_power_watts{pid="7",command="a",workload="a.service",user="u",component="dram"} 1
gramwatt_process_power_watts{pid="8",command="b",workload="b.service",user="u",component="cpu"} 3.5
gramwatt_process_power_watts{pid="",command="other",workload="",user="",component="cpu"} 99
"""


@pytest.fixture
def serve() -> Iterator[Callable[[str], str]]:
    servers: list[ThreadingHTTPServer] = []

    def start(text: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}/metrics"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_energy_that_adds_up_over_devices(serve: Callable[[str], str]) -> None:
    balance = selfcheck.balances(selfcheck.scrape(serve(WHOLE)))["cpu"]
    assert balance.device == 15_000_003
    assert balance.accounted == 15_000_003
    assert balance.holds


@pytest.mark.parametrize(
    "lost",
    [
        'part="idle"} 4',
        'part="unattributed"} 1.000002',
        'command="other",workload="",user="",component="cpu"} 2',
    ],
)
def test_one_lost_microjoule_is_seen(serve: Callable[[str], str], lost: str) -> None:
    text, _, number = lost.rpartition(" ")
    broken = WHOLE.replace(lost, f"{text} {float(number) - 1e-6:.6f}")
    assert broken != WHOLE
    samples = selfcheck.scrape(serve(broken))
    assert not selfcheck.balances(samples)["cpu"].holds
    with pytest.raises(StackError, match="not conserved for cpu"):
        selfcheck.conservation(samples)


def test_no_device_energy_is_not_called_balanced() -> None:
    with pytest.raises(StackError, match="no device energy"):
        selfcheck.conservation([])


def test_hottest_adds_components_and_leaves_out_the_rest_row(serve: Callable[[str], str]) -> None:
    assert selfcheck.hottest(selfcheck.scrape(serve(WHOLE))) == [
        (4.0, "7", "a", "a.service"),
        (3.5, "8", "b", "b.service"),
    ]


def test_waiting_tells_what_was_missing() -> None:
    with pytest.raises(StackError, match="the thing: not within 0 s: still cold"):
        selfcheck.wait("the thing", lambda: "still cold", 0)


def test_waiting_ends_when_a_service_ends() -> None:
    with pytest.raises(StackError, match="a service ended"):
        selfcheck.wait("the thing", lambda: "still cold", 60, alive=lambda: False)


def target(address: str, health: str) -> dict[str, Any]:
    return {
        "scrapePool": "gramwatt", "scrapeUrl": f"http://{address}/metrics", "health": health,
        "lastError": "" if health == "up" else "connection refused", "labels": {"instance": address},
    }  # fmt: skip


def test_a_machine_elsewhere_that_is_down_is_said_and_keeps_nothing_from_starting() -> None:
    own = {"127.0.0.1:10044"}
    targets = [target("127.0.0.1:10044", "up"), target("lab-2:10044", "down"), target("lab-3:10044", "up")]
    assert selfcheck.own_down(targets, own) == ""
    assert selfcheck.elsewhere_down(targets, own) == [
        "  not answering: gramwatt http://lab-2:10044/metrics down connection refused"
    ]


def test_what_the_stack_serves_itself_has_to_be_scraped() -> None:
    own = {"127.0.0.1:10044", "127.0.0.1:9090"}
    assert selfcheck.own_down([], own) == "127.0.0.1:10044 is no target; 127.0.0.1:9090 is no target"
    found = selfcheck.own_down([target("127.0.0.1:10044", "down"), target("127.0.0.1:9090", "up")], own)
    assert "127.0.0.1:10044/metrics down connection refused" in found
    assert "9090" not in found
