#!/usr/bin/env bash
# Makes .venv with Python 3.11 or newer and installs pinned packages into it.
#   stack/venv.sh GROUP...     dependency groups of pyproject.toml: stack, demo, dev
# A stamp per group makes the second run quick; changed pins or dependencies make it install again.
set -euo pipefail
cd "$(dirname "$0")/.."

new_enough='import sys; sys.exit(sys.version_info < (3, 11))'

find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null && "$candidate" -c "$new_enough" 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "Python 3.11 or newer is needed. Install it, or name it: make setup PYTHON=/path/to/python3" >&2
    exit 1
}

make_venv() {
    local python
    python=$(find_python)
    echo "making .venv with $("$python" --version)"
    rm -rf .venv
    if ! "$python" -m venv .venv >/dev/null 2>&1; then
        rm -rf .venv
        # Debian keeps ensurepip in a package of its own.
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y python3-venv >/dev/null
            "$python" -m venv .venv
        else
            echo "$python cannot make virtual environments. As root: apt install python3-venv" >&2
            exit 1
        fi
    fi
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt pip
}

.venv/bin/python -c "$new_enough" 2>/dev/null || make_venv

wanted=$(cat constraints.txt pyproject.toml client/pyproject.toml exporter/pyproject.toml labeler/pyproject.toml | sha256sum)
for group in "$@"; do
    stamp=.venv/.installed-$group
    if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
        log=.venv/install-$group.log
        echo "installing the Python packages of group $group (a minute or so; log in $log)"
        if ! .venv/bin/python -m pip install --disable-pip-version-check -c constraints.txt \
            -e client -e exporter -e './labeler[hub,study,models]' --group "$group" >"$log" 2>&1; then
            grep -v '^Looking in' "$log" | tail -n 20 >&2
            echo "pip failed; the whole log is in $log" >&2
            exit 1
        fi
        echo "$wanted" >"$stamp"
    fi
done
