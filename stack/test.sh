#!/usr/bin/env bash
# Every test; those of the alert and recording rules run promtool. Arguments go to pytest: make test ARGS='-k rapl'.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.tools/bin:$PWD/.venv/bin:$PATH"

# Browser tests drive a real Chromium. Root on Debian gets it; elsewhere those tests say why they are skipped.
if ! command -v chromium >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing chromium for the browser tests"
    apt-get -qq update || true
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium >/dev/null || true
fi

exec pytest "$@"
