#!/usr/bin/env bash
# The tables of the dashboards through Grafana's own package, @grafana/data, from npm. It is installed below var/ and is
# no part of this project. Without npm, or a registry that answers, the test is skipped and says so.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"
folder=${STACK_VAR:-$PWD/var}/grafana-data
if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
    echo "skipped: npm is not installed here"
    exit 0
fi
mkdir -p "$folder"
if [ ! -d "$folder/node_modules/@grafana/data" ]; then
    echo '{"private": true}' >"$folder/package.json"
    if ! npm install --prefix "$folder" --no-audit --no-fund --ignore-scripts --loglevel=error \
        @grafana/data@12.4 jsdom@29 react@18 react-dom@18; then
        rm -rf "$folder"
        echo "skipped: npm's registry does not answer"
        exit 0
    fi
fi
GRAMWATT_NODE_MODULES=$folder/node_modules exec pytest tests/grafana_data "$@"
