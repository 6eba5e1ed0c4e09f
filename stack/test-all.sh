#!/usr/bin/env bash
# Every test, with every repetition: what `make test` runs and the tests marked `thorough`, with more random examples.
set -euo pipefail
TEST_ALL=1 exec "$(dirname "$0")/test.sh" "$@"
