#!/usr/bin/env bash
# Runs every benchmark. Each is a program that prints what it measured and one ratio.
set -euo pipefail
cd "$(dirname "$0")/.."
shopt -s nullglob
found=(benchmarks/bench_*.py)
if [ ${#found[@]} -eq 0 ]; then
    echo "no benchmarks yet"
fi
missed=0
for benchmark in "${found[@]}"; do
    echo "== $benchmark"
    .venv/bin/python -m "benchmarks.$(basename "$benchmark" .py)" || missed=1 # a missed figure does not stop the rest
done
exit $missed
