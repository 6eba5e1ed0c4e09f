"""The peer of bench_gpu: a plain loop over all GPUs with nvidia-ml-py, and nothing done with the answers.

Each line on standard input is one round, answered with the CPU nanoseconds that it took. A round asks each GPU what an
exporter has to ask: energy, power, MIG, the three lists of processes, and the utilisation of each process since the
round before.
"""

from __future__ import annotations

import sys
import time

import pynvml  # type: ignore[import-untyped]  # ships no types


def main() -> None:
    pynvml.nvmlInit()
    handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
    newest = [0] * len(handles)
    for _ in sys.stdin:
        began = time.process_time_ns()
        for index, handle in enumerate(handles):
            pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
            pynvml.nvmlDeviceGetPowerUsage(handle)
            pynvml.nvmlDeviceGetMigMode(handle)
            pynvml.nvmlDeviceGetComputeRunningProcesses_v3(handle)
            pynvml.nvmlDeviceGetGraphicsRunningProcesses_v3(handle)
            pynvml.nvmlDeviceGetMPSComputeRunningProcesses_v3(handle)
            rows = pynvml.nvmlDeviceGetProcessUtilization(handle, newest[index])
            newest[index] = max(row.timeStamp for row in rows)
        print(time.process_time_ns() - began, flush=True)


if __name__ == "__main__":
    main()
