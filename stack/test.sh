#!/usr/bin/env bash
# Every test. Arguments go to pytest: make test ARGS='-k rapl'. Nothing is installed outside of this folder.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.tools/bin:$PWD/.venv/bin:$PATH"

if [ $# -gt 0 ]; then
    exec pytest "$@"
fi

# First the tests that may share the machine, on every core. Then those that measure it, or drive a browser on it.
failed=0
pytest -m "not live" -n auto --dist loadfile || failed=$?
pytest -m live || failed=$?
exit "$failed"
