"""The real exporter, wired as ``gramwatt-exporter`` wires it, but sampling on demand.

Reads commands from standard input, one per line, and answers each with one line of JSON:

    sample    one Sampler.sample(); {"cpu_nanoseconds": of that call, "processes": known}
    tick      what the loop does at every interval: sample, save, freeze, publish; {"cpu_nanoseconds", "processes"}
    render    the text of the last snapshot; {"cpu_nanoseconds", "bytes"}

The first line it prints is {"address": of its web server}. Arguments: a YAML settings file.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable

from gramwatt_exporter.assembly import assemble
from gramwatt_exporter.config import load


def main(settings: str) -> None:
    exporter = assemble(load(settings, {}, {}).config, os.environ)
    exporter.node.exposition.renders_ahead = False  # what a scrape costs is asked for, wherever it is paid
    exporter.sensor_set.open()
    exporter.web.start()
    sampler, node = exporter.node.sampler, exporter.node
    node.tick()
    gc.collect()
    gc.freeze()  # as the program does before it starts to sample
    commands: dict[str, Callable[[], object]] = {
        "sample": sampler.sample,
        "tick": node.tick,
        "render": node.exposition.scrape,
    }
    host, port = exporter.web.address
    print(json.dumps({"address": f"{host}:{port}"}), flush=True)
    for line in sys.stdin:
        function = commands[line.strip()]
        began = time.process_time_ns()
        result = function()
        spent = time.process_time_ns() - began
        answer = {"cpu_nanoseconds": spent, "processes": len(sampler.table)}
        if isinstance(result, bytes):
            answer["bytes"] = len(result)
        print(json.dumps(answer), flush=True)
    exporter.web.stop()
    exporter.sensor_set.close()


if __name__ == "__main__":
    main(sys.argv[1])
