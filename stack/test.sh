#!/usr/bin/env bash
# Every test. Arguments go to pytest: make test ARGS='-k rapl'. Nothing is installed outside of this folder.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.tools/bin:$PWD/.venv/bin:$PATH"
unset PYTHONDONTWRITEBYTECODE  # pytest keeps rewritten asserts as byte code; without it every process does it again

if [ $# -gt 0 ]; then
    exec pytest "$@"
fi

# The tests that may share the machine use every core. Beside them run those that mostly wait: for a browser, for a
# stack, for a disk. What the second group prints is shown when the first has ended.
failed=0
apart=$(mktemp)
trap 'rm -f "$apart"' EXIT
pytest -m "apart and not live" -o cache_dir=.pytest_cache/apart >"$apart" 2>&1 &
beside=$!
pytest -m "not live and not apart" -n auto --dist loadfile || failed=$?
echo "waiting for the tests that run beside (browser, stack, power cuts)"
wait "$beside" || failed=$?
cat "$apart"

# Last those that measure running programs: they have the machine for themselves.
pytest -m live || failed=$?
exit "$failed"
