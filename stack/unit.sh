#!/usr/bin/env bash
# The loop of half a minute: unit tests without the slow ones, on every core. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.tools/bin:$PWD/.venv/bin:$PATH"
exec pytest tests/unit -m "not slow" -n auto --dist loadfile -q "$@"
