#!/usr/bin/env bash
# The loop of a minute: unit tests without the slow ones, on every core. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.tools/bin:$PWD/.venv/bin:$PATH"

# pytest rewrites every assert when it reads a test, which takes longer than the tests: it keeps the result as byte
# code, unless the environment forbids that. A plugin that only other tests use is not loaded either.
unset PYTHONDONTWRITEBYTECODE
. stack/memory_disk.sh
memory_disk
trap 'memory_disk_gone $?' EXIT
pytest tests/unit -m "not slow" -p no:schemathesis -n auto --dist loadfile -q "$@"
