#!/usr/bin/env bash
# Writes constraints.txt anew: the newest versions that work together, found in an empty environment.
set -euo pipefail
cd "$(dirname "$0")/.."
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
"${PYTHON:-python3}" -m venv "$fresh"
"$fresh/bin/python" -m pip install --quiet --upgrade pip setuptools
"$fresh/bin/python" -m pip install --quiet -e 'client[top]' -e exporter -e './labeler[hub,study,models,postgresql]' --group dev
{
    echo "# Pinned versions of everything installed here, runtime and development. Written by stack/pin.sh;"
    echo "# used by make, the Dockerfiles and by hand: pip install -c constraints.txt -e client -e exporter -e labeler"
    "$fresh/bin/python" -m pip freeze --all --exclude-editable | grep -E '^[A-Za-z0-9_.-]+==' | sort -f
} >"$fresh/constraints.txt"
mv "$fresh/constraints.txt" constraints.txt
