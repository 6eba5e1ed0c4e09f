#!/usr/bin/env bash
# The tests: each sentence by a case that shows it. With TEST_ALL=1, which stack/test-all.sh sets, those marked
# `thorough` too. Arguments go to pytest: make test ARGS='-k rapl'. Nothing is installed outside of this folder.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.tools/bin:$PWD/.venv/bin:$PATH"
unset PYTHONDONTWRITEBYTECODE  # pytest keeps rewritten asserts as byte code; without it every process does it again
export GOGC=400                # Prometheus and promtool live for seconds here: less memory is not worth CPU time

. stack/memory_disk.sh
memory_disk
trap 'memory_disk_gone $?' EXIT

and=""
[ -n "${TEST_ALL:-}" ] || and="and not thorough"

if [ $# -gt 0 ]; then
    [ -z "$and" ] || set -- -m "not thorough" "$@"
    pytest "$@"
    exit
fi

# The tests that may share the machine use every core. Beside them run, in a process each, those that drive a browser and
# those that mostly wait: for a stack, for a disk. What these print is shown when the first group has ended.
failed=0
said=$(mktemp -d)
trap 'status=$?; rm -rf "$said"; memory_disk_gone $status' EXIT
declare -A beside
for group in apart browser; do
    pytest -m "$group and not live $and" -o cache_dir=.pytest_cache/$group >"$said/$group" 2>&1 &
    beside[$group]=$!
done
pytest -m "not live and not apart and not browser $and" -n auto --dist loadfile || failed=$?
for group in "${!beside[@]}"; do
    echo "waiting for the tests that run beside: $group"
    wait "${beside[$group]}" || failed=$?
    cat "$said/$group"
done

# Last those that measure running programs: they have the machine for themselves.
pytest -m "live $and" || failed=$?
exit "$failed"
