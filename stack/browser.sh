#!/usr/bin/env bash
# Installs Chromium for the browser tests, on Debian and its like. Elsewhere it says what to do.
set -euo pipefail
if command -v chromium >/dev/null; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing chromium for the browser tests"
    apt-get -qq update || true
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium >/dev/null
else
    echo "the browser tests need a program named chromium on PATH; install it with your package manager" >&2
    exit 1
fi
