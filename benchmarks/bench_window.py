"""What an open window costs the program it records.

python -m benchmarks.bench_window [SECONDS]

Nothing of Gramwatt runs inside the program: the cost is what the exporter does more while the window is open, at the
default sampling interval, as a share of the CPU time of the program (one busy process). Peer: the same program
without a window, in turns.
"""

from __future__ import annotations

import http.client
import json
import socket
import statistics
import subprocess
import sys
import time

from benchmarks.harness import cpu_nanoseconds, machine, spread, verdict, workplace
from benchmarks.running import Running

ROUNDS = 4
MOST_PERCENT = 0.1
SPIN = "while True: pass"


def ask(path: str, method: str, url: str, body: object = None) -> dict[str, object]:
    """A call over the exporter's socket."""
    connection = http.client.HTTPConnection("localhost", timeout=10)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.connect(path)
    try:
        connection.request(method, url, json.dumps(body))
        answer: dict[str, object] = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return answer


def share(running: Running, path: str, seconds: float, record: bool) -> float:
    """CPU time of the exporter per CPU time of the program, in percent."""
    program = subprocess.Popen([sys.executable, "-I", "-S", "-c", SPIN])
    try:
        time.sleep(0.2)
        exporter, own = cpu_nanoseconds(running.process.pid), cpu_nanoseconds(program.pid)
        window = {}
        if record:
            window = ask(
                path, "POST", "/v1/windows", {"name": "spin", "phase": "training", "pid": program.pid}
            )
        time.sleep(seconds)
        if record:
            ask(path, "POST", f"/v1/windows/{window['window']}/stop")
        return 100 * (cpu_nanoseconds(running.process.pid) - exporter) / (cpu_nanoseconds(program.pid) - own)
    finally:
        program.kill()
        program.wait()


def main(seconds: float) -> int:
    """Prints the difference of the two shares."""
    print(machine())
    with workplace() as directory:
        running = Running(directory, 0, "sampling: {interval: 5s}\n")
        path = f"{directory}/run-0/socket"
        try:
            pairs = [
                (share(running, path, seconds, True), share(running, path, seconds, False))
                for _ in range(ROUNDS)
            ]
        finally:
            running.end()
    extra = [recorded - alone for recorded, alone in pairs]
    print(
        f"exporter's CPU time per CPU time of the program: recorded {spread([one for one, _ in pairs])} %,"
        f" not recorded {spread([two for _, two in pairs])} %; more by {spread(extra)} % points"
    )
    return 0 if verdict("% of the program", statistics.median(extra), MOST_PERCENT) else 1


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if sys.argv[1:] else 20))
